import { renderTable } from "../../src/cli/table.js";
import type { MachineFacts } from "./machine.js";
import { totalMs } from "./plots/strip-layout.js";
import type { Ladder, Ratio, ScenarioResult, Strip } from "./scenario.js";
import type { Unit } from "./summary.js";

/** Ratios first: they are what travels from one machine to another. */
export function printResult(result: ScenarioResult, machine: MachineFacts, print: (line: string) => void): void {
  print(`${result.scenario}: ${result.summary}`);
  print("");
  for (const ratio of result.ratios) print(`  ${ratio.metric}: ${showRatio(ratio)} (median)`);
  if (result.ratios.length > 0) print("");
  const rows = result.subjects.flatMap(({ name, metrics }) =>
    Object.entries(metrics).map(([metric, { unit, count, p50, p90, p99, max }]) => [
      name,
      metric,
      unit,
      String(count),
      ...[p50, p90, p99, max].map((value) => (value === null ? "-" : showNumber(value))),
    ]),
  );
  if (rows.length > 0) {
    const numbers = ["N", "P50", "P90", "P99", "MAX"].map((title) => ({ title, align: "right" as const }));
    for (const line of renderTable([{ title: "WHAT" }, { title: "FIGURE" }, { title: "UNIT" }, ...numbers], rows)) {
      print(line);
    }
    print("");
  }
  if (result.ladder !== undefined) printLadder(result.ladder, print);
  if (result.strip !== undefined) printStrip(result.strip, print);
  for (const { name, description } of result.subjects) print(`${name}: ${description}`);
  for (const note of result.notes) print(`Note: ${note}`);
  const settings = Object.entries(result.settings).map(([name, value]) => `${name} ${value}`);
  print(`Settings: ${settings.join(", ")}`);
  print(`Machine: ${machineLine(machine)}, load ${machine.load1}`);
}

export function machineLine({ cpu, cores, memoryGiB, kernel, engine, node }: MachineFacts): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${kernel}, engine ${engine}, Node ${node}`;
}

/** `matchbox is 84 times faster than docker run`. */
export function showRatio({ subject, comparedWith, unit, factor }: Ratio): string {
  const { better, worse } = wordsFor(unit);
  const times = factor >= 1 ? factor : 1 / factor;
  return `${subject} is ${showFactor(times)} times ${factor >= 1 ? better : worse} than ${comparedWith}`;
}

/** What it is called to be better or worse. */
export function wordsFor(unit: Unit): { better: string; worse: string } {
  return unit === "MiB" || unit === "%" ? { better: "less", worse: "more" } : { better: "faster", worse: "slower" };
}

function printLadder({ title, asked, askedUnit, units, steps }: Ladder, print: (line: string) => void): void {
  print(title);
  const columns = [{ name: asked, unit: askedUnit }, ...Object.entries(units).map(([name, unit]) => ({ name, unit }))];
  const rows = steps.map((step) => [step.asked, ...Object.keys(units).map((name) => step.figures[name])]);
  const table = renderTable(
    columns.map(({ name, unit }) => ({ title: `${name} (${unit})`.toUpperCase(), align: "right" })),
    rows.map((row) => row.map((value) => (value === undefined ? "-" : showNumber(value)))),
  );
  for (const line of table) print(line);
  print("");
}

function printStrip({ title, rows }: Strip, print: (line: string) => void): void {
  print(title);
  for (const { name, stages } of rows) {
    const parts = stages.map((stage) => `${stage.name} ${showNumber(stage.ms)}`);
    print(`  ${name}: ${parts.join(" + ")} = ${showNumber(totalMs(stages))} ms`);
  }
  print("");
}

export function showNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(value >= 1_000 ? 0 : value >= 100 ? 1 : 2);
}

export function showFactor(factor: number): string {
  return factor >= 20 ? factor.toFixed(0) : factor >= 2 ? factor.toFixed(1) : factor.toFixed(2);
}
