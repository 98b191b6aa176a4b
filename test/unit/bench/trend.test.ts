import { describe, expect, it } from "vitest";
import { trendOf } from "../../../bench/lib/soak/trend.js";

describe("trendOf", () => {
  it("compares the medians of the first and the last quarter", () => {
    expect(trendOf([1, 9, 2, 50, 50, 50, 50, 50, 50, 7, 8, 100])).toEqual({ firstQuarter: 2, lastQuarter: 8 });
  });

  it("takes the middle of two", () => {
    expect(trendOf([1, 3, 0, 0, 0, 0, 5, 9])).toEqual({ firstQuarter: 2, lastQuarter: 7 });
  });

  it("has no quarters of three samples", () => {
    expect(trendOf([1, 2, 3])).toBeUndefined();
  });
});
