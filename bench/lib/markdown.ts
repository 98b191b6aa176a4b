import { machineLine, showNumber, showRatio } from "./report.js";
import type { StoredResult } from "./results.js";
import type { Ladder, Strip } from "./scenario.js";
import { totalMs } from "./plots/strip-layout.js";

/** A result as a README shows it: figures, ratios, the machine. */
export function markdownOf(result: StoredResult): string {
  const { scenario, summary, subjects, ratios, ladder, strip, machine } = result;
  const rows = subjects.flatMap(({ name, metrics }) =>
    Object.entries(metrics).map(([metric, { unit, count, p50, p90, p99 }]) => [
      name,
      metric,
      ...[p50, p90, p99].map((value) => (value === null ? "-" : `${showNumber(value)} ${unit}`)),
      String(count),
    ]),
  );
  const blocks = [
    `**${cell(scenario)}**: ${cell(summary)}`,
    ...(rows.length > 0 ? [table(["what", "figure"], ["p50", "p90", "p99", "N"], rows)] : []),
    ...(ladder === undefined ? [] : [cell(ladder.title), ladderTable(ladder)]),
    ...(strip === undefined ? [] : [cell(strip.title), stripTable(strip)]),
    ...(ratios.length > 0
      ? [ratios.map((ratio) => `- ${cell(ratio.metric)}: ${cell(showRatio(ratio))} (median)`).join("\n")]
      : []),
    `${cell(machineLine(machine))}, load ${machine.load1}; Matchbox ${cell(result.matchbox)}, ${result.date.slice(0, 10)}`,
  ];
  return blocks.join("\n\n");
}

function ladderTable({ asked, askedUnit, units, steps }: Ladder): string {
  const names = Object.entries(units).map(([name, unit]) => `${name} (${unit})`);
  const rows = steps.map((step) =>
    [step.asked, ...Object.keys(units).map((name) => step.figures[name])].map((value) =>
      value === undefined ? "-" : Number.isInteger(value) ? String(value) : showNumber(value),
    ),
  );
  return table([], [`${asked} (${askedUnit})`, ...names], rows);
}

function stripTable({ rows }: Strip): string {
  const cells = rows.flatMap(({ name, stages }) => [
    ...stages.map((stage) => [name, stage.name, showNumber(stage.ms)]),
    [name, "all", showNumber(totalMs(stages))],
  ]);
  return table(["what", "stage"], ["ms"], cells);
}

function table(left: readonly string[], right: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  const marks = [...left.map(() => "---"), ...right.map(() => "--:")];
  return [line([...left, ...right]), `|${marks.join("|")}|`, ...rows.map(line)].join("\n");
}

/** Text that stays in its cell and on its line. */
function cell(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|");
}
