import { summarize, type Summary, type Unit } from "../summary.js";

/** What one measurement found: figures by name, one sample or more of each. */
export type Figures = Readonly<Record<string, readonly number[]>>;

const UNITS: Readonly<Record<string, Unit>> = {
  "memory growth": "MiB",
  refused: "count",
  "queued sent": "count",
  "no ending": "count",
  runs: "runs/s",
};

/** All samples of each figure, in the order in which they were taken. */
export function metricsOf(measured: readonly Figures[]): Record<string, Summary> {
  const names = new Set(measured.flatMap((figures) => Object.keys(figures)));
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      summarize(
        measured.flatMap((figures) => figures[name] ?? []),
        UNITS[name],
      ),
    ]),
  );
}
