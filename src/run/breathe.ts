import { setTimeout as sleep } from "node:timers/promises";

/**
 * How long a container is left alone once its run's ending is sent, in ms of the real clock: this is about processors, not
 * about the run. To have it removed takes one for 1 ms, and where there are few that is the one that a client on this
 * machine needs to read the ending: 0.3-0.6 ms in the median on two of them (docs/performance.md).
 */
const BREATHER_MS = 1;

/** Settles when the removal of a container no longer disturbs the client that reads its run's ending. */
export async function breathe(): Promise<void> {
  await sleep(BREATHER_MS);
}
