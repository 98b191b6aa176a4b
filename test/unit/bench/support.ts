import type { StoredResult } from "../../../bench/lib/results.js";
import { type SubjectResult, ratiosOfFirst } from "../../../bench/lib/scenario.js";
import { summarize, type Unit } from "../../../bench/lib/summary.js";

export const MACHINE = {
  cpu: "A processor",
  cores: 2,
  memoryGiB: 4,
  kernel: "Linux 6",
  engine: "20.10",
  node: "20.19.0",
  load1: 0.1,
};

export function subject(
  name: string,
  metrics: Readonly<Record<string, readonly number[]>>,
  unit: Unit = "ms",
): SubjectResult {
  const summaries = Object.entries(metrics).map(([metric, samples]) => [metric, summarize(samples, unit)] as const);
  return { name, description: `how ${name} is measured`, metrics: Object.fromEntries(summaries) };
}

export function resultOf(subjects: readonly SubjectResult[], more: Partial<StoredResult> = {}): StoredResult {
  return {
    scenario: "warm-hit",
    summary: "a run & what one would do instead",
    settings: { runs: 20 },
    subjects,
    ratios: ratiosOfFirst(subjects),
    notes: [],
    matchbox: "1.2.3",
    date: "2030-01-02T03:04:05.000Z",
    machine: MACHINE,
    ...more,
  };
}

/** Samples around a middle, from 10 % below it to 10 % above. */
export function around(middle: number, count = 21): number[] {
  return Array.from({ length: count }, (_, index) => middle * (0.9 + (0.2 * index) / (count - 1)));
}

/** Ever longer samples, as different from one another as measurements are. */
export function spread(count: number, scale: number): number[] {
  return Array.from({ length: count }, (_, index) => scale * (1 + ((index * 7919) % count)));
}
