import { describe, expect, it } from "vitest";
import { ARRIVAL_BUCKET_MS, ARRIVAL_BUCKETS, RECENT_RUNS, type WatchSnapshot } from "../../../src/protocol/watch.js";
import { runSummaryOf } from "./run-summary.js";
import { apply, type Model } from "../../../src/web/dashboard/model.js";

const T0 = 1_000_000;

const SNAPSHOT: WatchSnapshot = {
  type: "snapshot",
  version: 1,
  at: T0,
  report: { server: "1", uptimeMs: 0, connections: 0, lanes: [] },
  engine: { calls: 0, failed: 0, isAnswering: true, lastFailure: null },
  latencies: {},
  runs: [runSummaryOf(0), runSummaryOf(1)],
  arrivals: { endsAt: T0, lanes: { python: Array.from({ length: ARRIVAL_BUCKETS }, (_, index) => [index, 0, 0]) } },
  advice: { state: "off" },
};

function modelOf(): Model {
  const model = apply(undefined, SNAPSHOT);
  if (model === undefined) throw new Error("a snapshot makes a model");
  return model;
}

describe("what the page knows", () => {
  it("is nothing before a snapshot", () => {
    expect(apply(undefined, { type: "runs", runs: [runSummaryOf(0)] })).toBeUndefined();
  });

  it("has every run once, though the snapshot had some already, and the last ones only", () => {
    const more = Array.from({ length: RECENT_RUNS }, (_, index) => runSummaryOf(index + 1));
    const runs = apply(modelOf(), { type: "runs", runs: more })?.runs.map(({ n }) => n);
    expect(runs).toEqual(Array.from({ length: RECENT_RUNS }, (_, index) => index + 1));
  });

  it("moves arrivals along with time, and corrects the last buckets", () => {
    const endsAt = T0 + 3 * ARRIVAL_BUCKET_MS;
    const python: [number, number, number][] = [
      [7, 0, 0],
      [8, 1, 0],
    ];
    const model = apply(modelOf(), { type: "arrivals", endsAt, lanes: { python, shell: [[0, 0, 1]] } });
    const counts = model?.arrivals.lanes["python"]?.map(([warm]) => warm) ?? [];
    expect(counts).toHaveLength(ARRIVAL_BUCKETS);
    expect(counts[0]).toBe(3);
    expect(counts.slice(-4)).toEqual([ARRIVAL_BUCKETS - 1, 0, 7, 8]);
    expect(model?.arrivals.lanes["shell"]?.at(-1)).toEqual([0, 0, 1]);
    expect(model?.arrivals.lanes["shell"]).toHaveLength(ARRIVAL_BUCKETS);
  });

  it("forgets everything with another snapshot", () => {
    const model = apply(modelOf(), { ...SNAPSHOT, runs: [runSummaryOf(0)] });
    expect(model?.runs).toHaveLength(1);
  });
});
