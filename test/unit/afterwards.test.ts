import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Afterwards } from "../../src/afterwards.js";

describe("what is done afterwards", () => {
  it("is not done at once, and done by itself a little later, in the order of coming", async () => {
    const afterwards = new Afterwards();
    const done: number[] = [];
    for (const number of [1, 2, 3]) afterwards.add(() => done.push(number));
    await new Promise(setImmediate);
    expect(done).toEqual([]);
    while (done.length === 0) await sleep(1);
    expect(done).toEqual([1, 2, 3]);
  });

  it("is done before whoever catches up goes on, and not again", async () => {
    const afterwards = new Afterwards();
    const done: number[] = [];
    afterwards.add(() => done.push(1));
    afterwards.catchUp();
    expect(done).toEqual([1]);
    afterwards.catchUp();
    await sleep(20);
    expect(done).toEqual([1]);
  });

  it("may lead to more of it", async () => {
    const afterwards = new Afterwards();
    const done: number[] = [];
    afterwards.add(() => {
      done.push(1);
      afterwards.add(() => done.push(2));
    });
    afterwards.catchUp();
    expect(done).toEqual([1]);
    while (done.length === 1) await sleep(1);
    expect(done).toEqual([1, 2]);
  });
});
