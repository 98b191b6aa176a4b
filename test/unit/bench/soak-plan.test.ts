import { describe, expect, it } from "vitest";
import { seededNumbers, weighted } from "../../../bench/lib/seeded.js";
import { describeMix, expectedReasons, planSoak, REASONS } from "../../../bench/lib/soak/plan.js";

describe("seededNumbers", () => {
  it("gives the same numbers for the same seed, and others for another", () => {
    const take = (seed: number): number[] => Array.from({ length: 5 }, seededNumbers(seed));
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
  });

  it("spreads evenly from 0 to 1", () => {
    const numbers = Array.from({ length: 10_000 }, seededNumbers(7));
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const count = numbers.filter((number) => Math.floor(number * 10) === tenth).length;
      expect(count).toBeGreaterThan(850);
      expect(count).toBeLessThan(1_150);
    }
  });
});

describe("weighted", () => {
  it("gives each a part of the range as large as its weight", () => {
    const weights = { a: 1, b: 3 };
    expect([0, 0.249, 0.251, 0.999].map((number) => weighted(weights, number))).toEqual(["a", "a", "b", "b"]);
  });

  it("never chooses what weighs nothing", () => {
    expect(weighted({ a: 0, b: 1 }, 0)).toBe("b");
  });

  it("refuses a number out of the range", () => {
    expect(() => weighted({ a: 1 }, 1)).toThrow(RangeError);
  });
});

describe("planSoak", () => {
  it("is the same for the same seed, and begins the same however long it is", () => {
    expect(planSoak(300, 5)).toEqual(planSoak(300, 5));
    expect(planSoak(300, 5).slice(0, 100)).toEqual(planSoak(100, 5));
  });

  it("has every kind in both lanes, and mostly Python", () => {
    const plan = planSoak(2_000, 20_250_101);
    const seen = new Set(plan.map(({ lane, kind }) => `${lane} ${kind}`));
    expect(seen.size).toBe(2 * Object.keys(REASONS).length);
    const python = plan.filter(({ lane }) => lane === "python").length;
    expect(python).toBeGreaterThan(1_700);
    expect(python).toBeLessThan(1_900);
  });
});

describe("expectedReasons", () => {
  it("counts endings by lane and reason", () => {
    const steps = [
      { index: 0, lane: "python", kind: "print" },
      { index: 1, lane: "python", kind: "file" },
      { index: 2, lane: "python", kind: "disconnect" },
      { index: 3, lane: "shell", kind: "time-out" },
    ] as const;
    expect(expectedReasons(steps)).toEqual({ python: { exited: 2, client_gone: 1 }, shell: { timed_out: 1 } });
  });
});

describe("describeMix", () => {
  it("tells how many there are of each kind and in the shell lane", () => {
    const text = describeMix([
      { index: 0, lane: "python", kind: "print" },
      { index: 1, lane: "shell", kind: "print" },
    ]);
    expect(text).toContain("print 2,");
    expect(text).toContain("file 0");
    expect(text).toContain("1 of them in the shell lane");
  });
});
