import { bootstrapInterval, type Interval, median } from "./bootstrap.js";
import type { MachineFacts } from "../machine.js";
import type { StoredResult } from "../results.js";
import { isMoreBetter, type Unit } from "../summary.js";

/** A change has to be larger than this to count, however sure it is: below it nobody would act. */
export const LEAST_CHANGE = 0.05;
/** With fewer than 6 samples not even their whole range holds the true median in 95 of 100 cases. */
const MIN_SAMPLES = 6;

/** `unclear`: the interval of the change includes none, so that noise alone could have made the difference. */
export type Verdict = "worse" | "better" | "unclear";

export interface Change {
  readonly subject: string;
  readonly metric: string;
  readonly unit: Unit;
  /** What it was compared with in its own run; undefined where medians are compared directly. */
  readonly comparedWith: string | undefined;
  /** How many times better than the baseline, or the median itself, in its unit. */
  readonly before: number;
  readonly after: number;
  /** How many times better it became: 2 is twice as good (as fast, or as small), 0.5 half as good. */
  readonly better: number;
  readonly interval: Interval;
  readonly verdict: Verdict;
  /** Whether it decides the exit code. */
  readonly counts: boolean;
}

export interface Comparison {
  readonly ratios: readonly Change[];
  /** Empty where the results are of different machines. */
  readonly medians: readonly Change[];
  /** What could not be compared, and why. */
  readonly notices: readonly string[];
}

/** What became better or worse from one result to another of the same scenario. */
export function compareResults(before: StoredResult, after: StoredResult): Comparison {
  const notices = [...settingNotices(before, after), ...missingNotices(before, after)];
  const ratios = before.ratios.flatMap(({ subject, metric, comparedWith }) => {
    const old = [samplesOf(before, subject, metric), samplesOf(before, comparedWith, metric)] as const;
    const now = [samplesOf(after, subject, metric), samplesOf(after, comparedWith, metric)] as const;
    const change = changeOfRatio({ subject, metric, comparedWith }, old, now);
    if (typeof change !== "string") return [change];
    notices.push(`${subject} against ${comparedWith}, ${metric}: ${change}`);
    return [];
  });
  if (!isSameMachine(before.machine, after.machine)) {
    notices.push("The results are of different machines, so only the ratios are compared.");
    return { ratios, medians: [], notices };
  }
  const medians = before.subjects.flatMap(({ name, isFloor, metrics }) =>
    Object.keys(metrics).flatMap((metric) => {
      // A baseline or a floor is no concern of ours, and what has a baseline is judged by its ratio.
      const counts =
        isFloor !== true &&
        !before.ratios.some((ratio) => ratio.metric === metric && [ratio.subject, ratio.comparedWith].includes(name));
      const change = changeOfMedian(
        { subject: name, metric, counts },
        samplesOf(before, name, metric),
        samplesOf(after, name, metric),
      );
      if (typeof change !== "string") return [change];
      if (counts) notices.push(`${name}, ${metric}: ${change}`);
      return [];
    }),
  );
  return { ratios, medians, notices };
}

/** Whether something that counts became worse beyond the noise and by more than 5 %. */
export function isRegression({ ratios, medians }: Comparison): boolean {
  return [...ratios, ...medians].some(
    ({ counts, verdict, better }) => counts && verdict === "worse" && 1 / better > 1 + LEAST_CHANGE,
  );
}

/** Whether the descriptions are the same; how busy the machines were is not part of it. */
export function isSameMachine(one: MachineFacts, other: MachineFacts): boolean {
  const withoutLoad = Object.keys(one).filter((name) => name !== "load1");
  return withoutLoad.every((name) => Reflect.get(one, name) === Reflect.get(other, name));
}

interface Samples {
  readonly unit: Unit;
  readonly values: readonly number[];
}

function samplesOf({ subjects }: StoredResult, subject: string, metric: string): Samples | undefined {
  const summary = subjects.find(({ name }) => name === subject)?.metrics[metric];
  return summary === undefined ? undefined : { unit: summary.unit, values: summary.samples };
}

type Pair = readonly [own: Samples | undefined, baseline: Samples | undefined];

function changeOfRatio(
  names: { subject: string; metric: string; comparedWith: string },
  old: Pair,
  now: Pair,
): Change | string {
  const usable = checked([...old, ...now]);
  if (typeof usable === "string") return usable;
  const [{ unit }] = usable;
  const factors = ([ownOld, theirsOld, own, theirs]: readonly number[]): [before: number, after: number] => [
    timesBetter(unit, ownOld, theirsOld),
    timesBetter(unit, own, theirs),
  ];
  return change({ ...names, unit, counts: true }, usable, factors, ([before, after]) => after / before);
}

function changeOfMedian(
  names: { subject: string; metric: string; counts: boolean },
  old: Samples | undefined,
  now: Samples | undefined,
): Change | string {
  const usable = checked([old, now]);
  if (typeof usable === "string") return usable;
  const [{ unit }] = usable;
  const medians = ([before = Number.NaN, after = Number.NaN]: readonly number[]): [number, number] => [before, after];
  return change({ ...names, comparedWith: undefined, unit }, usable, medians, ([before, after]) =>
    timesBetter(unit, after, before),
  );
}

function change(
  names: Pick<Change, "subject" | "metric" | "comparedWith" | "unit" | "counts">,
  samples: readonly Samples[],
  figures: (medians: readonly number[]) => [before: number, after: number],
  betterOf: (figures: [before: number, after: number]) => number,
): Change {
  const all = samples.map(({ values }) => values);
  const [before, after] = figures(all.map(median));
  const interval = bootstrapInterval(all, (medians) => betterOf(figures(medians)));
  return { ...names, before, after, better: betterOf([before, after]), interval, verdict: verdictOf(interval) };
}

function timesBetter(unit: Unit, own = Number.NaN, other = Number.NaN): number {
  return isMoreBetter(unit) ? own / other : other / own;
}

export function verdictOf({ low, high }: Interval): Verdict {
  if (high < 1) return "worse";
  return low > 1 ? "better" : "unclear";
}

/** @returns the samples, or why they say nothing */
function checked(all: readonly (Samples | undefined)[]): [Samples, ...Samples[]] | string {
  const [first, ...others] = all.filter((samples) => samples !== undefined);
  if (first === undefined || others.length + 1 < all.length) return "not in both results.";
  const unlike = others.find(({ unit }) => unit !== first.unit);
  if (unlike !== undefined) return `its unit was ${first.unit} and is ${unlike.unit}.`;
  const fewest = Math.min(...[first, ...others].map(({ values }) => values.length));
  if (fewest < MIN_SAMPLES) return `too few samples to judge (${fewest}; ${MIN_SAMPLES} at least).`;
  if ([first, ...others].some(({ values }) => median(values) === 0)) return "a median of 0 has no ratio to another.";
  return [first, ...others];
}

function settingNotices(before: StoredResult, after: StoredResult): string[] {
  const names = [...new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])];
  return names
    .filter((name) => before.settings[name] !== after.settings[name])
    .map(
      (name) =>
        `Setting ${name} was ${before.settings[name] ?? "not there"}, is ${after.settings[name] ?? "not there"}.`,
    );
}

function missingNotices(before: StoredResult, after: StoredResult): string[] {
  const old = before.subjects.map(({ name }) => name);
  const now = after.subjects.map(({ name }) => name);
  return [
    ...old.filter((name) => !now.includes(name)).map((name) => `${name} was measured only before.`),
    ...now.filter((name) => !old.includes(name)).map((name) => `${name} is measured only now.`),
  ];
}
