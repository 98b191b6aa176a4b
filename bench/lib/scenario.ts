import { isMoreBetter, type Summary, type Unit } from "./summary.js";

export interface ScenarioOptions {
  /** Measured rounds. */
  readonly runs: number;
  /** Pause before each measurement. */
  readonly idleMs: number;
  /** A daemon that runs already; undefined starts one. */
  readonly url: string | undefined;
  /** What the user wants of the configuration of a daemon that is started (`lanes.python.warm=8`); none with `url`. */
  readonly set: readonly string[];
  readonly token: string | undefined;
  /** The root of another build to measure beside this one, in the scenarios that can. */
  readonly baseline?: string | undefined;
  /** Aborted when the user wants it to end; `interleave` looks at it between measurements. */
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
}

/** Something that was measured, beside others. */
export interface SubjectResult {
  readonly name: string;
  /** Exactly what was done, so that somebody else can do it too. */
  readonly description: string;
  /** What any way takes at least, as nothing is run: no competitor, and when it becomes worse it is the machine's doing. */
  readonly isFloor?: true;
  readonly metrics: Readonly<Record<string, Summary>>;
}

/** How much better the first subject is, by the medians: 2 is twice as fast, or half the memory. */
export interface Ratio {
  readonly metric: string;
  readonly unit: Unit;
  readonly subject: string;
  readonly comparedWith: string;
  readonly factor: number;
}

/** One step of a ladder: what came out when so much was asked for. */
export interface LadderStep {
  /** What was asked for, in the ladder's `askedUnit`. */
  readonly asked: number;
  /** Figures by their name, such as "hit rate". */
  readonly figures: Readonly<Record<string, number>>;
}

/** A series of steps that ask for more and more. */
export interface Ladder {
  readonly title: string;
  readonly asked: string;
  readonly askedUnit: Unit;
  readonly units: Readonly<Record<string, Unit>>;
  readonly steps: readonly LadderStep[];
}

/** Stages that follow one another, such as those of a cold start; medians. */
export interface Strip {
  readonly title: string;
  readonly rows: readonly { readonly name: string; readonly stages: readonly { name: string; ms: number }[] }[];
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly summary: string;
  readonly settings: Readonly<Record<string, number | string>>;
  readonly subjects: readonly SubjectResult[];
  readonly ratios: readonly Ratio[];
  readonly ladder?: Ladder;
  readonly strip?: Strip;
  /** What a reader has to know to take the figures for what they are. */
  readonly notes: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  readonly defaults: { readonly runs: number; readonly idleMs: number };
  /** @throws Error when an output is not the expected one: a figure of something that failed would not be one */
  run(options: ScenarioOptions): Promise<ScenarioResult>;
}

/** The first subject against each of the others that is no floor, for every metric that both have. */
export function ratiosOfFirst(subjects: readonly SubjectResult[]): Ratio[] {
  const [first, ...others] = subjects.filter(({ isFloor }) => isFloor !== true);
  return first === undefined ? [] : others.flatMap((other) => ratiosBetween(first, other));
}

/** One subject against another, for every metric that both have and neither has as nothing. */
export function ratiosBetween(subject: SubjectResult, other: SubjectResult): Ratio[] {
  return Object.entries(subject.metrics).flatMap(([metric, own]) => {
    const theirs = other.metrics[metric];
    if (theirs === undefined || own.p50 === 0 || theirs.p50 === 0) return [];
    const factor = isMoreBetter(own.unit) ? own.p50 / theirs.p50 : theirs.p50 / own.p50;
    return [{ metric, unit: own.unit, subject: subject.name, comparedWith: other.name, factor }];
  });
}
