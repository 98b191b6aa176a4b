import { build } from "hdr-histogram-js";

/** A distribution of times, in ms. */
export interface Summary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  /** Null with fewer than 100 samples: it would be the maximum by another name. */
  readonly p99: number | null;
  readonly max: number;
  readonly samples: readonly number[];
}

const MICROSECONDS = 1_000;
const MIN_SAMPLES_FOR_P99 = 100;

/** Percentiles from an HDR histogram of microseconds with three significant digits. */
export function summarize(samples: readonly number[]): Summary {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
  });
  for (const sample of samples) histogram.recordValue(Math.max(1, Math.round(sample * MICROSECONDS)));
  const percentile = (rank: number): number => histogram.getValueAtPercentile(rank) / MICROSECONDS;
  return {
    count: samples.length,
    p50: percentile(50),
    p90: percentile(90),
    p99: samples.length < MIN_SAMPLES_FOR_P99 ? null : percentile(99),
    max: Math.max(0, ...samples.map((sample) => Math.round(sample * MICROSECONDS) / MICROSECONDS)),
    samples: samples.map((sample) => Math.round(sample * MICROSECONDS) / MICROSECONDS),
  };
}
