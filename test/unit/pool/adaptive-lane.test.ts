import { describe, expect, it } from "vitest";
import { MemoryBudget } from "../../../src/sizing/memory-budget.js";
import { ManualClock, settle } from "../../support/manual-clock.js";
import { laneConfig, LaneRig, PACE } from "./rig.js";

const MIB = 1024 * 1024;
const adaptive = (fields: { min?: number; max?: number } = {}) => ({
  warm: { min: 1, max: 8, target: 0.99, idleMiB: 10, ...fields },
  maxSandboxes: 32,
});
const REFILL_MS = 200;

/** So many runs at the same moment, each of which ends at once. */
async function burst(rig: LaneRig, runs: number): Promise<void> {
  const asked = Array.from({ length: runs }, () => rig.acquire());
  await rig.clock.advance(1_000);
  for (const lease of await Promise.all(asked)) void lease[Symbol.asyncDispose]();
  await rig.clock.advance(100);
}

describe("a lane whose size follows the runs", () => {
  it("keeps its least until runs come", async () => {
    await using rig = await LaneRig.start(adaptive({ min: 2 }));
    await rig.clock.advance(300_000);
    expect(rig.lane.counts.warm).toBe(2);
    expect([rig.lane.warmTarget, rig.lane.sizing]).toEqual([2, { min: 2, max: 8, target: 0.99, reason: "min" }]);
    expect(rig.targets).toEqual([]);
  });

  it("grows to a burst at once, not at the next look", async () => {
    await using rig = await LaneRig.start(adaptive(), { launchMs: REFILL_MS });
    await rig.clock.advance(REFILL_MS);
    const runs = Array.from({ length: 5 }, () => rig.acquire());
    await settle();
    expect(rig.targets).toEqual([{ from: 1, to: 5, reason: "burst" }]);
    await rig.clock.advance(20 * REFILL_MS);
    expect(rig.lane.counts).toMatchObject({ warm: 5, leased: 5 });
    for (const run of runs) await (await run)[Symbol.asyncDispose]();
    // The same again finds all of them ready.
    for (let run = 0; run < 5; run += 1) expect(await rig.acquire()).toMatchObject({ launch: "warm" });
  });

  it("begins no more at once than may be started at the same time", async () => {
    await using rig = await LaneRig.start(adaptive(), { launchMs: REFILL_MS });
    await rig.clock.advance(REFILL_MS);
    for (let run = 0; run < 8; run += 1) void rig.acquire().catch(() => undefined);
    await rig.clock.advance(50);
    expect(rig.lane.warmTarget).toBe(8);
    expect(rig.engine.launches.filter((at) => at > REFILL_MS - 1)).toHaveLength(2);
  });

  it("comes down by one at a time once the burst is forgotten, and evicts just as many", async () => {
    await using rig = await LaneRig.start(adaptive());
    await burst(rig, 6);
    expect(rig.lane.warmTarget).toBe(6);
    await rig.clock.advance(9 * PACE.windowMs);
    expect(rig.lane.warmTarget).toBe(6);
    for (let minute = 0; minute < 10; minute += 1) {
      await rig.clock.advance(60_000);
      expect(rig.lane.counts.warm).toBe(rig.lane.warmTarget);
    }
    const down = rig.targets.filter(({ from, to }) => to < from);
    expect(down.map(({ from, to }) => from - to)).toEqual([1, 1, 1, 1, 1]);
    expect(rig.lane.counts).toMatchObject({ warm: 1, leased: 0, creating: 0 });
    expect(rig.engine.sandboxes).toHaveLength(1);
    // What is left is handed out, and replaced.
    expect(await rig.acquire()).toMatchObject({ launch: "warm" });
    await rig.clock.advance(1_000);
    expect(rig.lane.counts.warm).toBe(1);
  });

  it("comes down to nothing where that is its least", async () => {
    await using rig = await LaneRig.start(adaptive({ min: 0 }));
    await burst(rig, 3);
    expect(rig.lane.counts.warm).toBe(3);
    await rig.clock.advance(20 * 60_000);
    expect(rig.lane.counts.warm).toBe(0);
    expect(rig.engine.sandboxes).toEqual([]);
  });

  it("is never above its most, however many come", async () => {
    await using rig = await LaneRig.start(adaptive({ max: 4 }));
    await burst(rig, 20);
    expect(rig.targets).toEqual([{ from: 1, to: 4, reason: "max" }]);
    await rig.clock.advance(60_000);
    expect(rig.lane.counts.warm).toBe(4);
  });

  it("does not grow while it is degraded", async () => {
    await using rig = await LaneRig.start(adaptive(), { fault: "engine_down" });
    expect(rig.lane.state).toBe("degraded");
    for (let run = 0; run < 20; run += 1) rig.acquire().catch(() => undefined);
    await rig.clock.advance(5_000);
    expect(rig.lane.warmTarget).toBe(1);
    rig.engine.behaviour.fault = "none";
    await rig.clock.advance(5_000);
    // Those that were refused come again, or do not: they are no measure.
    expect(rig.lane.warmTarget).toBe(1);
    await burst(rig, 3);
    expect(rig.lane.warmTarget).toBe(3);
  });

  it("leaves nothing behind when it closes", async () => {
    const rig = await LaneRig.start(adaptive());
    await burst(rig, 3);
    await rig[Symbol.asyncDispose]();
    expect(rig.clock.sleeping).toBe(0);
    expect(rig.engine.sandboxes).toEqual([]);
  });

  it("begins with what the lane kept whose place it takes", async () => {
    await using rig = await LaneRig.start(adaptive(), {}, { warmBefore: 6 });
    expect(rig.lane.counts.warm).toBe(6);
    await using bounded = await LaneRig.start(adaptive({ max: 4 }), {}, { warmBefore: 6 });
    expect(bounded.lane.counts.warm).toBe(4);
  });
});

