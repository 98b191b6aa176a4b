import { describe, expect, it } from "vitest";
import { EventHeap } from "../../../src/sizing/event-heap.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";
import { type Arrival, simulate, type SimulatedLane, type SimulatedOutcome } from "../../../src/sizing/simulate.js";
import { poissonTail } from "./poisson.js";

const REFILL_MS = 100;

function lane(fields: Partial<SimulatedLane> = {}): SimulatedLane {
  return {
    warm: 1,
    maxSandboxes: 100,
    maxQueued: 100,
    queueTimeoutMs: 30_000,
    refill: { kind: "constant", ms: REFILL_MS },
    removeMs: 20,
    ...fields,
  };
}

const arrivals = (moments: readonly number[], runMs = 10, name = "python"): Arrival[] =>
  moments.map((atMs) => ({ atMs, lane: name, runMs }));

function python(moments: readonly number[], fields: Partial<SimulatedLane> = {}, starts = 10): SimulatedOutcome {
  return simulate({ arrivals: arrivals(moments), lanes: { python: lane(fields) }, maxConcurrentStarts: starts }).get(
    "python",
  )!;
}

/** Moments of a Poisson process: gaps of an exponential length. */
function poisson(count: number, ratePerS: number, seed: number): number[] {
  const random = seededNumbers(seed);
  let atMs = 0;
  return Array.from({ length: count }, () => (atMs += (-Math.log(1 - random()) / ratePerS) * 1_000));
}

/** Erlang's C: the share of those who wait in M/M/c, by the recurrence of his B. */
function erlangC(load: number, servers: number): number {
  let blocked = 1;
  for (let c = 1; c <= servers; c += 1) blocked = (load * blocked) / (c + load * blocked);
  return blocked / (1 - (load / servers) * (1 - blocked));
}

describe("a simulated lane", () => {
  it("hands a ready sandbox out at once, and has its replacement when a refill is over", () => {
    expect(python([0, 99.9])).toMatchObject({ runs: 2, hits: 1, waitMs: { p50: 0 } });
    expect(python([0, 100])).toMatchObject({ runs: 2, hits: 2, waitMs: { p50: 0, p99: 0 } });
  });

  it("lets a run that finds none wait for the next", () => {
    // The second takes what the first's hand-out began, at 100; the third the one that was begun because two waited, at 150.
    const { hits, waitMs } = python([0, 40, 50]);
    expect(hits).toBe(1);
    expect(waitMs).toEqual({ p50: 60, p99: 100 });
  });

  it("makes a sandbox for each who waits where they are more than the stock", () => {
    expect(python([0, 10, 20], { warm: 0 })).toMatchObject({ hits: 0, waitMs: { p50: 100, p99: 100 } });
  });

  it("refuses who finds the line full, and who waits too long", () => {
    expect(python([0, 1, 2, 3], { maxQueued: 2 }).refused).toEqual({ queueFull: 1, queueTimeout: 0 });
    expect(python([0, 40, 50], { queueTimeoutMs: 80 })).toMatchObject({
      hitRate: 1 / 3,
      waitMs: { p99: 60 },
      refused: { queueFull: 0, queueTimeout: 1 },
    });
    expect(python([0, 40], { queueTimeoutMs: 0 }).refused).toEqual({ queueFull: 0, queueTimeout: 1 });
  });

  it("has no more starts at once than there are, over all lanes", () => {
    const lanes = { python: lane(), shell: lane() };
    const both = [...arrivals([0], 10, "shell"), ...arrivals([1, 150])];
    const hits = (maxConcurrentStarts: number) =>
      simulate({ arrivals: both, lanes, maxConcurrentStarts }).get("python")?.hits;
    expect(hits(2)).toBe(2);
    // The shell's refill is before python's, which is ready at 200.
    expect(hits(1)).toBe(1);
  });

  it("has no more sandboxes than it may, those in removal included", () => {
    // The run takes 10, its removal 20: only then the next may begin.
    const { waitMs, sandboxes } = python([0, 1], { maxSandboxes: 1 });
    expect(waitMs?.p99).toBe(30 + REFILL_MS - 1);
    expect(sandboxes.peak).toBe(1);
  });

  it("tells the mean of its sandboxes from the first arrival to the last", () => {
    // One in stock; the run's own for 30 ms; the replacement from 0 on.
    expect(python([0, 300]).sandboxes).toEqual({ mean: (30 + 300) / 300, peak: 2 });
  });

  it("tells nothing where nothing ran", () => {
    expect(python([])).toMatchObject({ runs: 0, hitRate: null, waitMs: null, sandboxes: { mean: 1, peak: 1 } });
  });

  it("refuses arrivals that are out of order or in no lane", () => {
    expect(() => python([5, 4])).toThrow(RangeError);
    expect(() => simulate({ arrivals: arrivals([0]), lanes: {}, maxConcurrentStarts: 1 })).toThrow(/no lane "python"/);
  });

  it("can take refills in the order in which they were measured, over and over", () => {
    const refill = { kind: "sequence", samplesMs: [100, 300] } as const;
    // Ready again after 100, 300 and 100.
    expect(python([0, 100, 400, 500], { refill })).toMatchObject({ runs: 4, hits: 4 });
    expect(python([0, 100, 399, 500], { refill })).toMatchObject({ runs: 4, hits: 3 });
  });

  it("comes out the same each time, also with refills that vary", () => {
    const refill = { kind: "samples", samplesMs: [50, 100, 400], seed: 7 } as const;
    const moments = poisson(2_000, 10, 1);
    const once = python(moments, { refill, warm: 2 });
    expect(python(moments, { refill, warm: 2 })).toEqual(once);
    expect(python(moments, { refill: { ...refill, seed: 8 }, warm: 2 })).not.toEqual(once);
  });
});

