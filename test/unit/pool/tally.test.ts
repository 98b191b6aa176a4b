import { describe, expect, it } from "vitest";
import { Tally } from "../../../src/pool/tally.js";
import { ManualClock } from "../../support/manual-clock.js";

/** A tally for a target that the test moves. */
function tallyOf(target: { warm: number }): { clock: ManualClock; tally: Tally } {
  const clock = new ManualClock();
  return { clock, tally: new Tally({ clock, warmTarget: () => target.warm }) };
}

/** One more ready sandbox. */
function add(tally: Tally): void {
  tally.moved(undefined, "creating");
  tally.moved("creating", "warm");
  tally.made(100);
}

describe("the tally of a lane's sandboxes", () => {
  it("counts them by state", () => {
    const { tally } = tallyOf({ warm: 2 });
    tally.moved(undefined, "creating");
    add(tally);
    expect(tally.counts).toEqual({ creating: 1, warm: 1, leased: 0, evicting: 0, gone: 0 });
    tally.moved("warm", "leased");
    expect(tally.counts).toEqual({ creating: 1, warm: 0, leased: 1, evicting: 0, gone: 0 });
  });

  it("knows when the stock was last full: never before the first time, now while it is, and until one is taken", async () => {
    const { clock, tally } = tallyOf({ warm: 1 });
    expect(tally.lastFullAt(clock.now())).toBeUndefined();
    add(tally);
    await clock.advance(500);
    expect(tally.lastFullAt(clock.now())).toBe(500);
    tally.moved("warm", "leased");
    await clock.advance(500);
    expect(tally.lastFullAt(clock.now())).toBe(500);
  });

  it("keeps that it was full for a target that has risen since", async () => {
    const target = { warm: 1 };
    const { clock, tally } = tallyOf(target);
    await clock.advance(200);
    add(tally);
    target.warm = 3;
    tally.noteFull();
    await clock.advance(300);
    expect(tally.lastFullAt(clock.now())).toBe(200);
  });

  it("smooths what making one takes, and what a refill takes", () => {
    const { tally } = tallyOf({ warm: 1 });
    expect([tally.makeMs, tally.refillMs]).toEqual([null, null]);
    for (const ms of [100, 200]) tally.made(ms);
    for (const ms of [1_000, 500]) tally.refilled(ms);
    expect([tally.makeMs, tally.refillMs]).toEqual([120, 900]);
  });
});
