import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { atOnce, burstTimes, measureBurst } from "../../../bench/lib/load/burst.js";

describe("the times of a burst", () => {
  it("are those of its first and its last, whoever that was", () => {
    expect(
      burstTimes([
        { firstByteMs: 5, exitMs: 6 },
        { firstByteMs: 2, exitMs: 9 },
        { firstByteMs: 7, exitMs: 8 },
      ]),
    ).toEqual({ firstFirstByteMs: 2, lastFirstByteMs: 7, lastExitMs: 9 });
  });

  it("do not exist without anything in it", () => {
    expect(() => burstTimes([])).toThrow(RangeError);
  });
});

describe("a burst", () => {
  it("begins all before any of them has ended", async () => {
    let begun = 0;
    const seen: number[] = [];
    await measureBurst(4, async () => {
      begun += 1;
      await sleep(1);
      seen.push(begun);
      return { firstByteMs: 1, exitMs: 1 };
    });
    expect(seen).toEqual([4, 4, 4, 4]);
  });

  it("counts what it takes to begin the others", async () => {
    const busyMs = 5;
    const times = await measureBurst(3, () => {
      const end = performance.now() + busyMs;
      while (performance.now() < end);
      return Promise.resolve({ firstByteMs: 1, exitMs: 2 });
    });
    expect(times.firstFirstByteMs).toBeLessThan(busyMs);
    expect(times.lastFirstByteMs).toBeGreaterThanOrEqual(2 * busyMs + 1);
    expect(times.lastExitMs).toBeGreaterThanOrEqual(2 * busyMs + 2);
  });

  it("fails with the first failure, when all of it is over", async () => {
    let ended = 0;
    let begun = 0;
    const burst = measureBurst(3, async () => {
      begun += 1;
      const own = begun;
      await sleep(own);
      ended += 1;
      if (own === 1) throw new Error("the first");
      return { firstByteMs: 1, exitMs: 1 };
    });
    await expect(burst).rejects.toThrow("the first");
    expect(ended).toBe(3);
  });

  it("is named after its size", () => {
    const alone = {
      name: "docker run",
      description: "docker run IMAGE",
      rounds: 6,
      measure: () => Promise.resolve({ firstByteMs: 1, exitMs: 1 }),
    };
    expect(atOnce(8, alone)).toMatchObject({
      name: "docker run, 8 at once",
      description: "8 begun in one go, each of them: docker run IMAGE",
      rounds: 6,
    });
  });
});
