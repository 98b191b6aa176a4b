import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.js";
import { ManualClock } from "../support/manual-clock.js";

describe.each([
  ["the system's clock", systemClock],
  ["the tests' clock", new ManualClock()],
])("%s", (_name, clock) => {
  it("never goes back", () => {
    const before = clock.now();
    expect(clock.now()).toBeGreaterThanOrEqual(before);
  });

  it("ends a sleep with the reason of the abort", async () => {
    const abort = new AbortController();
    const sleeping = clock.sleep(60_000, { signal: abort.signal });
    abort.abort(new Error("wake up"));
    await expect(sleeping).rejects.toBe(abort.signal.reason);
  });

  it("does not even lie down when it is aborted already", async () => {
    const signal = AbortSignal.abort(new Error("stay up"));
    await expect(clock.sleep(60_000, { signal })).rejects.toBe(signal.reason);
  });
});

describe("the tests' clock", () => {
  it("wakes sleepers at their own moments, in order, those included that lie down again", async () => {
    const clock = new ManualClock();
    const woken: [string, number][] = [];
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms);
      woken.push([name, clock.now()]);
    };
    void sleeper("b", 20);
    void sleeper("a", 10).then(() => sleeper("c", 15));
    void sleeper("d", 31);
    await clock.advance(30);
    expect(woken).toEqual([
      ["a", 10],
      ["b", 20],
      ["c", 25],
    ]);
    expect([clock.now(), clock.sleeping]).toEqual([30, 1]);
  });
});
