import type { Summary } from "./summary.js";

export interface ScenarioOptions {
  /** Measured rounds. */
  readonly runs: number;
  /** Pause before each measurement. */
  readonly idleMs: number;
  /** A daemon that runs already; undefined starts one. */
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly onProgress: (text: string) => void;
}

/** Something that was measured, beside others. */
export interface SubjectResult {
  readonly name: string;
  /** Exactly what was done, so that somebody else can do it too. */
  readonly description: string;
  readonly metrics: Readonly<Record<string, Summary>>;
}

/** How much faster the first subject is: the other's median divided by its own. */
export interface Ratio {
  readonly metric: string;
  readonly subject: string;
  readonly comparedWith: string;
  readonly factor: number;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly summary: string;
  readonly settings: Readonly<Record<string, number | string>>;
  readonly subjects: readonly SubjectResult[];
  readonly ratios: readonly Ratio[];
  /** What a reader has to know to take the figures for what they are. */
  readonly notes: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  readonly defaults: { readonly runs: number; readonly idleMs: number };
  run(options: ScenarioOptions): Promise<ScenarioResult>;
}

/** The first subject against each of the others, for every metric. */
export function ratiosOfFirst(subjects: readonly SubjectResult[]): Ratio[] {
  const [first, ...others] = subjects;
  if (first === undefined) return [];
  return Object.entries(first.metrics).flatMap(([metric, own]) =>
    others.flatMap((other) => {
      const theirs = other.metrics[metric];
      return theirs === undefined
        ? []
        : [{ metric, subject: first.name, comparedWith: other.name, factor: theirs.p50 / own.p50 }];
    }),
  );
}
