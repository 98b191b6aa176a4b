import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { Journal } from "../../src/journal.js";
import type { MetricsSources } from "../../src/metrics.js";
import { ManualClock } from "../support/manual-clock.js";

const LANE = { name: "a", waiting: 2, counts: { creating: 0, warm: 3, leased: 0, evicting: 0 }, warmTarget: 3 };

describe("what is counted", () => {
  it.each([NaN, Infinity, -Infinity, -1])("leaves out %d, and goes on", async (wrong) => {
    const { journal } = journalOf();
    for (const value of [1, wrong, 1]) {
      journal.engineCalled("create", value, "ok");
      journal.refillStep("a", "create", value);
      journal.made("a", value);
      journal.handedOut("a", "warm", { queueMs: value, handoutMs: value });
    }
    const text = await journal.exposition();
    const sums = linesOf(text, /^matchbox_\w+_(?:sum|count)\{lane="a"|^matchbox_engine\w+_(?:sum|count)\{/).filter(
      (line) => !line.includes("cold"),
    );
    expect(sums).toHaveLength(8);
    for (const line of sums) expect(Number(line.split(" ").at(-1)), line).toBeOneOf([2, 0.002]);
    expect(journal.statisticsOf("a")).toMatchObject({
      queueMs: { p50: 1, p99: 1 },
      handoutMs: { p50: 1, p99: 1 },
      refillMs: { create: { p50: 1, p99: 1 } },
    });
  });

  it("says what it left out: in a metric each time, in the log once for each metric", async () => {
    const { journal, lines } = journalOf();
    for (let time = 0; time < 3; time += 1) journal.made("a", NaN);
    journal.engineCalled("create", -5, "ok");
    journal.lookedForUnowned(NaN);
    const dropped = linesOf(await journal.exposition(), /^matchbox_values_dropped_total\{/);
    expect(dropped.sort()).toEqual([
      'matchbox_values_dropped_total{metric="matchbox_engine_call_seconds"} 1',
      'matchbox_values_dropped_total{metric="matchbox_refill_seconds"} 3',
      'matchbox_values_dropped_total{metric="matchbox_unowned_containers"} 1',
    ]);
    expect(lines.map(({ metric, value }) => [metric, value])).toEqual([
      ["matchbox_refill_seconds", "NaN"],
      ["matchbox_engine_call_seconds", "-0.005"],
      ["matchbox_unowned_containers", "NaN"],
    ]);
  });

  it("has no sample of the present where there is no number for it", async () => {
    let connections = 4;
    const { journal } = journalOf({
      connections: () => connections,
      lanes: () => [
        { ...LANE, waiting: NaN, sizing: null },
        { ...LANE, name: "b", sizing: null },
      ],
    });
    expect(linesOf(await journal.exposition(), /^matchbox_connections/)).toEqual(["matchbox_connections 4"]);
    connections = NaN;
    const text = await journal.exposition();
    expect(linesOf(text, /^matchbox_connections/)).toEqual([]);
    expect(linesOf(text, /^matchbox_waiting_runs/)).toEqual(['matchbox_waiting_runs{lane="b"} 2']);
    expect(linesOf(text, /^matchbox_.* nan$/i)).toEqual([]);
  });
});

describe("a scrape of which a part fails", () => {
  it.each([
    ["lanes", /^matchbox_(?:warm_target|sandboxes|waiting_runs)\w*[{ ]/, 5],
    ["connections", /^matchbox_connections/, 1],
    ["droppedLogLines", /^matchbox_log_lines_dropped_total/, 1],
  ] as const)("stands without what comes of %s, and says so once", async (source, itsMetrics, metrics) => {
    let isBroken = false;
    const sources = {
      lanes: () => [{ ...LANE, sizing: { min: 1, max: 4, reason: "rate" as const } }],
      connections: () => 4,
      droppedLogLines: () => 7,
    };
    const broken = (): never => {
      throw new Error("no such thing at present");
    };
    const { journal, lines } = journalOf({
      lanes: () => (isBroken && source === "lanes" ? broken() : sources.lanes()),
      connections: () => (isBroken && source === "connections" ? broken() : sources.connections()),
      droppedLogLines: () => (isBroken && source === "droppedLogLines" ? broken() : sources.droppedLogLines()),
    });
    journal.made("a", 40);
    const before = linesOf(await journal.exposition(), /^matchbox_/);
    const its = before.filter((line) => itsMetrics.test(line));
    expect(its.length).toBeGreaterThanOrEqual(metrics);
    isBroken = true;
    for (let scrape = 1; scrape <= 4; scrape += 1) {
      const text = await journal.exposition();
      // What it said before would be untrue now.
      const standing = linesOf(text, /^matchbox_/).filter((line) => !line.startsWith("matchbox_metrics_failed_total{"));
      expect(standing).toEqual(before.filter((line) => !itsMetrics.test(line)));
      expect(text).toMatch(/^process_cpu_seconds_total \d/m);
      const failures = linesOf(text, /^matchbox_metrics_failed_total\{/);
      expect(failures).toHaveLength(metrics);
      for (const line of failures) expect(line).toMatch(new RegExp(`\\} ${scrape}$`));
    }
    expect(lines).toHaveLength(metrics);
    for (const line of lines) {
      expect(line).toMatchObject({ err: { message: "no such thing at present" } });
      expect(line["metric"]).toMatch(/^matchbox_/);
    }
    isBroken = false;
    const after = linesOf(await journal.exposition(), /^matchbox_/);
    expect(after.filter((line) => itsMetrics.test(line))).toEqual(its);
  });

  it("does not fill the log where it fails every other time, and is told of again after an hour", async () => {
    const { journal, lines, clock } = journalOf({
      connections: () => {
        calls += 1;
        if (calls % 2 === 1) throw new Error("odd");
        return 1;
      },
    });
    let calls = 0;
    for (let scrape = 0; scrape < 20; scrape += 1) await journal.exposition();
    expect(lines).toHaveLength(1);
    await clock.advance(3_600_000);
    for (let scrape = 0; scrape < 20; scrape += 1) await journal.exposition();
    expect(lines).toHaveLength(2);
  });
});

function journalOf(sources: Partial<MetricsSources> = {}): {
  journal: Journal;
  lines: Record<string, unknown>[];
  clock: ManualClock;
} {
  const lines: Record<string, unknown>[] = [];
  const clock = new ManualClock();
  const journal = new Journal({
    sources: { lanes: () => [], connections: () => 0, droppedLogLines: () => 0, ...sources },
    traceMaxBytes: 1_000_000,
    clock,
    log: pino({ level: "warn" }, { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
  });
  journal.addLane("a");
  return { journal, lines, clock };
}

function linesOf(text: string, pattern: RegExp): string[] {
  return text.split("\n").filter((line) => pattern.test(line));
}