describe("a simulated lane, beside theory", () => {
  const COUNT = 200_000;

  // A base-stock system with a constant lead time: what is under way is Poisson's, whoever finds all of it under way waits.
  it.each([
    [10, 4],
    [20, 6],
    [20, 8],
    [50, 13],
  ])("with starts enough, misses at %d runs a second and a stock of %d are the Poisson tail", (ratePerS, warm) => {
    const { hitRate } = python(poisson(COUNT, ratePerS, warm), { warm, maxSandboxes: 1_000 }, 1_000);
    const expected = poissonTail((ratePerS * REFILL_MS) / 1_000, warm);
    // Four standard errors, of misses that come in bunches, and 10 % for waiting runs that begin no creation of their own.
    expect(Math.abs(1 - hitRate! - expected)).toBeLessThan(0.1 * expected + 8 * Math.sqrt(expected / COUNT));
  });

  // With few starts every refill is served by one of them: the lane misses while at least `warm` refills are unfinished.
  it.each([
    [2, 2],
    [2, 5],
    [3, 8],
  ])("with %d starts and exponential refills, a stock of %d misses as M/M/c says", (starts, warm) => {
    const samplesMs = Array.from({ length: 5_000 }, (_, index) => -Math.log(1 - (index + 0.5) / 5_000) * REFILL_MS);
    const load = starts * 0.6;
    const { hitRate } = python(
      poisson(COUNT, load / (REFILL_MS / 1_000), starts * 100 + warm),
      { warm, maxSandboxes: 1_000, maxQueued: 1_000, refill: { kind: "samples", samplesMs, seed: 3 } },
      starts,
    );
    const expected = erlangC(load, starts) * 0.6 ** (warm - starts);
    expect(Math.abs(1 - hitRate! - expected)).toBeLessThan(0.1 * expected);
  });

  it("misses most where more arrive than can be started, whatever the stock", () => {
    const { hitRate } = python(poisson(20_000, 30, 5), { warm: 50 }, 2);
    expect(hitRate).toBeLessThan(0.05);
  });
});

describe("a simulated lane whose size follows the runs", () => {
  const ADAPTIVE = { min: 1, max: 16, target: 0.99, sandboxBytes: 10, windowMs: 60_000, holdMs: 60_000 };

  it("keeps what a lane of that size keeps while it has no reason to change", () => {
    const moments = Array.from({ length: 500 }, (_, index) => index * 2_000);
    expect(python(moments, { warm: { ...ADAPTIVE, min: 3 } })).toEqual(python(moments, { warm: 3 }));
  });

  it("misses the first burst, and no later one of the kind", () => {
    const moments = Array.from({ length: 60 }, (_, burst) => Array.from({ length: 5 }, () => burst * 30_000)).flat();
    const { runs, hits, target } = python(moments, { warm: ADAPTIVE });
    expect([runs, hits]).toEqual([300, 296]);
    expect(target.peak).toBe(5);
  });

  it("gives surplus up: its containers are gone, and the target's mean says so", () => {
    const burst = Array.from({ length: 8 }, () => 0);
    const { target, sandboxes } = python([...burst, 3_600_000], { warm: ADAPTIVE }, 2);
    expect(target.peak).toBe(8);
    // Ten minutes at eight, then one fewer each minute.
    expect(target.mean).toBeCloseTo((10 * 8 + 7 + 6 + 5 + 4 + 3 + 2 + 44) / 60, 0);
    expect(sandboxes.mean).toBeLessThan(target.mean + 0.2);
  });

  it("reaches its target under a steady rate with hardly more than the smallest fixed size that does", () => {
    const moments = poisson(20_000, 8, 4);
    const { hitRate, target } = python(moments, { warm: ADAPTIVE });
    const fixed = [1, 2, 3, 4, 5, 6, 7, 8].find((warm) => python(moments, { warm }).hitRate! >= 0.99)!;
    expect(hitRate).toBeGreaterThan(0.988);
    expect(target.mean).toBeLessThan(fixed + 1.5);
  });

  it("shares memory with others", () => {
    const moments = Array.from({ length: 40 }, (_, burst) => Array.from({ length: 6 }, () => burst * 30_000)).flat();
    const both = moments.flatMap((atMs) => [
      { atMs, lane: "python", runMs: 10 },
      { atMs: atMs + 10_000, lane: "shell", runMs: 10 },
    ]);
    both.sort((one, other) => one.atMs - other.atMs);
    const lanes = { python: lane({ warm: ADAPTIVE }), shell: lane({ warm: ADAPTIVE }) };
    const peak = (memoryBudgetBytes: number | null) =>
      [...simulate({ arrivals: both, lanes, maxConcurrentStarts: 10, memoryBudgetBytes }).values()].map(
        ({ target }) => target.mean,
      );
    expect(Math.max(...peak(null))).toBeCloseTo(6, 0);
    for (const mean of peak(80)) expect(mean).toBeCloseTo(4, 0);
  });
});

it("the heap of events gives them in the order of their times", () => {
  const random = seededNumbers(11);
  const heap = new EventHeap<{ atMs: number }>();
  const times = Array.from({ length: 1_000 }, () => Math.floor(random() * 300));
  for (const atMs of times) heap.push({ atMs });
  const taken: number[] = [];
  for (let event = heap.popDue(200); event !== undefined; event = heap.popDue(200)) taken.push(event.atMs);
  expect(taken).toEqual(times.filter((atMs) => atMs <= 200).sort((one, other) => one - other));
});
