import { describe, expect, it } from "vitest";
import type { ExitReason } from "../../../src/protocol/exit.js";
import { runMessage } from "../../../src/protocol/messages.js";
import {
  ARRIVAL_BUCKET_MS,
  ARRIVAL_BUCKETS,
  latencyBin,
  RECENT_RUNS,
  runSummary,
} from "../../../src/protocol/watch.js";
import type { RunRecord } from "../../../src/run/execute.js";
import { Run } from "../../../src/run/run.js";
import { WatchRecord } from "../../../src/server/watch-record.js";

const NOW = 1_800_000_000_000;

function rig() {
  const time = { ms: 0 };
  const record = new WatchRecord({
    now: () => time.ms,
    epochMs: () => NOW + time.ms,
    isLane: (name) => name === "python",
  });
  return { time, record };
}

function runOf(fields: { lane?: string; receivedAt?: number } = {}): Run {
  const { lane = "python", receivedAt = 0 } = fields;
  const secrets = { code: "SECRET-code", env: { SECRET: "SECRET-env" }, files: [{ path: "SECRET-name", content: "" }] };
  const request = runMessage.parse({ type: "run", id: "SECRET-id", lane, ...secrets });
  return new Run({ request, client: "SECRET-client", receivedAt, send: () => undefined, sendOutput: () => undefined });
}

function served(firstByteMs: number | null = 2, reason: ExitReason = "exited"): RunRecord {
  const exit: RunRecord["exit"] = {
    reason,
    exitCode: reason === "exited" ? 3 : null,
    signal: null,
    timings: { queueMs: 0.5, handoutMs: 0.25, firstByteMs, runMs: 40 },
    usage: { cpuMs: 1, maxRssBytes: 1, oomKills: 0 },
    output: {
      stdout: { bytes: 70, sent: 70, truncated: false },
      stderr: { bytes: 30, sent: 30, truncated: false },
    },
  };
  return { lane: "python", outcome: reason, launch: "warm", sandbox: "abc", exit, error: undefined };
}

const REFUSED: RunRecord = {
  ...{ lane: "python", outcome: "queue_full", launch: undefined, sandbox: undefined, exit: undefined },
  error: new Error("SECRET-error"),
};

describe("the record for who watches", () => {
  it("tells a run's timings and its ending, and nothing of the client's", () => {
    const { record, time } = rig();
    time.ms = 100;
    record.runEnded(runOf({ receivedAt: 60 }), served());
    const [summary] = record.runsAfter(0);
    expect(runSummary.strict().parse(summary)).toMatchObject({
      ...{ n: 0, at: NOW + 60, lane: "python", outcome: "exited", exitCode: 3, sandbox: "abc", launch: "warm" },
      ...{ queueMs: 0.5, handoutMs: 0.25, firstByteMs: 2, runMs: 40, outputBytes: 100 },
    });
    record.runEnded(runOf({ lane: "SECRET-lane" }), { ...REFUSED, lane: "SECRET-lane", outcome: "unknown_lane" });
    record.runEnded(runOf(), REFUSED);
    expect(record.runsAfter(1)).toMatchObject([
      { lane: null, outcome: "unknown_lane", runMs: null },
      { lane: "python", outcome: "queue_full", queueMs: 100, runMs: null },
    ]);
    expect(JSON.stringify([record.runsAfter(0), record.arrivals(), record.latencies()])).not.toContain("SECRET");
  });

  it("keeps the last runs and no more, and knows those after any number", () => {
    const { record } = rig();
    for (let index = 0; index < RECENT_RUNS + 50; index += 1) record.runEnded(runOf(), served());
    const numbers = record.runsAfter(0).map(({ n }) => n);
    expect(numbers).toEqual(Array.from({ length: RECENT_RUNS }, (_, index) => 50 + index));
    expect(record.runsAfter(record.ended - 2).map(({ n }) => n)).toEqual([RECENT_RUNS + 48, RECENT_RUNS + 49]);
    expect(record.runsAfter(record.ended)).toEqual([]);
  });

  it("counts arrivals by how they went, in the bucket of their time, and forgets old ones", () => {
    const { record, time } = rig();
    record.handedOut("python", "warm");
    record.handedOut("python", "warm");
    time.ms = ARRIVAL_BUCKET_MS;
    record.handedOut("python", "cold");
    record.runEnded(runOf(), REFUSED);
    expect(record.arrivals(3)).toEqual({
      endsAt: NOW + 2 * ARRIVAL_BUCKET_MS,
      lanes: {
        python: [
          [0, 0, 0],
          [2, 0, 0],
          [0, 1, 1],
        ],
      },
    });
    time.ms = ARRIVAL_BUCKET_MS * ARRIVAL_BUCKETS;
    const all = record.arrivals().lanes["python"] ?? [];
    expect(all).toHaveLength(ARRIVAL_BUCKETS);
    expect([
      all[0],
      all
        .slice(1)
        .flat()
        .some((count) => count > 0),
    ]).toEqual([[0, 1, 1], false]);
  });

  it("counts the first bytes of the last 1,024 runs by their bins, and none of runs without output", () => {
    const { record } = rig();
    for (let index = 0; index < 10; index += 1) record.runEnded(runOf(), served(2));
    record.runEnded(runOf(), served(null));
    expect(record.latencies()["python"]?.[latencyBin(2)]).toBe(10);
    for (let index = 0; index < 1_020; index += 1) record.runEnded(runOf(), served(200));
    expect(record.latencies()["python"]?.[latencyBin(2)]).toBe(4);
    expect(record.latencies()["python"]?.reduce((sum, count) => sum + count)).toBe(1_024);
  });

  it("tells whether the engine answers, and what failed last", () => {
    const { record, time } = rig();
    record.engineCalled("create", "ok");
    time.ms = 7;
    record.engineCalled("start", "failed");
    expect(record.engine).toEqual({
      ...{ calls: 2, failed: 1, isAnswering: false },
      lastFailure: { call: "start", at: NOW + 7 },
    });
    // That something is gone already is an answer.
    record.engineCalled("remove", "refused");
    expect(record.engine).toMatchObject({ calls: 3, failed: 1, isAnswering: true, lastFailure: { call: "start" } });
  });
});

describe("bins of latencies", () => {
  it.each([
    [0, 0],
    [0.1, 0],
    [1, 10],
    [9.9, 19],
    [1_000_000, 59],
  ])("take %d ms into bin %d", (ms, bin) => {
    expect(latencyBin(ms)).toBe(bin);
  });
});
