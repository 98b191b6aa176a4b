import { describe, expect, it } from "vitest";
import { type FleetOptions, type FleetOutcome, PLACEMENTS, simulateFleet } from "../../../src/sizing/fleet.js";
import { missRate } from "../../../src/sizing/policy.js";
import { simulate } from "../../../src/sizing/simulate.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";
import { poissonTail } from "./poisson.js";

const HOST = { startsInParallel: 4, refillMs: 250, mostWarm: 400 };
const RUNS = 200_000;

function fleet(fields: Partial<FleetOptions> = {}): FleetOutcome {
  return simulateFleet({
    ...{
      ratePerS: 80,
      burst: null,
      placement: "random",
      hosts: 8,
      host: HOST,
      targetHitRate: 0.99,
      runs: RUNS,
      seed: 1,
    },
    ...fields,
  });
}

describe("a simulated fleet, beside theory", () => {
  it.each([0.9, 0.99, 0.999])(
    "is for runs that chance sends each as M/D/c on each machine, at a hit rate of %d",
    (targetHitRate) => {
      const { stockPerHost, hitRate } = fleet({ targetHitRate });
      const theory = (warm: number) => missRate({ load: 10 * 0.25, startsInParallel: 4, warm });
      expect(1 - hitRate).toBeGreaterThan(0.75 * theory(stockPerHost));
      expect(1 - hitRate).toBeLessThan(1.3 * theory(stockPerHost));
      expect(theory(stockPerHost - 1)).toBeGreaterThan(1 - targetHitRate);
    },
  );

  it.each([
    [80, 0.99],
    [400, 0.99],
    [2_000, 0.999],
  ])("is for one pool of starts enough as M/G/infinity: %d runs a second, %d", (ratePerS, targetHitRate) => {
    const host = { ...HOST, startsInParallel: 10_000 };
    const { stockPerHost, hitRate } = fleet({
      ratePerS,
      targetHitRate,
      host,
      hosts: 1,
      placement: "one pool",
      runs: 400_000,
    });
    const expected = poissonTail(ratePerS * 0.25, stockPerHost);
    expect(Math.abs(1 - hitRate - expected)).toBeLessThan(0.15 * expected);
  });

  it("needs a stock beyond its load that grows as the square root of it, where all machines are one", () => {
    const beyond = [40, 160, 640, 2_560].map((ratePerS) => {
      const host = { ...HOST, startsInParallel: 10_000, mostWarm: 10_000 };
      return fleet({ ratePerS, host, hosts: 1, placement: "one pool" }).stockPerHost - ratePerS * 0.25;
    });
    for (const [index, value] of beyond.slice(1).entries()) {
      expect(value / beyond[index]!).toBeGreaterThan(1.6);
      expect(value / beyond[index]!).toBeLessThan(2.4);
    }
  });
});

describe("a simulated fleet", () => {
  it("of one machine is what the simulation of a lane says", () => {
    const { stockPerHost, hitRate } = fleet({ hosts: 1, ratePerS: 10, runs: 50_000 });
    const random = seededNumbers(3);
    let atMs = 0;
    const arrivals = Array.from({ length: 50_000 }, () => {
      atMs += -Math.log(1 - random()) * 100;
      return { atMs, lane: "python", runMs: 1 };
    });
    const model = { warm: stockPerHost, maxSandboxes: 1_000, maxQueued: 1_000, queueTimeoutMs: 60_000, removeMs: 1 };
    const lanes = { python: { ...model, refill: { kind: "constant", ms: 250 } as const } };
    const lane = simulate({ arrivals, lanes, maxConcurrentStarts: 4 }).get("python")!;
    expect(Math.abs(lane.hitRate! - hitRate)).toBeLessThan(0.003);
  });

  it("needs less the better runs are placed, and least where all machines are one", () => {
    const [random, , two, pool] = PLACEMENTS.map(
      (placement) => fleet({ placement, hosts: 20, ratePerS: 200 }).stockPerHost,
    );
    expect(two).toBeLessThan(random!);
    expect(pool).toBeLessThanOrEqual(two!);
  });

  it("needs more for bursts, and tells how long those wait that find nothing", () => {
    const [steady, bursty] = [fleet(), fleet({ burst: { least: 4, most: 12 }, hosts: 1, ratePerS: 10 })];
    expect(bursty.stockPerHost).toBeGreaterThan(steady.stockPerHost);
    expect(bursty.waitMs.p99).toBe(0);
    expect(bursty.waitMs.p9999).toBeGreaterThan(0);
  });

  it("is not above what the memory of a machine allows, and says what that comes to", () => {
    const { stockPerHost, hitRate } = fleet({ host: { ...HOST, mostWarm: 3 } });
    expect(stockPerHost).toBe(3);
    expect(hitRate).toBeLessThan(0.99);
  });

  it("comes out the same each time", () => {
    expect(fleet({ runs: 5_000, placement: "two choices" })).toEqual(fleet({ runs: 5_000, placement: "two choices" }));
    expect(fleet({ runs: 5_000, seed: 2 })).not.toEqual(fleet({ runs: 5_000 }));
  });
});
