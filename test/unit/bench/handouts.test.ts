import { describe, expect, it } from "vitest";
import { poissonArrivals } from "../../../bench/lib/load/arrivals.js";
import { handoutsMs, type ImpatientRequest, refillingFigures } from "../../../bench/lib/load/handouts.js";
import { seededNumbers } from "../../../bench/lib/seeded.js";

const took = (handoutMs: number, launch: "warm" | "cold" = "warm") => ({
  launch,
  timings: { queueMs: 0.5, handoutMs },
});

/** One request every 100 ms; a number is a hand-out that took so long, `no` a refusal. */
function requests(...answers: readonly (number | "no")[]): ImpatientRequest[] {
  return answers.map((answer, index) => ({
    sentMs: index * 100,
    run: answer === "no" ? undefined : took(answer - 0.5),
  }));
}

describe("a hand-out", () => {
  it("is the wait and what comes after it, of those that found a ready sandbox", () => {
    expect(handoutsMs([took(2), took(300, "cold"), took(7)])).toEqual([2.5, 7.5]);
    expect(handoutsMs([])).toEqual([]);
  });
});

/** What a stock of eight answers, of which two are made at a time, each within 100 to 300 ms. */
function simulated(askedPerS: number, seed: number): (ImpatientRequest & { readonly ready: number })[] {
  const random = seededNumbers(seed);
  const makeMs = (): number => 100 + random() * 200;
  let ready = 8;
  let slots: number[] = [];
  const refillUntil = (now: number): void => {
    for (let due = Math.min(...slots); due <= now; due = Math.min(...slots)) {
      ready += 1;
      slots.splice(slots.indexOf(due), 1);
      if (ready + slots.length < 8) slots.push(due + makeMs());
    }
  };
  return poissonArrivals(500, askedPerS, random).map((sentMs) => {
    refillUntil(sentMs);
    const before = ready;
    if (before === 0) return { sentMs, run: undefined, ready: before };
    ready -= 1;
    if (slots.length < 2) slots = [...slots, sentMs + makeMs()];
    // Its time tells what was ready.
    return { sentMs, run: { launch: "warm", timings: { queueMs: 0, handoutMs: before } }, ready: before };
  });
}

describe("hand-outs while the pool refills", () => {
  it("count when no more can have been ready than are handed out before the next refusal", () => {
    expect(refillingFigures(requests("no", 1, "no", "no", 2, 3, "no"), 5).handoutsMs).toEqual([1, 2, 3]);
    const figures = refillingFigures(requests("no", 1, 2, "no", 3, 4, 5, "no", 6, "no"), 2);
    expect(figures).toMatchObject({ handoutsMs: [1, 2, 4, 5, 6], handedOut: 6 });
  });

  it("do not count without a refusal after them: nobody knows how many were ready", () => {
    expect(refillingFigures(requests("no", 1, "no", 8, 9), 5).handoutsMs).toEqual([1]);
    expect(refillingFigures(requests(7, 8, 9), 5).handoutsMs).toEqual([]);
  });

  it("count none where the stock is too small to tell", () => {
    for (const mostReady of [0, -1, -2]) {
      expect(refillingFigures(requests(1, "no", 2, "no"), mostReady).handoutsMs).toEqual([]);
    }
  });

  it("leave out who got a sandbox that was not ready", () => {
    const answers = requests(1, 2, "no").map((request, index) =>
      index === 1 ? { ...request, run: took(400, "cold") } : request,
    );
    expect(refillingFigures(answers, 2).handoutsMs).toEqual([1]);
    expect(refillingFigures(answers, 1).handoutsMs).toEqual([]);
  });

  it("are never counted where more were ready, and most are with twice as many requests as can be had", () => {
    for (const seed of [1, 2, 3]) {
      const answers = simulated(20, seed);
      const { handoutsMs: ready, handedOut, refillsPerS } = refillingFigures(answers, 5);
      expect(Math.max(...ready)).toBeLessThanOrEqual(5);
      expect(ready.length).toBeGreaterThan(0.75 * handedOut);
      // Two at a time, 200 ms each.
      expect(refillsPerS).toBeGreaterThan(9);
      expect(refillsPerS).toBeLessThan(11);
    }
  });

  it("are not those of a stock that recovers", () => {
    const answers = simulated(7, 1);
    expect(Math.max(...answers.map(({ ready }) => ready))).toBe(8);
    const { handoutsMs: ready, handedOut } = refillingFigures(answers, 5);
    expect(ready.every((count) => count <= 5)).toBe(true);
    expect(ready.length).toBeLessThan(0.5 * handedOut);
  });

  it("tell how many were refused, and how many sandboxes became ready a second", () => {
    // From 100 ms to 600 ms.
    expect(refillingFigures(requests(1, "no", 2, 3, "no", 4, "no", 5), 5)).toMatchObject({
      handedOut: 5,
      refusedPercent: 37.5,
      refillsPerS: 6,
    });
  });

  it("tell no rate that nobody saw", () => {
    expect(refillingFigures(requests(1, "no", 2), 5).refillsPerS).toBeUndefined();
    expect(refillingFigures(requests(1, 2), 5)).toMatchObject({ refusedPercent: 0, refillsPerS: undefined });
    expect(() => refillingFigures([], 5)).toThrow(RangeError);
  });
});
