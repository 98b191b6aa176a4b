import { describe, expect, it } from "vitest";
import { seededNumbers } from "../../../src/sizing/seeded.js";
import { LaneRig } from "./rig.js";

/** Within so many ms after the last run the stock has its size. */
const SETTLED_MS = 90_000;

describe("a stock after a burst", () => {
  it("has its size again where more was made than was used: 3 warm, 11 runs at once, their client leaves", async () => {
    await using rig = await LaneRig.start({ warm: 3, maxSandboxes: 32 }, { launchMs: 200, removal: 50 });
    await rig.clock.advance(1_000);
    const client = new AbortController();
    const runs = Array.from({ length: 11 }, () =>
      rig.acquire({ signal: client.signal }).then(
        (lease) => client.signal.addEventListener("abort", () => void lease[Symbol.asyncDispose]()),
        () => undefined,
      ),
    );
    await rig.clock.advance(300);
    client.abort(new Error("gone"));
    await Promise.all(runs);
    await rig.clock.advance(SETTLED_MS);
    expect(rig.lane.counts).toMatchObject({ creating: 0, warm: 3, leased: 0, evicting: 0 });
    expect(rig.engine.sandboxes).toHaveLength(3);
  });

  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    "has its size again, whatever the burst was: %d",
    async (seed) => {
      const random = seededNumbers(seed + 1);
      const below = (limit: number): number => Math.floor(random() * limit);
      const warm = below(6);
      const maxSandboxes = Math.max(1, warm) + below(12);
      const behaviour = { launchMs: below(300), ready: below(100), removal: below(200) };
      await using rig = await LaneRig.start({ warm, maxSandboxes, maxQueued: 40 }, behaviour);
      await rig.clock.advance(2_000);
      for (let burst = 0; burst < 4; burst += 1) {
        const clients = Array.from({ length: 1 + below(3) }, () => new AbortController());
        const runs = Array.from({ length: below(30) }, (_, number) => {
          const which = number % clients.length;
          const { signal } = clients[which]!;
          const [queueMs, runMs] = [below(2_000), below(1_500)];
          return rig.acquire({ client: String(which), signal, queueMs }).then(
            async (lease) => {
              await rig.clock.sleep(runMs, { signal }).catch(() => undefined);
              await lease[Symbol.asyncDispose]();
            },
            () => undefined,
          );
        });
        await rig.clock.advance(below(600));
        if (random() < 0.3) rig.engine.sandboxes[below(rig.engine.sandboxes.length)]?.die();
        if (random() < 0.5) clients[0]!.abort(new Error("gone"));
        await rig.clock.advance(below(600));
        if (random() < 0.3) clients.at(-1)!.abort(new Error("gone"));
        await rig.clock.advance(6_000);
        await Promise.all(runs);
      }
      await rig.clock.advance(SETTLED_MS);
      expect(rig.lane.counts).toMatchObject({ creating: 0, warm, leased: 0, evicting: 0 });
      expect(rig.engine.sandboxes).toHaveLength(warm);
    },
  );
});
