import { describe, expect, it } from "vitest";
import { smallestStock } from "../../../src/sizing/policy.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";
import { Sizer } from "../../../src/sizing/sizer.js";
import { StockTable } from "../../../src/sizing/stock-table.js";

const REFILL_MS = 250;
const BOUNDS = { targetHitRate: 0.99, min: 1, max: 32 };

function sizer(bounds: Partial<typeof BOUNDS> = {}): Sizer {
  return new Sizer({
    ...{ bounds: { ...BOUNDS, ...bounds }, windowMs: 60_000, holdMs: 120_000, startsInParallel: 2, from: 0 },
  });
}

/** Poisson arrivals, at a rate that may change with time; the sizes second by second. */
function sizesWith(ratePerS: (second: number) => number, seconds: number, seed: number, one = sizer()): number[] {
  const random = seededNumbers(seed);
  const sizes: number[] = [];
  let arrivalMs = 0;
  for (let second = 0; second < seconds; second += 1) {
    for (;;) {
      const gapMs = (-Math.log(1 - random()) / ratePerS(second)) * 1_000;
      if (arrivalMs + gapMs >= (second + 1) * 1_000) break;
      arrivalMs += gapMs;
      one.arrived(arrivalMs, REFILL_MS);
    }
    arrivalMs = Math.max(arrivalMs, (second + 1) * 1_000);
    sizes.push(one.next((second + 1) * 1_000, REFILL_MS).warm);
  }
  return sizes;
}

describe("a lane's size", () => {
  it("begins at its least, and stays there while nothing comes", () => {
    const one = sizer({ min: 3 });
    expect(one.size).toMatchObject({ warm: 3, reason: "min" });
    expect(one.next(100_000, REFILL_MS)).toMatchObject({ warm: 3, reason: "min" });
  });

  it("has a burst's size at once, and gives it up by one at a time when it was forgotten", () => {
    const one = sizer();
    for (let run = 0; run < 8; run += 1) one.arrived(1_000, REFILL_MS);
    expect(one.next(1_001, REFILL_MS)).toMatchObject({ warm: 8, reason: "burst" });
    const sizes = Array.from({ length: 30 }, (_, step) => one.next(1_001 + step * 120_000, REFILL_MS).warm);
    expect(sizes.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 8));
    const falling = sizes.slice(sizes.lastIndexOf(8));
    expect(falling).toEqual([8, 7, 6, 5, 4, 3, 2, ...Array.from({ length: falling.length - 7 }, () => 1)]);
  });

  it("stays within its bounds whatever comes", () => {
    const sizes = sizesWith((second) => (second % 60 < 30 ? 0.1 : 100), 300, 7, sizer({ min: 2, max: 12 }));
    expect(Math.min(...sizes)).toBe(2);
    expect(Math.max(...sizes)).toBe(12);
  });

  it("does not swing under a steady rate: in an hour chance moves it by one or two", () => {
    for (const seed of [1, 2, 3]) {
      const settled = sizesWith(() => 4, 3_600, seed).slice(600);
      expect(Math.max(...settled) - Math.min(...settled)).toBeLessThanOrEqual(2);
      const moves = settled.slice(1).filter((size, index) => size !== settled[index]!);
      // In 50 minutes, with a look each second.
      expect(moves.length).toBeLessThanOrEqual(6);
    }
  });

  it("does not follow a rate that swings between 1 and 4 a second each minute", () => {
    const settled = sizesWith((second) => (second % 120 < 60 ? 1 : 4), 3_600, 4).slice(600);
    expect(Math.max(...settled) - Math.min(...settled)).toBeLessThanOrEqual(2);
  });

  it("follows a day: up for the busy hours, down for the quiet ones", () => {
    const sizes = sizesWith((second) => (second < 3_600 ? 0.2 : second < 7_200 ? 5 : 0.2), 4 * 3_600, 6);
    const mean = (from: number, to: number) =>
      sizes.slice(from, to).reduce((total, size) => total + size, 0) / (to - from);
    expect(mean(1_800, 3_600)).toBeLessThan(4);
    expect(mean(3_700, 7_200)).toBeGreaterThan(8);
    expect(mean(3 * 3_600, 4 * 3_600)).toBeLessThan(4);
  });
});

describe("the table of stocks", () => {
  it("has as many as the load takes, or what a load of 5 % more takes", () => {
    const goal = { startsInParallel: 2, targetHitRate: 0.99, max: 32 };
    const table = new StockTable(goal);
    const random = seededNumbers(9);
    expect(table.for(0)).toBe(0);
    for (let round = 0; round < 200; round += 1) {
      const load = random() * 2.2;
      const said = table.for(load);
      expect(said).toBeGreaterThanOrEqual(smallestStock(load, goal));
      expect(said).toBeLessThanOrEqual(smallestStock(load * 1.051, goal));
      expect(table.for(load)).toBe(said);
    }
  });
});
