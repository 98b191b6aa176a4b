import { describe, expect, it } from "vitest";
import { Backoff } from "../../src/backoff.js";

describe("a backoff", () => {
  it("doubles up to its cap", () => {
    const backoff = new Backoff({ minMs: 100, maxMs: 700, random: () => 0 });
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([100, 200, 400, 700, 700]);
  });

  it("is shortened by chance, by half at the most", () => {
    const backoff = new Backoff({ minMs: 100, maxMs: 400, random: () => 1 });
    expect([1, 2, 3, 4].map(() => backoff.next())).toEqual([50, 100, 200, 200]);
    for (let draw = 0; draw < 200; draw += 1) {
      const wait = new Backoff({ minMs: 100, maxMs: 100 }).next();
      expect(wait).toBeGreaterThanOrEqual(50);
      expect(wait).toBeLessThanOrEqual(100);
    }
  });

  it("begins anew after a reset", () => {
    const backoff = new Backoff({ minMs: 100, maxMs: 800, random: () => 0 });
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it("never waits less than its least, though its cap is lower", () => {
    const backoff = new Backoff({ minMs: 500, maxMs: 10, random: () => 0 });
    expect([backoff.next(), backoff.next()]).toEqual([500, 500]);
  });
});
