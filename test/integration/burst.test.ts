import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startDaemon } from "../support/daemon.js";
import { containersOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

const WARM = 3;
const BURST = 11;
/** How long what is above a lane's size is kept at most, in ms. */
const KEPT_MS = 65_000;

/** A minute of waiting. The short form is `unit/pool/exact-stock.test.ts`, on a clock that a test holds in its hands. */
const isLong = process.env["MATCHBOX_TEST_LONG"] !== undefined;

describe.runIf(isLong)("a lane after a burst", () => {
  it("keeps as many sandboxes ready as it is configured to: 11 runs at once, and their client leaves", async () => {
    await using daemon = await startDaemon([
      `lanes.python.warm=${WARM}`,
      "lanes.python.maxSandboxes=16",
      "lanes.shell.warm=0",
    ]);
    const counts = () => daemon.daemon.lanes.get("python").counts;
    const hasItsSize = (): boolean => {
      const { creating, warm, leased, evicting } = counts();
      return warm === WARM && creating + leased + evicting === 0;
    };
    const client = await Peer.connect(daemon.url);
    const ids = Array.from({ length: BURST }, () => client.start("python", "import time\ntime.sleep(60)"));
    await Promise.all(ids.slice(0, WARM).map((id) => client.heard(id, "started")));
    await client[Symbol.asyncDispose]();
    // What is above its size for want of runs is kept for a minute, in case they come again.
    await sleep(KEPT_MS);
    await waitFor(hasItsSize, { timeoutMs: 60_000, what: `${WARM} sandboxes to be there` });
    for (let second = 0; second < 5; second += 1) {
      await sleep(1_000);
      expect(counts()).toMatchObject({ creating: 0, warm: WARM, leased: 0, evicting: 0 });
    }
    expect(await containersOf(daemon.instance)).toHaveLength(WARM);
    // It is as good as ever.
    await using next = await Peer.connect(daemon.url);
    const outcome = await next.run("python", "print('fine')");
    expect(outcome).toMatchObject({ stdout: "fine\n", started: { launch: "warm" } });
  }, 180_000);
});
