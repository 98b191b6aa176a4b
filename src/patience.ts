import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "./clock.js";

/** A timer that fires later than this, in ms, shows that the process did not run, or that its event loop was held up. */
export const LATE_MS = 20;
/** How long the process listens again after it was held up, in ms, at most. */
const MAKE_UP_MS = 1_000;

/**
 * Waits for so long before something is decided against somebody who has said nothing.
 *
 * After a pause of the whole process (SIGSTOP, a suspended machine) or of its event loop, timers fire before anything that
 * has arrived meanwhile is read. So time in which nobody listened is made up for, and what has arrived is dealt with first.
 * @throws the signal's reason when it is aborted first
 */
export async function outwait(ms: number, options: { clock: Clock; signal?: AbortSignal }): Promise<void> {
  const { clock } = options;
  for (let left = ms; left > 0;) {
    const due = clock.now() + left;
    await clock.sleep(left, options);
    const late = clock.now() - due;
    left = late > LATE_MS ? Math.min(late, ms, MAKE_UP_MS) : 0;
  }
  await dealtWith();
  options.signal?.throwIfAborted();
}

/** Settles when what has arrived by now has been dealt with. */
export async function dealtWith(): Promise<void> {
  // The first turn may begin behind the phase in which the event loop reads.
  await nextTurn();
  await nextTurn();
}
