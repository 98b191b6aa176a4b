import { describe, expect, it } from "vitest";
import { startDaemon, testConfig, type TestDaemon } from "../support/daemon.js";
import { containersOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

const ADAPTIVE = [
  "lanes.python.warm={min: 1, max: 6, target: 0.99}",
  "lanes.python.maxSandboxes=12",
  "lanes.shell.warm=0",
  // A burst is remembered for ten of these.
  "sizing.windowMs=1000",
  "sizing.holdMs=300",
];

const stockOf = ({ daemon }: TestDaemon) => daemon.report().lanes.find(({ name }) => name === "python")!.stock;

describe("a lane whose size follows the runs", () => {
  it("grows under load, serves the next burst of the kind at once, and comes down to its least", async () => {
    await using daemon = await startDaemon(ADAPTIVE);
    await using peer = await Peer.connect(daemon.url);
    expect(stockOf(daemon)).toMatchObject({ warm: 1, warmTarget: 1, sizing: { min: 1, max: 6, reason: "min" } });

    const burst = () => Promise.all(Array.from({ length: 4 }, () => peer.run("python", "print(1)")));
    await burst();
    await waitFor(() => stockOf(daemon).warm >= 4 && stockOf(daemon).leased === 0, {
      timeoutMs: 20_000,
      what: "a stock as large as the burst",
    });
    expect(stockOf(daemon).sizing).toMatchObject({ reason: expect.stringMatching(/^(?:burst|rate|max)$/) });
    expect((await burst()).map(({ started }) => started?.launch)).toEqual(["warm", "warm", "warm", "warm"]);
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).toMatch(/^matchbox_warm_target_sandboxes\{lane="python"\} [456]$/m);
    expect(metrics).toMatch(/^matchbox_warm_target_bound_sandboxes\{lane="python",bound="max"\} 6$/m);
    expect(metrics).toMatch(/^matchbox_warm_target_reason\{lane="python",reason="(?:burst|rate|max)"\} 1$/m);

    const seen = new Set<number>();
    await waitFor(
      () => {
        seen.add(stockOf(daemon).warmTarget);
        return stockOf(daemon).warmTarget === 1;
      },
      { timeoutMs: 40_000, what: "the stock to come down" },
    );
    // By one at a time: nothing between was left out.
    expect([...seen].sort()).toEqual(Array.from({ length: Math.max(...seen) }, (_, index) => index + 1));
    await waitFor(async () => (await containersOf(daemon.instance)).length === 1, {
      timeoutMs: 10_000,
      what: "the surplus to be gone",
    });
  });

  it("keeps the containers that it has when its configuration begins to follow the runs, and when it stops", async () => {
    await using daemon = await startDaemon();
    const ids = async () => (await containersOf(daemon.instance)).map(({ Id: id }) => id).sort();
    const before = await ids();
    const reload = async (overrides: readonly string[]) =>
      daemon.daemon.reload(await testConfig(daemon.instance, overrides));
    expect(await reload(["lanes.python.warm={max: 8}"])).toHaveLength(1);
    expect(stockOf(daemon)).toMatchObject({ warmTarget: 2, sizing: { min: 1, max: 8, target: 0.999 } });
    expect(await reload(["sizing.holdMs=60000"])).toHaveLength(2);
    expect(stockOf(daemon)).toMatchObject({ warmTarget: 2, sizing: null });
    expect(await ids()).toEqual(before);
  });
});
