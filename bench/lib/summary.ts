import { build } from "hdr-histogram-js";

/** What a figure counts in. Rates and throughputs are better the more they are; everything else the less. */
export const UNITS = ["ms", "MB/s", "runs/s", "MiB", "%", "count"] as const;
export type Unit = (typeof UNITS)[number];

/** The distribution of one figure. */
export interface Summary {
  readonly unit: Unit;
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  /** Null with fewer than 100 samples: it would be the maximum by another name. */
  readonly p99: number | null;
  readonly max: number;
  /** In the order in which they were taken. */
  readonly samples: readonly number[];
}

/** Steps of a histogram in one of a unit: a millisecond counts in microseconds. */
const STEPS = 1_000;
const MIN_SAMPLES_FOR_P99 = 100;

/**
 * Percentiles from an HDR histogram of thousandths of the unit with three significant digits.
 * @throws RangeError for a sample that is no amount
 */
export function summarize(samples: readonly number[], unit: Unit = "ms"): Summary {
  const wrong = samples.find((sample) => !Number.isFinite(sample) || sample < 0);
  if (wrong !== undefined) throw new RangeError(`a sample is ${wrong}; a figure is a finite number from 0`);
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
  });
  const rounded = samples.map((sample) => Math.round(sample * STEPS) / STEPS);
  for (const sample of rounded) histogram.recordValue(Math.max(1, Math.round(sample * STEPS)));
  const [least, most] = [Math.min(...rounded), Math.max(0, ...rounded)];
  // The histogram answers with the end of a step of its own, which may be beyond every sample; without samples, with nothing.
  const percentile = (rank: number): number =>
    samples.length === 0 ? 0 : Math.min(most, Math.max(least, histogram.getValueAtPercentile(rank) / STEPS));
  return {
    unit,
    count: samples.length,
    p50: percentile(50),
    p90: percentile(90),
    p99: samples.length < MIN_SAMPLES_FOR_P99 ? null : percentile(99),
    max: most,
    samples: rounded,
  };
}

/** @throws RangeError without samples */
export function mean(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError("a mean needs at least one sample");
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

/** Whether more of it is better. */
export function isMoreBetter(unit: Unit): boolean {
  return unit === "MB/s" || unit === "runs/s";
}
