import { describe, expect, it } from "vitest";
import { interleave, isDue } from "../../../bench/lib/interleave.js";

const options = (rounds: number, warmupRounds = 0) => ({
  rounds,
  warmupRounds,
  settle: () => Promise.resolve(),
  idleMs: 0,
  signal: new AbortController().signal,
  onRound: () => undefined,
});

function subjects(log: string[], rounds: Readonly<Record<string, number>>) {
  return Object.entries(rounds).map(([name, own]) => ({
    name,
    rounds: own,
    measure: () => {
      log.push(name);
      return Promise.resolve(log.length);
    },
  }));
}

describe("measuring in turn", () => {
  it("lets another one begin with every round", async () => {
    const log: string[] = [];
    await interleave(subjects(log, { a: 3, b: 3, c: 3 }), options(3));
    expect(log.join("")).toBe("abcbcacab");
  });

  it("keeps the samples of each apart, and none of the warm-up", async () => {
    const log: string[] = [];
    const samples = await interleave(subjects(log, { a: 2, b: 2 }), options(2, 1));
    expect(log.join("")).toBe("ababba");
    expect(samples).toEqual([
      [3, 6],
      [4, 5],
    ]);
  });

  it.each([
    [1, 10],
    [2, 10],
    [3, 10],
    [10, 10],
    [7, 60],
  ])("spreads %d rounds over %d, neither more nor fewer", (own, all) => {
    const due = Array.from({ length: all }, (_, round) => round).filter((round) => isDue(round, own, all));
    expect(due).toHaveLength(own);
    const gaps = due.slice(1).map((round, index) => round - due[index]!);
    expect(Math.max(0, ...gaps) - Math.min(all, ...gaps)).toBeLessThanOrEqual(1);
  });

  it("ends with the first failure", async () => {
    const log: string[] = [];
    const failing = { name: "x", rounds: 2, measure: () => Promise.reject(new Error("no output")) };
    await expect(interleave([...subjects(log, { a: 2 }), failing], options(2))).rejects.toThrow("no output");
    expect(log).toEqual(["a"]);
  });

  it("measures no more once it is to end", async () => {
    const log: string[] = [];
    const stop = new AbortController();
    const all = subjects(log, { a: 9 });
    const last = { name: "last", rounds: 9, measure: () => Promise.resolve(stop.abort(new Error("enough")) ?? 0) };
    await expect(interleave([...all, last], { ...options(9), signal: stop.signal })).rejects.toThrow("enough");
    expect(log).toEqual(["a"]);
  });
});
