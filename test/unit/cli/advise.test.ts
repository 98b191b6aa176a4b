import { describe, expect, it } from "vitest";
import { renderAdvice } from "../../../src/cli/advice-table.js";
import { measuredTimes } from "../../../src/pool/refill-times.js";
import { HEADWAY_MS } from "../../../src/pool/headway.js";
import { noMisses } from "../../../src/pool/misses.js";
import { type LanesReport, lanesReport } from "../../../src/protocol/lanes.js";
import { advise, type LaneAdvice, type SizedLane } from "../../../src/sizing/advise.js";
import { lane as limits } from "../client/scripted-daemon.js";

const plain = (_format: string, text: string): string => text;

/** Advice for a lane that gets three runs at once, every ten seconds. */
function advice(warm: SizedLane["warm"], times = 500): LaneAdvice[] {
  const trace = Array.from({ length: 3 * times }, (_, index) => ({
    ...{ t: Math.floor(index / 3) * 10_000, lane: "python", ms: 20 },
  }));
  const lane = { warm, maxSandboxes: 8, maxQueued: 64, queueTimeoutMs: 30_000, refillMs: 250, removeMs: 100 };
  return advise({
    trace,
    lanes: { python: lane },
    maxConcurrentStarts: 2,
    targetHitRate: 0.999,
    memoryBudgetBytes: null,
  });
}

const render = (lanes: readonly LaneAdvice[], notes: readonly string[] = []) =>
  renderAdvice({ source: "arrivals: 1,500 runs", notes, lanes }, plain);

describe("the advice", () => {
  it("shows sizes beside each other, marks two, and says why", () => {
    expect(render(advice(2))).toEqual([
      "arrivals: 1,500 runs",
      "",
      "python: 1,500 runs, at most 3 within one refill (250 ms)",
      "  WARM  HIT RATE  WAIT P50     P99  REFUSED  PEAK  IDLE MEMORY",
      "     1   33.33 %    250 ms  250 ms        0     3        10 MB",
      "     2   66.66 %      0 ms  250 ms        0     4        19 MB  <- now",
      "     3     100 %      0 ms    0 ms        0     5        29 MB  <- recommended",
      "     4     100 %      0 ms    0 ms        0     6        38 MB",
      "  set lanes.python.warm: 3",
      "  2 gives 66.66 %; 3 is the smallest that reaches 99.9 %: bursts of up to 3 within one refill of 250 ms.",
    ]);
  });

  it("says to keep what is right", () => {
    const lines = render(advice(3));
    expect(lines).toContain("  keep lanes.python.warm: 3");
    expect(lines.filter((line) => line.includes("<-"))).toEqual([expect.stringMatching(/^ +3 .*<- now, keep$/)]);
  });

  it("shows what follows the runs beside fixed sizes", () => {
    const warm = { min: 1, max: 8, target: 0.99, sandboxBytes: 1e7, windowMs: 60_000, holdMs: 120_000 };
    expect(render(advice(warm)).slice(3)).toEqual([
      "  WARM  HIT RATE  WAIT P50     P99  REFUSED  PEAK  IDLE MEMORY",
      "     1   33.33 %    250 ms  250 ms        0     3        10 MB",
      "     2   66.66 %      0 ms  250 ms        0     4        19 MB",
      "     3     100 %      0 ms    0 ms        0     5        29 MB  <- best fixed",
      "     4     100 %      0 ms    0 ms        0     6        38 MB",
      "   3.0   99.86 %      0 ms    0 ms        0     5        29 MB  <- now, adaptive",
      "  keep lanes.python.warm: {min: 1, max: 8, target: 0.99}",
      "  it would have kept 3.0 ready on average and 3 at most, for 99.86 %; the smallest fixed size that reaches 99 % is 3: bursts of up to 3 within one refill of 250 ms.",
    ]);
  });

  it("says when a trace is too short to tell", () => {
    expect(render(advice(3, 50)).at(-1)).toBe("  Only 150 runs: one of them is 0.66 %. Ask again with a longer trace.");
  });

  it("does not let a trace drive the terminal", () => {
    const lines = render(
      advice(3).map((one) => ({ ...one, lane: "a\x1b[2J" })),
      ["Lane \x1b[2J is not in the configuration"],
    );
    expect(lines.join("\n")).not.toContain("\x1b");
  });
});

describe("the time of a refill, from a daemon's report", () => {
  const step = (p50: number) => ({ p50, p90: 2 * p50, p99: 3 * p50 });
  const report = (refillMs: LanesReport["lanes"][number]["refillMs"]): LanesReport =>
    lanesReport.parse({
      ...{ server: "0.1.0", uptimeMs: 1, connections: 0 },
      lanes: [
        {
          ...{ name: "python", state: "ready", reason: null, limits: limits("python"), waiting: 0, hitRate: null },
          stock: { warm: 4, warmTarget: 4, sizing: null, creating: 0, leased: 0, evicting: 0, max: 32 },
          runs: { total: 0, warm: 0, cold: 0, refused: 0, misses: noMisses(), byReason: {} },
          ...{ queueMs: null, handoutMs: null, firstByteMs: null, refillMs },
        },
      ],
    });

  it("is the sum of its steps, and of the moment before it begins", () => {
    const steps = { create: step(20), attach: step(5), start: step(60), ready: step(40), remove: step(70) };
    expect(measuredTimes(report(steps), "python")).toEqual({ refillMs: HEADWAY_MS + 125, removeMs: 70 });
  });

  it("is not known before the first, nor of a lane that is not there", () => {
    const none = { create: null, attach: null, start: null, ready: null, remove: null };
    expect(measuredTimes(report(none), "python")).toBeUndefined();
    expect(measuredTimes(report(none), "other")).toBeUndefined();
  });
});
