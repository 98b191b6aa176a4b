import { describe, expect, it } from "vitest";
import { bootstrapInterval, median } from "../../../bench/lib/compare/bootstrap.js";
import { seededNumbers } from "../../../bench/lib/seeded.js";
import { summarize } from "../../../bench/lib/summary.js";
import { around } from "./support.js";

const ratio = ([a = Number.NaN, b = Number.NaN]: readonly number[]): number => a / b;

describe("the median", () => {
  it.each([[[1.3, 1.1, 1.2]], [[1.4, 1.1, 1.3, 1.2]], [[0.7]], [[0.5, 0.6, 0.1, 0.9, 0.2, 0.8]]])(
    "of %j has the rank that a summary has",
    (samples) => {
      expect(median(samples)).toBe(summarize(samples).p50);
    },
  );

  it("needs a sample", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("the bootstrap", () => {
  it("is the same for the same samples", () => {
    const samples = [around(10), around(20)];
    expect(bootstrapInterval(samples, ratio)).toEqual(bootstrapInterval(samples, ratio));
  });

  it("does not depend on the order of the samples", () => {
    expect(bootstrapInterval([around(10).reverse(), around(20)], ratio)).toEqual(
      bootstrapInterval([around(10), around(20)], ratio),
    );
  });

  it("has the true ratio inside and gets narrower with more samples", () => {
    const few = bootstrapInterval([around(10, 9), around(20, 9)], ratio);
    const many = bootstrapInterval([around(10, 401), around(20, 401)], ratio);
    for (const { low, high } of [few, many]) {
      expect(low).toBeLessThan(0.5);
      expect(high).toBeGreaterThan(0.5);
    }
    expect(many.high - many.low).toBeLessThan((few.high - few.low) / 2);
  });

  it("has no width where there is no noise", () => {
    expect(bootstrapInterval([Array<number>(8).fill(6), Array<number>(8).fill(3)], ratio)).toEqual({ low: 2, high: 2 });
  });

  it("covers the true median of samples in about 95 of 100 cases", () => {
    const random = seededNumbers(7);
    const rounds = 150;
    const hits = Array.from({ length: rounds }, () => {
      const samples = Array.from({ length: 31 }, () => 10 + random());
      const { low, high } = bootstrapInterval([samples], ([own = Number.NaN]) => own);
      return low <= 10.5 && high >= 10.5;
    }).filter(Boolean).length;
    expect(hits / rounds).toBeGreaterThan(0.9);
    expect(hits / rounds).toBeLessThan(0.99);
  });
});

describe("the random numbers", () => {
  it("are evenly spread from 0 to below 1", () => {
    const random = seededNumbers(1);
    const tenths = new Array<number>(10).fill(0);
    for (let round = 0; round < 10_000; round += 1) tenths[Math.floor(random() * 10)]! += 1;
    expect(tenths).toHaveLength(10);
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
