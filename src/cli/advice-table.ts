import { type LaneAdvice, showShare } from "../sizing/advise.js";
import type { SimulatedOutcome } from "../sizing/simulate.js";
import { showLatency } from "./lane-table.js";
import { type Column, renderTable } from "./table.js";
import { printable, type Styler } from "./terminal.js";

/** What an idle sandbox weighs, all in, in MB (docs/performance.md). */
const IDLE_SANDBOX_MB = 9.5;
/** Below so many runs one that misses is more than a thousandth. */
const FEW_RUNS = 1_000;

const COLUMNS: readonly Column[] = [
  { title: "WARM", align: "right" },
  { title: "HIT RATE", align: "right" },
  { title: "WAIT P50", align: "right" },
  { title: "P99", align: "right" },
  { title: "REFUSED", align: "right" },
  { title: "PEAK", align: "right" },
  { title: "IDLE MEMORY", align: "right" },
  { title: "" },
];

export interface AdviceReport {
  /** In words, for the first line. */
  readonly source: string;
  readonly notes: readonly string[];
  readonly lanes: readonly LaneAdvice[];
}

/** What `matchbox advise` shows, line by line: what it is made from, and for each lane a table and a sentence. */
export function renderAdvice({ source, notes, lanes }: AdviceReport, style: Styler): string[] {
  return [
    printable(source),
    ...notes.map((note) => style("yellow", printable(note))),
    ...lanes.flatMap((advice) => ["", ...renderLane(advice, style)]),
  ];
}

function renderLane(advice: LaneAdvice, style: Styler): string[] {
  const { lane, runs, burst, refillMs, present, adaptive, recommended, reason, sizes } = advice;
  const fixed = sizes.map(({ warm, outcome }) => {
    const isPresent = warm === present;
    const mark =
      warm !== recommended
        ? isPresent
          ? "<- now"
          : ""
        : isPresent
          ? "<- now, keep"
          : adaptive === null
            ? "<- recommended"
            : "<- best fixed";
    return cells(String(warm), warm, outcome, mark);
  });
  const own =
    adaptive === null
      ? []
      : [
          cells(
            adaptive.outcome.target.mean.toFixed(1),
            adaptive.outcome.target.mean,
            adaptive.outcome,
            "<- now, adaptive",
          ),
        ];
  const [titles = "", ...rows] = renderTable(COLUMNS, [...fixed, ...own]);
  const setting =
    adaptive === null
      ? String(recommended)
      : `{min: ${adaptive.stock.min}, max: ${adaptive.stock.max}, target: ${adaptive.stock.target}}`;
  const isKept = adaptive !== null || recommended === present;
  const what = `${isKept ? "keep" : "set"} lanes.${lane}.warm: ${setting}`;
  const few =
    runs < FEW_RUNS
      ? [`  Only ${runs} runs: one of them is ${showShare(1 / runs)}. Ask again with a longer trace.`]
      : [];
  return [
    `${style("bold", printable(lane))}: ${count(runs)} runs, at most ${burst} within one refill (${refillMs} ms)`,
    style("dim", `  ${titles}`),
    ...rows.map((row, index) => {
      const warm = sizes[index]?.warm;
      const line = `  ${row}`;
      return warm === recommended ? style("green", line) : line;
    }),
    `  ${printable(what)}`,
    `  ${printable(reason)}.`,
    ...few,
  ];
}

function cells(size: string, kept: number, outcome: SimulatedOutcome, mark: string): string[] {
  const { hitRate, waitMs, refused, sandboxes } = outcome;
  return [
    size,
    hitRate === null ? "-" : showShare(hitRate),
    waitMs === null ? "-" : showWait(waitMs.p50),
    waitMs === null ? "-" : showWait(waitMs.p99),
    String(refused.queueFull + refused.queueTimeout),
    String(sandboxes.peak),
    `${Math.round(kept * IDLE_SANDBOX_MB)} MB`,
    mark,
  ];
}

function showWait(milliseconds: number): string {
  return milliseconds === 0 ? "0 ms" : showLatency(milliseconds);
}

/** `41,233`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
