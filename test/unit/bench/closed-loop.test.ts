import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { closedLoopRate, ratePerS } from "../../../bench/lib/load/closed-loop.js";

const { signal } = new AbortController();

describe("a rate from completions", () => {
  it("is not known before the lead-in and the window are over", () => {
    expect(ratePerS([], 2, 100)).toBeUndefined();
    expect(ratePerS([10], 2, 100)).toBeUndefined();
    expect(ratePerS([10, 20, 119], 2, 100)).toBeUndefined();
  });

  it("is counted from the last of the lead-in to the first after the window", () => {
    expect(ratePerS([1, 2, 100, 200, 300, 400], 3, 200)).toBe(10);
  });

  it("does not count what was fast only in the lead-in", () => {
    const fast = Array.from({ length: 8 }, (_, index) => index);
    expect(ratePerS([...fast, 107, 207, 307], 8, 300)).toBe(10);
  });
});

describe("a closed loop", () => {
  it("keeps so many under way and no more, and tells how many a second are completed", async () => {
    let now = 0;
    let most = 0;
    const rate = await closedLoopRate({
      inFlight: 3,
      leadIn: 3,
      windowMs: 100,
      once: async (onCompleted) => {
        now += 1;
        most = Math.max(most, now);
        await sleep(10);
        now -= 1;
        onCompleted();
      },
      signal,
    });
    expect(most).toBe(3);
    expect(now).toBe(0);
    // Three every 10 ms, and timers may come a little early.
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThan(400);
  });

  it("fails with the first failure, and stops the others", async () => {
    let begun = 0;
    let under = 0;
    const loop = closedLoopRate({
      inFlight: 2,
      leadIn: 1,
      windowMs: 60_000,
      once: async () => {
        begun += 1;
        const fails = begun === 3;
        under += 1;
        await sleep(5);
        under -= 1;
        if (fails) throw new Error("no container");
      },
      signal,
    });
    await expect(loop).rejects.toThrow("no container");
    expect(under).toBe(0);
    expect(begun).toBeLessThan(10);
  });

  it("stops when it is aborted", async () => {
    const abort = new AbortController();
    const loop = closedLoopRate({
      inFlight: 2,
      leadIn: 1,
      windowMs: 60_000,
      once: async () => {
        await sleep(1);
        abort.abort(new Error("interrupted"));
      },
      signal: abort.signal,
    });
    await expect(loop).rejects.toThrow("interrupted");
  });
});
