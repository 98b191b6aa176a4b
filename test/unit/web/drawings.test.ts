import { describe, expect, it } from "vitest";
import { counselFor } from "../../../src/web/dashboard/advice.js";
import { lastMinuteOf } from "../../../src/web/dashboard/arrivals.js";
import { LONGEST_MS, placeOf, SHORTEST_MS } from "../../../src/web/dashboard/log-scale.js";
import { type MatchState, rearrange, sandboxesPerMatch } from "../../../src/web/dashboard/slots.js";
import { barsOf, totalMs } from "../../../src/web/dashboard/waterfall.js";
import { runSummaryOf } from "./run-summary.js";

const NONE = { warm: 0, leased: 0, evicting: 0, creating: 0 };

it("the last minute is the one before the bucket that fills now, and counts all that came", () => {
  const minute = Array.from({ length: 12 }, (): [number, number, number] => [1, 2, 3]);
  expect(lastMinuteOf([[100, 0, 0], ...minute, [1_000, 0, 0]])).toBe(72);
  expect(lastMinuteOf([[1_000, 0, 0]])).toBe(0);
});

describe("the matches of a strip", () => {
  it("stay where they are, and change as sandboxes do", () => {
    let slots: MatchState[] = rearrange([], { ...NONE, warm: 3 }, 3);
    expect(slots).toEqual(["warm", "warm", "warm"]);
    slots = rearrange(slots, { ...NONE, warm: 2, leased: 1, creating: 1 }, 3);
    expect(slots).toEqual(["leased", "warm", "warm", "creating"]);
    slots = rearrange(slots, { ...NONE, warm: 2, evicting: 1, creating: 1 }, 3);
    expect(slots).toEqual(["evicting", "warm", "warm", "creating"]);
    slots = rearrange(slots, { ...NONE, warm: 3 }, 3);
    expect(slots.toSorted()).toEqual(["warm", "warm", "warm"]);
  });

  it("leave places for what is not there, and are as many as there are sandboxes", () => {
    expect(rearrange([], NONE, 2)).toEqual(["empty", "empty"]);
    const counts = { warm: 5, leased: 3, evicting: 2, creating: 1 };
    const slots = rearrange(["leased", "leased", "evicting", "empty"], counts, 4);
    for (const [state, count] of Object.entries(counts))
      expect([state, slots.filter((slot) => slot === state).length]).toEqual([state, count]);
    expect(slots).toHaveLength(11);
  });

  it("stand for several sandboxes each where there are very many", () => {
    expect([1, 96, 97, 1_000].map(sandboxesPerMatch)).toEqual([1, 1, 2, 11]);
  });
});

describe("a run's waterfall", () => {
  it("is cut where it got its sandbox, was released, and gave its first byte", () => {
    const run = runSummaryOf(0, { queueMs: 2, handoutMs: 3, firstByteMs: 20, runMs: 100 });
    const bars = barsOf(run);
    expect(bars.map(({ stage }) => stage)).toEqual(["wait", "handout", "first", "run"]);
    expect(bars.map(({ to }) => to)).toEqual([2, 5, 20, 105].map(placeOf));
    expect(bars.slice(1).map(({ from }) => from)).toEqual(bars.slice(0, -1).map(({ to }) => to));
    expect(totalMs(run)).toBe(105);
  });

  it("never goes back, whoever's clock was slow", () => {
    const run = runSummaryOf(0, { queueMs: 2, handoutMs: 3, firstByteMs: 90, runMs: 10 });
    const bars = barsOf(run);
    expect(bars.at(-1)).toEqual({ stage: "first", from: placeOf(5), to: placeOf(90) });
    expect(totalMs(run)).toBe(90);
  });

  it("is a wait alone for a run that got no sandbox", () => {
    const bars = barsOf(runSummaryOf(0, { queueMs: 500, runMs: null, firstByteMs: null }));
    expect(bars).toEqual([{ stage: "wait", from: 0, to: placeOf(500) }]);
  });
});

describe("the axis of latencies", () => {
  it("is logarithmic, and has no place outside of itself", () => {
    expect([placeOf(0), placeOf(SHORTEST_MS), placeOf(LONGEST_MS), placeOf(1e9)]).toEqual([0, 0, 1, 1]);
    expect(placeOf(100) - placeOf(10)).toBeCloseTo(placeOf(1_000) - placeOf(100));
  });
});

describe("advice", () => {
  const lanes = [
    { lane: "python", runs: 1_200, present: 4, recommended: 6, isReached: true, reason: "4 gives 98 %; 6 is enough" },
  ];
  const advice = { state: "ready", at: 0, hours: 3, targetHitRate: 0.999, lanes } as const;

  it("says what to set, or to keep, for the size that the lane has now", () => {
    expect(counselFor(advice, "python", 4)).toEqual({
      ...{ verdict: "set warm: 6", isChange: true },
      words: "4 gives 98 %; 6 is enough (1,200 runs, target 99.90 %)",
    });
    expect(counselFor(advice, "python", 6)).toMatchObject({ verdict: "keep warm: 6", isChange: false });
  });

  it("has nothing to set where the size follows the runs", () => {
    const adaptive = { ...advice, lanes: lanes.map((lane) => ({ ...lane, present: null })) };
    expect(counselFor(adaptive, "python", 5)).toMatchObject({ verdict: "follows the runs: 5", isChange: false });
  });

  it("says why there is none", () => {
    expect(counselFor({ state: "off" }, "python", 4).words).toContain("sizing.traceFile");
    expect(counselFor({ state: "failed", message: "torn" }, "python", 4).words).toBe("torn");
    expect(counselFor(advice, "shell", 4).verdict).toBe("no runs yet");
  });
});
