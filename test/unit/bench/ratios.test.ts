import { describe, expect, it } from "vitest";
import { showRatio } from "../../../bench/lib/report.js";
import { ratiosBetween, ratiosOfFirst } from "../../../bench/lib/scenario.js";
import { summarize, type Unit } from "../../../bench/lib/summary.js";

const subject = (name: string, figures: Readonly<Record<string, readonly [number, Unit]>>) => ({
  name,
  description: "",
  metrics: Object.fromEntries(Object.entries(figures).map(([metric, [p50, unit]]) => [metric, summarize([p50], unit)])),
});

describe("ratios", () => {
  it.each([
    [10, 100, "ms", 10, "ours is 10.0 times faster than theirs"],
    [100, 10, "ms", 0.1, "ours is 10.0 times slower than theirs"],
    [30, 10, "MB/s", 3, "ours is 3.0 times faster than theirs"],
    [4, 5, "runs/s", 0.8, "ours is 1.25 times slower than theirs"],
    [8, 16, "MiB", 2, "ours is 2.0 times less than theirs"],
    [1, 84.2, "ms", 84.2, "ours is 84 times faster than theirs"],
  ] as const)("say of %d beside %d %s how much better it is", (own, theirs, unit, factor, words) => {
    const [ratio] = ratiosBetween(subject("ours", { x: [own, unit] }), subject("theirs", { x: [theirs, unit] }));
    // The histogram keeps three digits.
    expect(ratio!.factor / factor).toBeCloseTo(1, 2);
    expect(showRatio(ratio!)).toBe(words);
  });

  it("are the first one's against every other, where both have the figure", () => {
    const all = [
      subject("ours", { first: [1, "ms"], exit: [2, "ms"] }),
      subject("a", { first: [3, "ms"] }),
      subject("b", { first: [5, "ms"], exit: [6, "ms"], more: [1, "ms"] }),
    ];
    const found = ratiosOfFirst(all).map(({ metric, comparedWith, factor }) => [
      metric,
      comparedWith,
      Math.round(factor),
    ]);
    expect(found).toEqual([
      ["first", "a", 3],
      ["first", "b", 5],
      ["exit", "b", 3],
    ]);
    expect(ratiosOfFirst([])).toEqual([]);
  });

  it("are none where one of the two is nothing", () => {
    const [none, some] = [subject("none", { x: [0, "count"] }), subject("some", { x: [3, "count"] })];
    for (const [one, other] of [
      [none, some],
      [some, none],
      [none, none],
    ] as const)
      expect(ratiosBetween(one, other)).toEqual([]);
  });

  it("leave floors out", () => {
    const floor = { ...subject("floor", { first: [1, "ms"] }), isFloor: true as const };
    const all = [floor, subject("ours", { first: [2, "ms"] }), subject("a", { first: [3, "ms"] }), floor];
    expect(ratiosOfFirst(all).map((ratio) => [ratio.subject, ratio.comparedWith])).toEqual([["ours", "a"]]);
  });
});

describe("a summary", () => {
  it("has percentiles to three digits, and no p99 that would be the maximum by another name", () => {
    const samples = Array.from({ length: 99 }, (_, index) => index + 1);
    expect(summarize(samples)).toMatchObject({ unit: "ms", count: 99, p99: null, max: 99 });
    expect(summarize(samples).p50).toBeCloseTo(50, 1);
    expect(summarize([...samples, 100]).p99).toBeCloseTo(99, 0);
  });

  it("keeps every sample, in the order in which they came", () => {
    expect(summarize([3.14159, 1, 2], "MB/s")).toMatchObject({ unit: "MB/s", samples: [3.142, 1, 2] });
  });
});
