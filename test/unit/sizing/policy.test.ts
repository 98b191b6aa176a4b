import { describe, expect, it } from "vitest";
import {
  missRate,
  nextSize,
  type SizingBounds,
  type SizingMoment,
  type SizingObservation,
  type SizingState,
  warmSize,
} from "../../../src/sizing/policy.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";
import { simulate } from "../../../src/sizing/simulate.js";

const BOUNDS: SizingBounds = {
  targetHitRate: 0.999,
  min: 0,
  max: 64,
};

function observation(fields: Partial<SizingObservation> = {}): SizingObservation {
  return { arrivalsPerS: [2], burst: 0, refillMs: 250, startsInParallel: 1_000, ...fields };
}

const size = (fields: Partial<SizingObservation> = {}, bounds: Partial<SizingBounds> = {}) =>
  warmSize(observation(fields), { ...BOUNDS, ...bounds });

describe("the share of runs that miss", () => {
  // From a table of the Poisson distribution.
  it.each([
    [1, 4, 0.018988],
    [2, 8, 0.001097],
    [5, 10, 0.031828],
  ])("is the Poisson tail where starts never wait: mean %d, stock %d", (load, warm, expected) => {
    // No more starts than the stock can use count, and from some number on they make no difference.
    expect(missRate({ load, startsInParallel: 1_000, warm }) / expected).toBeGreaterThan(1);
    expect(missRate({ load, startsInParallel: 1_000, warm }) / expected).toBeLessThan(1.3);
    expect(missRate({ load, startsInParallel: warm, warm })).toBe(missRate({ load, startsInParallel: 1_000, warm }));
  });

  it("is the load where one start makes them for a stock of one: M/D/1", () => {
    expect(missRate({ load: 0.4, startsInParallel: 1, warm: 1 })).toBeCloseTo(0.4, 6);
    // P(N >= 2) of M/D/1: 1 - (1 - a) e^a.
    expect(missRate({ load: 0.4, startsInParallel: 1, warm: 2 })).toBeCloseTo(1 - 0.6 * Math.exp(0.4), 6);
  });

  it.each([
    [2, 1.2, 3],
    [2, 1.7, 8],
    [4, 2, 5],
    [4, 3.5, 4],
    [8, 2, 3],
  ])("is what the simulation has: %d starts, load %d, stock %d", (startsInParallel, load, warm) => {
    const random = seededNumbers(warm);
    let atMs = 0;
    const arrivals = Array.from({ length: 150_000 }, () => {
      atMs += (-Math.log(1 - random()) / load) * 100;
      return { atMs, lane: "python", runMs: 10 };
    });
    const lane = {
      ...{ warm, maxSandboxes: 1_000, maxQueued: 1_000, queueTimeoutMs: 1e9, removeMs: 10 },
      refill: { kind: "constant", ms: 100 } as const,
    };
    const hitRate = simulate({ arrivals, lanes: { python: lane }, maxConcurrentStarts: startsInParallel }).get(
      "python",
    )!.hitRate!;
    const expected = missRate({ load, startsInParallel, warm });
    // Where there are more starts than stock, runs in line beyond the stock begin creations that the formula has not.
    expect(Math.abs(1 - hitRate - expected)).toBeLessThan((warm < startsInParallel ? 0.2 : 0.07) * expected + 0.001);
  });

  it("is everything where more arrive than can be made", () => {
    expect(missRate({ load: 2, startsInParallel: 2, warm: 1_000 })).toBe(1);
    expect(missRate({ load: 1, startsInParallel: 2, warm: 0 })).toBe(1);
    expect(missRate({ load: 0, startsInParallel: 2, warm: 1 })).toBe(0);
  });
});

describe("the size of a stock", () => {
  it("is the smallest that misses no more than it may", () => {
    for (const startsInParallel of [1, 2, 4, 1_000]) {
      for (const rate of [0.1, 1, 3, 3.9]) {
        const { warm, reason } = size({ arrivalsPerS: [rate], startsInParallel });
        const load = rate * 0.25;
        if (reason === "max") continue;
        expect(missRate({ load, startsInParallel, warm })).toBeLessThanOrEqual(0.001);
        expect(missRate({ load, startsInParallel, warm: warm - 1 })).toBeGreaterThan(0.001);
      }
    }
    expect(size().reason).toBe("rate");
  });

  it("is near a rule of thumb: the mean, and 3.1 of its roots", () => {
    for (const load of [4, 9, 16, 25]) {
      const { warm } = size({ arrivalsPerS: [load * 4] });
      expect(Math.abs(warm - (load + 3.1 * Math.sqrt(load)))).toBeLessThanOrEqual(3);
    }
  });

  it("takes the greatest of the rates, and at least the burst", () => {
    expect(size({ arrivalsPerS: [1, 20, 3] })).toEqual(size({ arrivalsPerS: [20] }));
    expect(size({ burst: 30 })).toEqual({ warm: 30, reason: "burst" });
    expect(size({ arrivalsPerS: [] })).toEqual({ warm: 0, reason: "rate" });
  });

  it("grows with rate, refill time and target, and never with starts", () => {
    const random = seededNumbers(1);
    for (let round = 0; round < 15; round += 1) {
      const arrivalsPerS = random() * 20;
      const startsInParallel = 1 + Math.floor(random() * 8);
      const one = size({ arrivalsPerS: [arrivalsPerS], startsInParallel }).warm;
      expect(size({ arrivalsPerS: [arrivalsPerS * 1.3], startsInParallel }).warm).toBeGreaterThanOrEqual(one);
      expect(size({ arrivalsPerS: [arrivalsPerS], startsInParallel, refillMs: 300 }).warm).toBeGreaterThanOrEqual(one);
      expect(
        size({ arrivalsPerS: [arrivalsPerS], startsInParallel }, { targetHitRate: 0.9999 }).warm,
      ).toBeGreaterThanOrEqual(one);
      expect(size({ arrivalsPerS: [arrivalsPerS], startsInParallel: startsInParallel + 1 }).warm).toBeLessThanOrEqual(
        one,
      );
    }
  });

  it("stays within its bounds, and says which one decided", () => {
    expect(size({}, { min: 20 })).toEqual({ warm: 20, reason: "min" });
    expect(size({ burst: 100 })).toEqual({ warm: 64, reason: "max" });
    // Ten a second where two starts make eight.
    expect(size({ arrivalsPerS: [10], startsInParallel: 2 })).toEqual({ warm: 64, reason: "max" });
  });
});

