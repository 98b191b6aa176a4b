import { renderTable } from "../../src/cli/table.js";
import type { MachineFacts } from "./machine.js";
import type { ScenarioResult } from "./scenario.js";

/** Ratios first: they are what travels from one machine to another. */
export function printResult(result: ScenarioResult, machine: MachineFacts, print: (line: string) => void): void {
  print(`${result.scenario}: ${result.summary}`);
  print("");
  for (const { metric, subject, comparedWith, factor } of result.ratios) {
    const verdict =
      factor >= 1 ? `${showFactor(factor)} times faster than` : `${showFactor(1 / factor)} times slower than`;
    print(`  to ${metric}: ${subject} is ${verdict} ${comparedWith} (median)`);
  }
  print("");
  const rows = result.subjects.flatMap(({ name, metrics }) =>
    Object.entries(metrics).map(([metric, { count, p50, p90, p99, max }]) => [
      name,
      metric,
      String(count),
      ...[p50, p90, p99, max].map((value) => (value === null ? "-" : value.toFixed(2))),
    ]),
  );
  const numbers = ["N", "P50 MS", "P90 MS", "P99 MS", "MAX MS"].map((title) => ({ title, align: "right" as const }));
  for (const line of renderTable([{ title: "WHAT" }, { title: "TO" }, ...numbers], rows)) print(line);
  print("");
  for (const { name, description } of result.subjects) print(`${name}: ${description}`);
  for (const note of result.notes) print(`Note: ${note}`);
  const settings = Object.entries(result.settings).map(([name, value]) => `${name} ${value}`);
  print(`Settings: ${settings.join(", ")}`);
  print(
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}, engine ${machine.engine}, Node ${machine.node}, load ${machine.load1}`,
  );
}

function showFactor(factor: number): string {
  return factor >= 20 ? factor.toFixed(0) : factor.toFixed(1);
}
