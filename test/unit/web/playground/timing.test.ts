import { describe, expect, it } from "vitest";
import { stretchesOf } from "../../../../src/web/playground/timing.js";

describe("what a run's time went into", () => {
  it("adds up, from the request to the end", () => {
    const stretches = stretchesOf({ queueMs: 10, handoutMs: 2, firstByteMs: 15, runMs: 100 });
    expect(stretches.map(({ kind, ms }) => [kind, ms])).toEqual([
      ["queue", 10],
      ["handout", 2],
      ["first-byte", 3],
      ["run", 97],
    ]);
  });

  it("has no first byte where nothing was written", () => {
    const stretches = stretchesOf({ queueMs: 0, handoutMs: 2, firstByteMs: null, runMs: 100 });
    expect(stretches.map(({ kind, ms }) => [kind, ms])).toEqual([
      ["queue", 0],
      ["handout", 2],
      ["run", 100],
    ]);
  });

  it.each([
    ["seen by the daemon only after the program's end", 20, 5],
    ["seen before the hand-out was over", 1, 0],
  ])("never runs backwards where the first byte was %s", (_what, firstByteMs, toFirstByte) => {
    const stretches = stretchesOf({ queueMs: 0, handoutMs: 2, firstByteMs, runMs: 5 });
    expect(stretches.map(({ ms }) => ms)).toEqual([0, 2, toFirstByte, 5 - toFirstByte]);
  });
});
