import { type LaneAdvice, showShare } from "../sizing/advise.js";
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
  const { lane, runs, burst, refillMs, present, recommended, reason, sizes } = advice;
  const [titles = "", ...rows] = renderTable(
    COLUMNS,
    sizes.map(({ warm, outcome }) => [
      String(warm),
      outcome.hitRate === null ? "-" : showShare(outcome.hitRate),
      outcome.waitMs === null ? "-" : showWait(outcome.waitMs.p50),
      outcome.waitMs === null ? "-" : showWait(outcome.waitMs.p99),
      String(outcome.refused.queueFull + outcome.refused.queueTimeout),
      String(outcome.sandboxes.peak),
      `${Math.round(warm * IDLE_SANDBOX_MB)} MB`,
      warm === recommended ? (warm === present ? "<- now, keep" : "<- recommended") : warm === present ? "<- now" : "",
    ]),
  );
  const what =
    recommended === present ? `keep lanes.${lane}.warm: ${present}` : `set lanes.${lane}.warm: ${recommended}`;
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

function showWait(milliseconds: number): string {
  return milliseconds === 0 ? "0 ms" : showLatency(milliseconds);
}

/** `41,233`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
