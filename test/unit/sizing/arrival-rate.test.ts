import { describe, expect, it } from "vitest";
import { ArrivalRate } from "../../../src/sizing/arrival-rate.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";

const WINDOW_MS = 60_000;
const REFILL_MS = 250;

function rate(largestBurst = 100): ArrivalRate {
  return new ArrivalRate({ windowMs: WINDOW_MS, largestBurst });
}

/** Arrivals at these moments. */
function after(moments: readonly number[], largestBurst?: number): ArrivalRate {
  const arrivals = rate(largestBurst);
  for (const atMs of moments) arrivals.add(atMs, REFILL_MS);
  return arrivals;
}

const every = (gapMs: number, fromMs: number, toMs: number): number[] =>
  Array.from({ length: Math.floor((toMs - fromMs) / gapMs) }, (_, index) => fromMs + index * gapMs);

describe("the rate of arrivals", () => {
  it("is what came over a long window, and what is certain of a short one", () => {
    const arrivals = after([...every(1_000, 0, 114_000), ...every(100, 114_000, 120_000)]);
    const [long, short] = arrivals.perSecond(119_999);
    expect(long).toBeCloseTo((54 + 60) / 60, 1);
    // 60 in 6 s, of which 15 may be chance.
    expect(short).toBeCloseTo((60 - 2 * Math.sqrt(60)) / 6, 1);
  });

  it("forgets what has left its windows, and nothing sooner", () => {
    const arrivals = after(every(1_000, 0, 60_000));
    expect(arrivals.perSecond(59_999)[0]).toBeCloseTo(1, 2);
    expect(arrivals.perSecond(89_999)[0]).toBeCloseTo(0.5, 1);
    expect(arrivals.perSecond(89_999)[1]).toBe(0);
    expect(arrivals.perSecond(120_000)[0]).toBe(0);
  });

  it("is right after a long silence, on a clock of any age", () => {
    const arrivals = after([0, 1_767_225_600_000, 1_767_225_600_000, 1_767_225_601_000]);
    expect(arrivals.perSecond(1_767_225_601_000)[0]).toBeCloseTo(3 / 59, 2);
    expect(arrivals.perSecond(1_767_225_601_000)[1]).toBe(0);
  });
});

describe("the burst", () => {
  it("is the most that came within one refill", () => {
    expect(rate().burst(0, 0.001)).toBe(0);
    const arrivals = after([0, 10, 20, 249, 300, 5_000, 5_001]);
    expect(arrivals.burst(5_001, 0.001)).toBe(4);
  });

  it("leaves out as many as may miss", () => {
    // 99 alone, and three at once: the second of the three is within 2 of 102, the third within 1 of 102.
    const arrivals = after([...every(1_000, 0, 99_000), 99_000, 99_000, 99_000]);
    expect(arrivals.burst(99_000, 0.001)).toBe(3);
    expect(arrivals.burst(99_000, 0.0099)).toBe(2);
    expect(arrivals.burst(99_000, 0.02)).toBe(1);
  });

  it("is the stock with which no more than these would have missed, as counting them shows", () => {
    const random = seededNumbers(5);
    let atMs = 0;
    const moments = Array.from({ length: 5_000 }, () => (atMs += -Math.log(1 - random()) * 100));
    const arrivals = rate();
    moments.forEach((moment) => arrivals.add(moment, REFILL_MS));
    const lately = moments.filter((moment) => moment > atMs - 9 * WINDOW_MS);
    const burst = arrivals.burst(atMs, 0.01);
    const missesWith = (stock: number) =>
      lately.filter((moment) => lately.filter((one) => one > moment - REFILL_MS && one <= moment).length > stock)
        .length;
    expect(missesWith(burst) / lately.length).toBeLessThanOrEqual(0.01);
    expect(missesWith(burst - 1) / lately.length).toBeGreaterThan(0.01);
  });

  it("is remembered for nine windows at least, and forgotten after eleven", () => {
    const arrivals = after(every(0.1, 30_000, 30_001));
    expect(arrivals.burst(9 * WINDOW_MS, 0.001)).toBe(10);
    expect(arrivals.burst(11 * WINDOW_MS, 0.001)).toBe(0);
  });

  it("does not grow without end: those beyond the largest stock all count as one more than it", () => {
    const arrivals = after(every(0.001, 0, 10), 64);
    expect(arrivals.burst(10, 0.001)).toBe(65);
  });
});
