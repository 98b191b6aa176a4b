import {
  type LaneReport,
  type LanesReport,
  MISS_REASONS,
  type MissReason,
  type WarmReason,
} from "../protocol/lanes.js";
import { type Column, renderTable } from "./table.js";
import { printable, type Styler } from "./terminal.js";

const COLUMNS: readonly Column[] = [
  { title: "LANE" },
  { title: "STATE" },
  { title: "STOCK", align: "right" },
  { title: "CREATING", align: "right" },
  { title: "LEASED", align: "right" },
  { title: "WAITING", align: "right" },
  { title: "RUNS", align: "right" },
  { title: "HIT RATE", align: "right" },
  { title: "HAND-OUT P50", align: "right" },
  { title: "P99", align: "right" },
];

const NOTHING_YET = "-";

const STATE_STYLE = { starting: "yellow", ready: "green", degraded: "red", closing: "yellow" } as const;

/** What an operator does about runs that found nothing ready. */
const MISS_WORDS: Readonly<Record<MissReason, string>> = {
  creating_fails: "while none could be made",
  held: "while the network's rules were being mended",
  starting: "before the stock was full for the first time",
  saturated: "with all sandboxes in use (maxSandboxes)",
  refill_behind: "with more runs than can be refilled (more processors, or fewer runs)",
  stock_empty: "in bursts larger than the stock (warm)",
};

/** What `matchbox status` shows, line by line: the daemon, a table, why runs had to wait, and why degraded lanes are so. */
export function renderStatus(report: LanesReport, style: Styler): string[] {
  const { server, uptimeMs, connections, lanes } = report;
  const [titles = "", ...rows] = renderTable(COLUMNS, lanes.map(cellsOf));
  return [
    `Matchbox ${printable(server)}, up ${showUptime(uptimeMs)}, ${connections} ${connections === 1 ? "connection" : "connections"}`,
    "",
    style("bold", titles),
    ...rows.map((row, index) => styleState(row, lanes[index], style)),
    ...sizesOf(lanes),
    ...missesOf(lanes),
    ...lanes.flatMap(({ name, reason }) =>
      reason === null ? [] : ["", style("red", `${printable(name)} is degraded: ${printable(reason)}`)],
    ),
  ];
}

/** What keeps a stock as it is where it follows the runs. */
const REASON_WORDS: Readonly<Record<WarmReason, string>> = {
  rate: "for the rate at which runs come",
  burst: "for the bursts in which runs come",
  min: "its least",
  max: "its most, where more would be needed",
  memory: "its share of sizing.memoryBudgetMiB, where more would be needed",
};

/** One line for each lane whose stock follows the runs. */
function sizesOf(lanes: readonly LaneReport[]): string[] {
  const lines = lanes.flatMap(({ name, stock: { warmTarget, sizing } }) => {
    if (sizing === null) return [];
    const { min, max, target, reason } = sizing;
    const share = `${Number((target * 100).toFixed(2))} %`;
    return [
      `${printable(name)}: keeps ${warmTarget} of ${min} to ${max} ready, ${REASON_WORDS[reason]} (target ${share})`,
    ];
  });
  return lines.length === 0 ? [] : ["", ...lines];
}

/** One line for each lane that had misses, the most frequent reason first. */
function missesOf(lanes: readonly LaneReport[]): string[] {
  const lines = lanes.flatMap(({ name, runs: { misses, total } }) => {
    const counted = MISS_REASONS.filter((reason) => misses[reason] > 0).sort((a, b) => misses[b] - misses[a]);
    if (counted.length === 0) return [];
    const sum = counted.reduce((all, reason) => all + misses[reason], 0);
    const reasons = counted.map((reason) => `${misses[reason]} ${MISS_WORDS[reason]}`);
    return [`${printable(name)}: ${sum} of ${total} runs found nothing ready: ${reasons.join(", ")}`];
  });
  return lines.length === 0 ? [] : ["", ...lines];
}

function cellsOf({ name, state, stock, waiting, runs, hitRate, handoutMs }: LaneReport): string[] {
  return [
    printable(name),
    state,
    `${stock.warm}/${stock.warmTarget}`,
    String(stock.creating),
    String(stock.leased),
    String(waiting),
    String(runs.total),
    hitRate === null ? NOTHING_YET : `${(hitRate * 100).toFixed(1)} %`,
    handoutMs === null ? NOTHING_YET : showLatency(handoutMs.p50),
    handoutMs === null ? NOTHING_YET : showLatency(handoutMs.p99),
  ];
}

/** Colours the state after the row was aligned: escape sequences have no width. */
function styleState(row: string, lane: LaneReport | undefined, style: Styler): string {
  if (lane === undefined) return row;
  const afterName = printable(lane.name).length;
  const at = row.indexOf(lane.state, afterName);
  if (at < 0) return row;
  return `${row.slice(0, at)}${style(STATE_STYLE[lane.state], lane.state)}${row.slice(at + lane.state.length)}`;
}

/** Three digits that matter: `0.62 ms`, `14.1 ms`, `1240 ms`. */
export function showLatency(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0)} ms`;
}

function showUptime(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
