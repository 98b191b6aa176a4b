import { describe, expect, it } from "vitest";
import { poissonArrivals, schedule } from "../../../bench/lib/load/arrivals.js";
import { seededNumbers } from "../../../bench/lib/seeded.js";

describe("a seeded generator", () => {
  it("gives the same numbers for the same seed, and others for another", () => {
    const numbers = (seed: number): number[] => {
      const random = seededNumbers(seed);
      return Array.from({ length: 20 }, () => random());
    };
    expect(numbers(7)).toEqual(numbers(7));
    expect(numbers(7)).not.toEqual(numbers(8));
  });

  it("gives the numbers of mulberry32", () => {
    const random = seededNumbers(1);
    expect([random(), random()].map((number) => number.toFixed(6))).toEqual(["0.627074", "0.002736"]);
  });

  it("spreads its numbers evenly from 0 to 1", () => {
    const random = seededNumbers(3);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let drawn = 0; drawn < 10_000; drawn += 1) tenths[Math.floor(random() * 10)]! += 1;
    for (const drawn of tenths) expect(Math.abs(drawn - 1_000)).toBeLessThan(150);
  });
});

describe("arrivals of a Poisson process", () => {
  it("are as many as asked for, in order, within the time of their rate", () => {
    const arrivals = poissonArrivals(200, 50, seededNumbers(1));
    expect(arrivals).toHaveLength(200);
    expect(arrivals).toEqual(arrivals.toSorted((one, other) => one - other));
    expect(arrivals[0]).toBeGreaterThanOrEqual(0);
    expect(arrivals[199]).toBeLessThan(4_000);
    expect(arrivals[199]).toBeGreaterThan(3_800);
  });

  it("come in bunches and gaps: the deviation of a gap is about its mean", () => {
    const arrivals = poissonArrivals(5_000, 100, seededNumbers(2));
    const gaps = arrivals.slice(1).map((ms, index) => ms - arrivals[index]!);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(mean).toBeCloseTo(10, 0);
    expect(deviation / mean).toBeGreaterThan(0.9);
    expect(deviation / mean).toBeLessThan(1.1);
  });

  it("need a rate", () => {
    expect(() => poissonArrivals(1, 0, seededNumbers(1))).toThrow("above 0, not 0");
    expect(() => poissonArrivals(1, NaN, seededNumbers(1))).toThrow("not NaN");
  });
});

describe("a schedule", () => {
  it("has its lead-in before what counts, at the same rate", () => {
    const plan = schedule({ leadIn: 30, counted: 60, ratePerS: 10 }, seededNumbers(4));
    expect(plan).toMatchObject({ countedFromMs: 3_000, countedToMs: 9_000 });
    expect(plan.arrivalsMs.filter((ms) => ms < 3_000)).toHaveLength(30);
    expect(plan.arrivalsMs.filter((ms) => ms >= 3_000 && ms < 9_000)).toHaveLength(60);
  });

  it("may do without a lead-in", () => {
    const plan = schedule({ leadIn: 0, counted: 2, ratePerS: 10 }, seededNumbers(4));
    expect(plan.arrivalsMs).toHaveLength(2);
    expect(plan).toMatchObject({ countedFromMs: 0, countedToMs: 200 });
  });
});
