import { describe, expect, it } from "vitest";
import { burstyArrivals } from "../../../bench/lib/load/bursts.js";
import type { LaneConfig } from "../../../src/config/schema.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";
import { simulate } from "../../../src/sizing/simulate.js";
import { LaneRig, PACE } from "./rig.js";

const REFILL_MS = 200;
const MOMENTS = burstyArrivals(
  {
    ...{ durationMs: 200_000, singlesPerS: 1, burstsPerS: 0.25 },
    ...{ burstSize: { least: 2, most: 6 }, burstMs: 50 },
  },
  seededNumbers(20),
);

/** The share of runs that find a ready sandbox in a lane of the pool, whose programs end at once. */
async function played(warm: LaneConfig["warm"]): Promise<{ hitRate: number; target: number }> {
  await using rig = await LaneRig.start({ warm, maxSandboxes: 32 }, { launchMs: REFILL_MS });
  await rig.clock.advance(10_000);
  const begin = rig.clock.now();
  const runs: Promise<boolean>[] = [];
  for (const moment of MOMENTS) {
    await rig.clock.advance(begin + moment - rig.clock.now());
    runs.push(
      rig.acquire().then((lease) => {
        void lease[Symbol.asyncDispose]();
        return lease.launch === "warm";
      }),
    );
  }
  const target = rig.lane.warmTarget;
  await rig.clock.advance(60_000);
  const hits = (await Promise.all(runs)).filter((isHit) => isHit).length;
  return { hitRate: hits / runs.length, target };
}

function predicted(warm: LaneConfig["warm"]): number {
  const model = {
    ...{ maxSandboxes: 32, maxQueued: 64, queueTimeoutMs: 30_000, removeMs: 0 },
    warm: typeof warm === "number" ? warm : { ...warm, ...PACE, sandboxBytes: 1 },
    refill: { kind: "constant", ms: REFILL_MS } as const,
  };
  const arrivals = MOMENTS.map((atMs) => ({ atMs, lane: "python", runMs: 0 }));
  return simulate({ arrivals, lanes: { python: model }, maxConcurrentStarts: 2 }).get("python")!.hitRate!;
}

describe("the simulation, beside a lane of the pool on a clock of the test's", () => {
  it.each([1, 2, 4, 6])("tells the hit rate of a stock of %d", async (warm) => {
    const { hitRate } = await played(warm);
    expect(Math.abs(predicted(warm) - hitRate)).toBeLessThan(0.01);
  });

  it("tells that of one which follows the runs", async () => {
    const warm = { min: 1, max: 12, target: 0.95, idleMiB: 10 };
    const { hitRate, target } = await played(warm);
    expect(target).toBeGreaterThan(3);
    expect(Math.abs(predicted(warm) - hitRate)).toBeLessThan(0.02);
  });
});
