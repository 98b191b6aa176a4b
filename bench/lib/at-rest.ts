import { setTimeout as sleep } from "node:timers/promises";
import type { Address } from "../../src/client/address.js";
import { getLanes } from "../../src/cli/daemon-http.js";

const POLL_MS = 25;
/** A stock and its leftovers take seconds; ten times as long on a machine that has something else to do. */
const DEADLINE_MS = 60_000;

/**
 * Waits until the daemon has nothing left to do for the runs so far: every stock is full, every used container is gone.
 * @param deadlineMs longer for a large stock that is filled for the first time
 * @throws Error when it is not so within the deadline
 */
export async function atRest(
  address: Address,
  token: string | undefined,
  deadlineMs: number = DEADLINE_MS,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const { lanes } = await getLanes(address, { token });
    const busy = lanes.find(
      ({ stock }) => stock.warm < stock.warmTarget || stock.creating + stock.leased + stock.evicting > 0,
    );
    if (busy === undefined) return;
    if (performance.now() > end) {
      throw new Error(`lane ${busy.name} is still busy after ${deadlineMs / 1_000} s: ${JSON.stringify(busy.stock)}`);
    }
    await sleep(POLL_MS);
  }
}

/** How many ready sandboxes a lane keeps. @throws Error when there is no such lane, or it keeps none */
export async function warmTarget(address: Address, token: string | undefined, lane: string): Promise<number> {
  const { lanes } = await getLanes(address, { token });
  const found = lanes.find(({ name }) => name === lane);
  if (found === undefined) {
    throw new Error(`the daemon has no lane "${lane}"; it has: ${lanes.map(({ name }) => name).join(", ")}`);
  }
  if (found.stock.warmTarget < 1) {
    throw new Error(`lane ${lane} keeps ${found.stock.warmTarget} ready sandboxes; this needs at least 1`);
  }
  return found.stock.warmTarget;
}
