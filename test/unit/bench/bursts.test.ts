import { describe, expect, it } from "vitest";
import { burstyArrivals, type BurstyLoad } from "../../../bench/lib/load/bursts.js";
import { seededNumbers } from "../../../bench/lib/seeded.js";

const LOAD: BurstyLoad = {
  ...{ durationMs: 2_000_000, singlesPerS: 1, burstsPerS: 0.25 },
  ...{ burstSize: { least: 2, most: 6 }, burstMs: 50 },
};
const arrivals = (fields: Partial<BurstyLoad> = {}, seed = 1) =>
  burstyArrivals({ ...LOAD, ...fields }, seededNumbers(seed));

describe("arrivals with bursts", () => {
  it("are as many as the rates of both kinds say, in order, and the same each time", () => {
    const moments = arrivals();
    // 1 a second alone, 0.25 bursts of 4.
    expect(moments.length / 2_000).toBeCloseTo(2, 0);
    expect(moments).toEqual([...moments].sort((one, other) => one - other));
    expect(arrivals()).toEqual(moments);
    expect(arrivals({}, 2)).not.toEqual(moments);
  });

  it("have bursts of the sizes asked for", () => {
    const moments = arrivals({ singlesPerS: 1e-9, burstsPerS: 0.01 });
    const sizes = moments.map((atMs) => moments.filter((other) => Math.abs(other - atMs) <= 50).length);
    expect(Math.min(...sizes)).toBe(2);
    expect(Math.max(...sizes)).toBe(6);
  });
});
