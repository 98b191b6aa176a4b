import { describe, expect, it } from "vitest";
import { summarize } from "../../../bench/lib/summary.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";

describe("a summary", () => {
  it("has no percentile beyond its samples", () => {
    const random = seededNumbers(3);
    for (let round = 0; round < 300; round += 1) {
      const samples = Array.from({ length: 1 + Math.floor(random() * 150) }, () => 10_000 * random() ** 4);
      const { p50, p90, p99, max, samples: rounded } = summarize(samples);
      const least = Math.min(...rounded);
      for (const percentile of [p50, p90, p99 ?? p90]) {
        expect(percentile).toBeGreaterThanOrEqual(least);
        expect(percentile).toBeLessThanOrEqual(max);
      }
    }
  });

  it("is all zero without samples and of zeros", () => {
    expect(summarize([])).toMatchObject({ count: 0, p50: 0, p90: 0, p99: null, max: 0 });
    expect(summarize([0, 0])).toMatchObject({ count: 2, p50: 0, p90: 0, max: 0 });
  });

  it.each([NaN, Infinity, -1])("refuses %d", (sample) => {
    expect(() => summarize([1, sample])).toThrow(RangeError);
  });
});