describe("the size over time", () => {
  const PACE = { holdMs: 60_000, margin: 0.2 };
  const STEP_MS = 10_000;

  /** Sizes after each of these observations. */
  function sizes(observations: readonly Partial<SizingObservation>[], from = 0): number[] {
    let state: SizingState = { warm: from, reason: "min", lowerSinceMs: null };
    return observations.map((fields, index) => {
      const moment: SizingMoment = { ...observation(fields), nowMs: index * STEP_MS };
      state = nextSize(state, moment, { bounds: BOUNDS, pace: PACE });
      return state.warm;
    });
  }
  const steady = (rate: number, times: number) =>
    Array.from({ length: times }, () => ({ arrivalsPerS: [rate] }) satisfies Partial<SizingObservation>);
  const turns = (values: readonly number[]) => {
    const steps = values.slice(1).map((value, index) => Math.sign(value - values[index]!));
    const moves = steps.filter((step) => step !== 0);
    return moves.slice(1).filter((step, index) => step !== moves[index]).length;
  };

  it("goes up at once", () => {
    const [first, second] = sizes([...steady(1, 1), ...steady(40, 1)]);
    expect(second).toBe(size({ arrivalsPerS: [40] }).warm);
    expect(second).toBeGreaterThan(first! + 5);
  });

  it("goes down by one at a time, after the lower need has held, down to what is needed with the margin", () => {
    const after = sizes(steady(2, 150), 20);
    expect(after[5]).toBe(20);
    expect(after[6]).toBe(19);
    expect(after[11]).toBe(19);
    expect(after[12]).toBe(18);
    expect(after.at(-1)).toBe(size({ arrivalsPerS: [2 * 1.2] }).warm);
  });

  it("starts its wait anew when more is needed in between", () => {
    const after = sizes([...steady(2, 5), ...steady(40, 1), ...steady(2, 6)], 19);
    expect(after.at(-1)).toBe(after[5]);
  });

  it("does not change while nothing changes", () => {
    const random = seededNumbers(2);
    for (let round = 0; round < 10; round += 1) {
      const after = sizes(steady(random() * 50, 20));
      expect(new Set(after).size).toBe(1);
    }
  });

  it("does not swing with a rate that goes to and fro around a boundary, however slowly", () => {
    const random = seededNumbers(3);
    for (let round = 0; round < 10; round += 1) {
      const [rate, period] = [0.5 + random() * 30, 1 + Math.floor(random() * 20)];
      const swing = Array.from({ length: 100 }, (_, index) =>
        Math.floor(index / period) % 2 === 0 ? rate : rate * 1.19,
      );
      const after = sizes(swing.map((one) => ({ arrivalsPerS: [one] })));
      expect(turns(after)).toBe(0);
    }
  });

  it("does not swing with a rate that changes much, but often", () => {
    const after = sizes(Array.from({ length: 100 }, (_, index) => ({ arrivalsPerS: [index % 8 < 4 ? 1 : 30] })));
    expect(turns(after)).toBe(0);
  });

  it("gives back at once what its bounds no longer allow", () => {
    const state = nextSize(
      { warm: 50, reason: "burst", lowerSinceMs: null },
      { ...observation({ burst: 8 }), nowMs: 0 },
      { bounds: { ...BOUNDS, max: 10 }, pace: PACE },
    );
    expect(state).toEqual({ warm: 10, reason: "max", lowerSinceMs: null });
  });

  it("keeps the reason of what it keeps", () => {
    const before: SizingState = { warm: 20, reason: "burst", lowerSinceMs: null };
    const kept = nextSize(before, { ...observation(), nowMs: 0 }, { bounds: BOUNDS, pace: PACE });
    expect(kept).toEqual({ ...before, lowerSinceMs: 0 });
    expect(nextSize(kept, { ...observation(), nowMs: 60_000 }, { bounds: BOUNDS, pace: PACE })).toMatchObject({
      warm: 19,
      reason: "rate",
    });
  });
});
