import { describe, expect, it } from "vitest";
import { noMisses } from "../../../src/pool/misses.js";
import { LaneStatistics } from "../../../src/pool/statistics.js";

describe("a lane's statistics", () => {
  it("have no numbers before the first run", () => {
    expect(new LaneStatistics().report()).toEqual({
      runs: { total: 0, warm: 0, cold: 0, refused: 0, misses: noMisses(), byReason: {} },
      hitRate: null,
      queueMs: null,
      handoutMs: null,
      firstByteMs: null,
      refillMs: { create: null, attach: null, start: null, ready: null, remove: null },
    });
  });

  it("count runs by launch and by ending, and the refused ones among all", () => {
    const statistics = new LaneStatistics();
    for (const launch of ["warm", "warm", "warm", "cold"] as const) {
      statistics.handedOut(launch, { queueMs: 0, handoutMs: 1 });
      statistics.ended("exited", { firstByteMs: null });
    }
    statistics.missed("stock_empty");
    statistics.missed("saturated");
    statistics.ended("queue_full", undefined);
    expect(statistics.report()).toMatchObject({
      runs: { total: 5, warm: 3, cold: 1, refused: 1, byReason: { exited: 4, queue_full: 1 } },
      hitRate: 0.75,
    });
    expect(statistics.report().runs.misses).toEqual({ ...noMisses(), saturated: 1, stock_empty: 1 });
  });

  it("take percentiles by nearest rank", () => {
    const statistics = new LaneStatistics();
    for (let value = 100; value >= 1; value -= 1) {
      statistics.handedOut("warm", { queueMs: value / 10, handoutMs: value });
      statistics.refillStep("start", value * 3);
      statistics.ended("exited", { firstByteMs: value * 2 });
    }
    const { queueMs, handoutMs, firstByteMs, refillMs } = statistics.report();
    expect(queueMs).toEqual({ p50: 5, p90: 9, p99: 9.9 });
    expect(refillMs).toMatchObject({ start: { p50: 150, p90: 270, p99: 297 }, ready: null });
    expect(handoutMs).toEqual({ p50: 50, p90: 90, p99: 99 });
    expect(firstByteMs).toEqual({ p50: 100, p90: 180, p99: 198 });
  });

  it("have no digits that no clock has measured", () => {
    const statistics = new LaneStatistics();
    statistics.handedOut("warm", { queueMs: 0.1 + 0.2, handoutMs: 1 / 3 });
    expect(statistics.report()).toMatchObject({ queueMs: { p50: 0.3 }, handoutMs: { p50: 0.333 } });
  });

  it("forget what is longer ago than the last 1,024 runs", () => {
    const statistics = new LaneStatistics();
    for (let run = 0; run < 1_024; run += 1) statistics.handedOut("warm", { queueMs: 0, handoutMs: 1_000 });
    for (let run = 0; run < 1_024; run += 1) statistics.handedOut("warm", { queueMs: 0, handoutMs: 1 });
    expect(statistics.report().handoutMs).toEqual({ p50: 1, p90: 1, p99: 1 });
    expect(statistics.report().runs.total).toBe(2_048);
  });

  it.each([NaN, Infinity, -Infinity, -1])("take no part of %d, and lose none of the others for it", (wrong) => {
    const statistics = new LaneStatistics();
    for (let run = 0; run < 3_000; run += 1) {
      const value = run % 3 === 0 ? wrong : run;
      statistics.handedOut("warm", { queueMs: value, handoutMs: value });
      statistics.refillStep("create", value);
      statistics.ended("exited", { firstByteMs: value });
    }
    const { runs, queueMs, handoutMs, firstByteMs, refillMs } = statistics.report();
    expect(runs.total).toBe(3_000);
    // Of the last 1,024 that are numbers: from 1,465 to 2,999 without each third.
    for (const figures of [queueMs, handoutMs, firstByteMs, refillMs.create])
      expect(figures).toEqual({ p50: 2_231, p90: 2_846, p99: 2_984 });
  });
});
