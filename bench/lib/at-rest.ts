import { setTimeout as sleep } from "node:timers/promises";
import type { Address } from "../../src/client/address.js";
import { getJson } from "../../src/cli/daemon-http.js";
import { lanesReport } from "../../src/protocol/lanes.js";

const POLL_MS = 25;
const DEADLINE_MS = 30_000;

/**
 * Waits until the daemon has nothing left to do for the runs so far: every stock is full, every used container is gone.
 * @throws Error when it is not so within 30 s
 */
export async function atRest(address: Address, token: string | undefined): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    const { lanes } = lanesReport.parse(await getJson(address, "/v1/lanes", { token }));
    const busy = lanes.find(
      ({ stock }) => stock.warm < stock.warmTarget || stock.creating + stock.leased + stock.evicting > 0,
    );
    if (busy === undefined) return;
    if (performance.now() > end) {
      throw new Error(`lane ${busy.name} is still busy after ${DEADLINE_MS / 1_000} s: ${JSON.stringify(busy.stock)}`);
    }
    await sleep(POLL_MS);
  }
}