describe("lanes that share memory", () => {
  it("keep no more than there is, and the one that has grown gives up what the other's share is", async () => {
    const clock = new ManualClock();
    const budget = new MemoryBudget(80 * MIB);
    await using one = await LaneRig.start(adaptive(), {}, { clock, budget, name: "one" });
    await using two = await LaneRig.start(adaptive(), {}, { clock, budget, name: "two" });
    await burst(one, 8);
    expect([one.lane.warmTarget, two.lane.warmTarget]).toEqual([7, 1]);
    expect(one.lane.sizing?.reason).toBe("memory");
    await burst(two, 8);
    expect([one.lane.counts.warm, two.lane.counts.warm]).toEqual([4, 4]);
    expect([one.lane.sizing?.reason, two.lane.sizing?.reason]).toEqual(["memory", "memory"]);
    // What one closes with is the other's.
    await two.close();
    expect(one.lane.warmTarget).toBe(8);
    expect(one.lane.sizing?.reason).toBe("burst");
  });
});

it("a lane that gets other bounds does not lend its memory to another meanwhile", async () => {
  const clock = new ManualClock();
  const budget = new MemoryBudget(80 * MIB);
  await using one = await LaneRig.start(adaptive(), {}, { clock, budget, name: "one" });
  await using two = await LaneRig.start(adaptive({ min: 4 }), {}, { clock, budget, name: "two" });
  await burst(one, 8);
  const before = one.targets.length;
  two.lane.resize(laneConfig(adaptive({ min: 4, max: 6 })).warm, PACE);
  await settle();
  expect([one.lane.warmTarget, two.lane.warmTarget, one.targets.length]).toEqual([4, 4, before]);
});

describe("a lane that gets another size while it lives", () => {
  const ids = (rig: LaneRig) => rig.engine.sandboxes.map(({ id }) => id).sort();

  it("keeps its stock when it begins to follow the runs, and when it stops", async () => {
    await using rig = await LaneRig.start({ warm: 3, maxSandboxes: 32 });
    const before = ids(rig);
    rig.lane.resize(laneConfig(adaptive()).warm, PACE);
    await settle();
    expect([rig.lane.warmTarget, ids(rig)]).toEqual([3, before]);
    rig.lane.resize(3, PACE);
    await rig.clock.advance(600_000);
    expect([rig.lane.sizing, rig.lane.warmTarget, ids(rig)]).toEqual([null, 3, before]);
    expect(rig.clock.sleeping).toBe(0);
  });

  it("makes what is missing and evicts what is too many", async () => {
    await using rig = await LaneRig.start({ warm: 3 });
    const before = ids(rig);
    rig.lane.resize(5, PACE);
    await settle();
    expect(ids(rig)).toEqual(expect.arrayContaining(before));
    expect(rig.lane.counts.warm).toBe(5);
    rig.lane.resize(1, PACE);
    await settle();
    expect(rig.lane.counts).toMatchObject({ warm: 1, creating: 0 });
    expect(rig.engine.sandboxes).toHaveLength(1);
    rig.lane.resize(0, PACE);
    await settle();
    expect(rig.engine.sandboxes).toEqual([]);
    rig.lane.resize(2, PACE);
    await settle();
    expect(rig.lane.counts.warm).toBe(2);
  });

  it("evicts what was still being made when it shrank", async () => {
    await using rig = await LaneRig.start({ warm: 4 }, { launchMs: REFILL_MS });
    await rig.clock.advance(REFILL_MS / 2);
    rig.lane.resize(1, PACE);
    await rig.clock.advance(10 * REFILL_MS);
    expect(rig.lane.counts).toMatchObject({ warm: 1, creating: 0 });
    expect(await rig.acquire()).toMatchObject({ launch: "warm" });
  });

  it("gives what is too many to those who wait", async () => {
    await using rig = await LaneRig.start({ warm: 2 }, { launchMs: REFILL_MS });
    const waiting = rig.acquire();
    await settle();
    rig.lane.resize(0, PACE);
    await rig.clock.advance(REFILL_MS);
    expect(await waiting).toMatchObject({ launch: "cold" });
    await rig.clock.advance(10 * REFILL_MS);
    expect(rig.lane.counts.warm).toBe(0);
  });
});
