import { describe, expect, it } from "vitest";
import { forEachBounded } from "../../../bench/lib/bounded.js";
import { lastAnswer } from "../../../bench/lib/wait-until.js";

describe("forEachBounded", () => {
  it("does every item once, never more at once than it may", async () => {
    const done: number[] = [];
    let running = 0;
    let most = 0;
    await forEachBounded([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      done.push(item);
      running -= 1;
    });
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it("begins nothing after a failure, and tells it when the others have ended", async () => {
    const begun: number[] = [];
    let ended = 0;
    const work = forEachBounded([1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new Error("the first");
      await Promise.resolve();
      await Promise.resolve();
      ended += 1;
    });
    await expect(work).rejects.toThrow("the first");
    expect(begun).toEqual([1, 2]);
    expect(ended).toBe(1);
  });
});

describe("lastAnswer", () => {
  it("stops at the expected answer", async () => {
    let answer = 0;
    expect(await lastAnswer(() => Promise.resolve((answer += 1)), 2, 60_000)).toBe(2);
  });

  it("gives another one when the time is over", async () => {
    expect(await lastAnswer(() => Promise.resolve(3), 2, 0)).toBe(3);
  });
});
