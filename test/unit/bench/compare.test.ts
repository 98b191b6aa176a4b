import { describe, expect, it } from "vitest";
import { compareResults, isRegression, isSameMachine, verdictOf } from "../../../bench/lib/compare/compare.js";
import { printComparison, showRatioChange } from "../../../bench/lib/compare/report.js";
import type { StoredResult } from "../../../bench/lib/results.js";
import { around, MACHINE, resultOf, subject } from "./support.js";

const OTHER_MACHINE = { ...MACHINE, cpu: "Another processor" };

function measured(ownMs: number, baselineMs: number, more: Partial<StoredResult> = {}, count = 21): StoredResult {
  return resultOf(
    [subject("matchbox", { exit: around(ownMs, count) }), subject("docker run", { exit: around(baselineMs, count) })],
    more,
  );
}

describe("a comparison", () => {
  it("finds nothing between equal results", () => {
    const comparison = compareResults(measured(10, 800), measured(10, 800));
    expect(comparison.ratios).toMatchObject([{ before: 80, after: 80, better: 1, verdict: "unclear" }]);
    expect(comparison.notices).toEqual([]);
    expect(isRegression(comparison)).toBe(false);
  });

  it("goes by the ratio: a machine that is twice as slow for all changes nothing", () => {
    const comparison = compareResults(measured(10, 800), measured(20, 1_600, { machine: OTHER_MACHINE }));
    expect(comparison.ratios).toMatchObject([{ better: 1, verdict: "unclear" }]);
    expect(comparison.medians).toEqual([]);
    expect(comparison.notices).toEqual([expect.stringContaining("different machines")]);
    expect(isRegression(comparison)).toBe(false);
  });

  it("tells what became slower, with how much", () => {
    const comparison = compareResults(measured(10, 800), measured(12.5, 800));
    expect(comparison.ratios).toMatchObject([{ before: 80, after: 64, better: 0.8, verdict: "worse" }]);
    expect(isRegression(comparison)).toBe(true);
    expect(comparison.ratios.map(showRatioChange)).toEqual([
      expect.stringMatching(
        /^matchbox vs docker run, exit: 80 -> 64 times faster: 25 % slower \(95 %: \d+ % slower to \d+ % slower\)$/,
      ),
    ]);
  });

  it("tells what became faster, and calls it no regression", () => {
    const comparison = compareResults(measured(12.5, 800), measured(10, 800));
    expect(comparison.ratios).toMatchObject([{ better: 1.25, verdict: "better" }]);
    expect(isRegression(comparison)).toBe(false);
  });

  it("does not mind a change that is sure and small", () => {
    const comparison = compareResults(measured(10, 800, {}, 401), measured(10.4, 800, {}, 401));
    expect(comparison.ratios).toMatchObject([{ verdict: "worse" }]);
    expect(isRegression(comparison)).toBe(false);
  });

  it("does not mind a change that is large and within the noise", () => {
    const noisy = [5, 6, 8, 10, 14, 18, 30];
    const slower = [5, 7, 9, 13, 15, 21, 35];
    const baseline = subject("docker run", { exit: around(800) });
    const comparison = compareResults(
      resultOf([subject("matchbox", { exit: noisy }), baseline]),
      resultOf([subject("matchbox", { exit: slower }), baseline]),
    );
    expect(comparison.ratios[0]?.better).toBeLessThan(0.8);
    expect(comparison.ratios).toMatchObject([{ verdict: "unclear" }]);
    expect(comparison.ratios.map(showRatioChange)[0]).toContain("no difference that the noise lets one see");
    expect(isRegression(comparison)).toBe(false);
  });

  it("takes more of a throughput for better", () => {
    const rates = (own: number): StoredResult =>
      resultOf([
        subject("matchbox", { runs: around(own) }, "runs/s"),
        subject("docker run", { runs: around(2) }, "runs/s"),
      ]);
    expect(compareResults(rates(20), rates(10)).ratios).toMatchObject([{ before: 10, after: 5, verdict: "worse" }]);
    expect(compareResults(rates(20), rates(10)).medians[0]).toMatchObject({ verdict: "worse", better: 0.5 });
  });

  it("counts the medians of what has no baseline, on the same machine", () => {
    const alone = (mib: number): StoredResult => resultOf([subject("matchbox", { memory: around(mib) }, "MiB")]);
    const comparison = compareResults(alone(100), alone(150));
    expect(comparison.medians).toMatchObject([{ verdict: "worse", counts: true }]);
    expect(isRegression(comparison)).toBe(true);
  });

  it("does not count the median of a floor", () => {
    const withFloor = (ms: number): StoredResult =>
      resultOf([
        subject("matchbox", { exit: around(10) }),
        { ...subject("echo", { "first byte": around(ms) }), isFloor: true },
      ]);
    const comparison = compareResults(withFloor(1), withFloor(2));
    expect(comparison.medians.map(({ subject: name, verdict, counts }) => [name, verdict, counts])).toEqual([
      ["matchbox", "unclear", true],
      ["echo", "worse", false],
    ]);
    expect(isRegression(comparison)).toBe(false);
  });

  it("does not count the median of a baseline, nor of what has one", () => {
    const comparison = compareResults(measured(10, 800), measured(20, 1_600));
    expect(comparison.medians.map(({ subject: name, verdict, counts }) => [name, verdict, counts])).toEqual([
      ["matchbox", "worse", false],
      ["docker run", "worse", false],
    ]);
    expect(isRegression(comparison)).toBe(false);
  });

  it("says what is missing and what cannot be judged", () => {
    const without = resultOf([subject("matchbox", { exit: around(10) })], { settings: { runs: 5 } });
    const { ratios, notices } = compareResults(measured(10, 800), without);
    expect(ratios).toEqual([]);
    expect(notices).toEqual([
      "Setting runs was 20, is 5.",
      "docker run was measured only before.",
      "matchbox against docker run, exit: not in both results.",
    ]);
    expect(compareResults(measured(10, 800, {}, 5), measured(10, 800)).notices).toEqual([
      "matchbox against docker run, exit: too few samples to judge (5; 6 at least).",
    ]);
  });

  it("prints ratios, medians, notices and the verdict in this order", () => {
    const [before, after] = [measured(10, 800), measured(20, 800, { settings: { runs: 21 } })];
    const lines: string[] = [];
    printComparison(before, after, compareResults(before, after), (line) => lines.push(line));
    const places = [
      "80 -> 40 times faster",
      "Medians",
      "Setting runs",
      "Worse, beyond noise and by more than 5 %.",
    ].map((text) => lines.findIndex((line) => line.includes(text)));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });
});

it.each([
  [{ low: 0.7, high: 0.9 }, "worse"],
  [{ low: 0.9, high: 1 }, "unclear"],
  [{ low: 1, high: 1.2 }, "unclear"],
  [{ low: 1.01, high: 1.2 }, "better"],
])("an interval of %j is %s", (interval, verdict) => {
  expect(verdictOf(interval)).toBe(verdict);
});

it("machines are the same whatever their load, and only then", () => {
  expect(isSameMachine(MACHINE, { ...MACHINE, load1: 9 })).toBe(true);
  expect(isSameMachine(MACHINE, { ...MACHINE, node: "22.0.0" })).toBe(false);
});
