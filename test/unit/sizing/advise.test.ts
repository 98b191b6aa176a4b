import { describe, expect, it } from "vitest";
import { advise, type AdviceOptions, mostWithin, showShare, type SizedLane } from "../../../src/sizing/advise.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";
import type { TraceLine } from "../../../src/sizing/trace.js";

const T = 1_767_225_600_000;

function lane(fields: Partial<SizedLane> = {}): SizedLane {
  return {
    ...{ warm: 4, maxSandboxes: 32, maxQueued: 64, queueTimeoutMs: 30_000, refillMs: 250, removeMs: 100 },
    ...fields,
  };
}

/** A burst of that many at one moment, every ten seconds. */
function bursts(size: number, times = 100, name = "python"): TraceLine[] {
  return Array.from({ length: size * times }, (_, index) => ({
    ...{ t: T + Math.floor(index / size) * 10_000, lane: name, ms: 20 },
  }));
}

function python(trace: readonly TraceLine[], fields: Partial<SizedLane> = {}, options: Partial<AdviceOptions> = {}) {
  return advise({
    ...{
      trace,
      lanes: { python: lane(fields) },
      maxConcurrentStarts: 2,
      targetHitRate: 0.999,
      memoryBudgetBytes: null,
    },
    ...options,
  })[0]!;
}

describe("advice for a lane", () => {
  it("is the size of its bursts where they come far apart", () => {
    const advice = python(bursts(6));
    expect(advice).toMatchObject({ runs: 600, burst: 6, present: 4, recommended: 6, isReached: true });
    expect(advice.reason).toBe(
      "4 gives 66.66 %; 6 is the smallest that reaches 99.9 %: bursts of up to 6 within one refill of 250 ms",
    );
    expect(advice.sizes.map(({ warm }) => warm)).toEqual([1, 2, 4, 5, 6, 8]);
  });

  it("tells what a lane that follows the runs would have kept, beside the best fixed size", () => {
    const warm = { min: 1, max: 16, target: 0.99, sandboxBytes: 1e7, windowMs: 60_000, holdMs: 120_000 };
    const advice = python(bursts(6), { warm });
    expect(advice).toMatchObject({ present: null, recommended: 6, adaptive: { outcome: { target: { peak: 6 } } } });
    expect(advice.reason).toBe(
      "it would have kept 6.0 ready on average and 6 at most, for 99.16 %; " +
        "the smallest fixed size that reaches 99 % is 6: bursts of up to 6 within one refill of 250 ms",
    );
    expect(python(bursts(6), { warm: { ...warm, max: 4 } }).reason).toBe(
      "it would have kept 4.0 ready on average and 4 at most, for 66.16 %; a fixed 6 gives 100 %: a higher max would give more",
    );
  });

  it("says so when the lane is larger than it takes, or as it should be", () => {
    expect(python(bursts(3), { warm: 8 }).reason).toMatch(/^3 is the smallest .*; 8 is more than that takes$/);
    expect(python(bursts(3), { warm: 3 }).reason).toMatch(/^2 gives 66\.66 %, and 3 is the smallest/);
    expect(python(bursts(1), { warm: 1 }).reason).toBe(
      "1 is enough for 99.9 %: never more than one arrives within one refill of 250 ms",
    );
  });

  it("is the smallest of all sizes that reach the target, as trying each shows", () => {
    const random = seededNumbers(4);
    let t = T;
    const trace = Array.from({ length: 5_000 }, () => ({
      t: (t += -Math.log(1 - random()) * 300),
      lane: "python",
      ms: 100,
    }));
    const { recommended } = python(trace);
    for (const [warm, isEnough] of [
      [recommended - 1, false],
      [recommended, true],
    ] as const) {
      const { outcome } = python(trace, { warm }).sizes.find((size) => size.warm === warm)!;
      expect(outcome.hitRate! >= 0.999).toBe(isEnough);
    }
  });

  it("names the starts where they cannot make as many as come", () => {
    // Ten a second, and two starts of 250 ms make eight.
    const trace = Array.from({ length: 3_000 }, (_, index) => ({ t: T + index * 100, lane: "python", ms: 20 }));
    const advice = python(trace);
    expect(advice.isReached).toBe(false);
    expect(advice.reason).toMatch(
      /^no size up to 32 reaches 99\.9 %: .*brings 10\.0 runs a second .*2 starts of 250 ms .*make 8\.0$/,
    );
  });

  it("names maxSandboxes where runs hold all there may be", () => {
    const trace = Array.from({ length: 200 }, (_, index) => ({ t: T + index * 1_000, lane: "python", ms: 20_000 }));
    const advice = python(trace, { maxSandboxes: 8 });
    expect(advice.isReached).toBe(false);
    expect(advice.reason).toContain("all of its 8 sandboxes in use");
  });

  it("counts runs that got no sandbox as arrivals, as long as the others", () => {
    const trace = bursts(2).map((line, index) => (index % 2 === 0 ? line : { ...line, ms: null }));
    expect(python(trace)).toMatchObject({ runs: 200, recommended: 2 });
  });

  it("is given for lanes that are configured and have runs, and for no others", () => {
    const trace = [...bursts(2), ...bursts(2, 10, "gone")].sort((one, other) => one.t - other.t);
    const lanes = { python: lane(), idle: lane() };
    const advice = advise({ trace, lanes, maxConcurrentStarts: 2, memoryBudgetBytes: null, targetHitRate: 0.999 });
    expect(advice.map((one) => one.lane)).toEqual(["python"]);
  });

  it("counts what the other lanes take of the starts", () => {
    const crowd = Array.from({ length: 2_000 }, (_, index) => ({ t: T + index * 500, lane: "shell", ms: 20 }));
    const trace = [...bursts(3), ...crowd].sort((one, other) => one.t - other.t);
    const hitRate = (refillMs: number) =>
      advise({
        ...{ trace, lanes: { python: lane({ warm: 3 }), shell: lane({ refillMs }) } },
        ...{ maxConcurrentStarts: 1, targetHitRate: 0.999, memoryBudgetBytes: null },
      })[0]!.sizes.find(({ warm }) => warm === 3)!.outcome.hitRate!;
    expect(hitRate(10)).toBe(1);
    expect(hitRate(490)).toBeLessThan(0.9);
  });
});

it("a day with a run each second is replayed at all sizes without a wait that anybody minds", () => {
  const random = seededNumbers(9);
  const trace = Array.from({ length: 86_400 }, () => ({ t: T + random() * 86_400_000, lane: "python", ms: 300 })).sort(
    (one, other) => one.t - other.t,
  );
  expect(python(trace).runs).toBe(86_400);
});

it.each([
  [0.999, "99.9 %"],
  [0.99899, "99.89 %"],
  [1, "100 %"],
  [0.999999, "99.99 %"],
  [2 / 3, "66.66 %"],
  [0, "0 %"],
])("a share of %d is shown as %s, and never as more than it is", (share, text) => {
  expect(showShare(share)).toBe(text);
});

it("the most moments within a time are counted over every such time, its end left out", () => {
  expect(mostWithin(10, [])).toBe(0);
  expect(mostWithin(10, [0, 10, 20])).toBe(1);
  expect(mostWithin(10, [0, 5, 9, 10, 30])).toBe(3);
});
