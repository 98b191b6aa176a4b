import { seededNumbers } from "../seeded.js";

/** Resamples of a bootstrap: enough for two digits of the ends of a 95 % interval. */
const RESAMPLES = 2_000;
const CONFIDENCE = 0.95;
/** Every comparison begins with the same one, so that the same samples give the same verdict. */
const SEED = 0x6d_61_74_63;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The lower middle one: the same rank as the 50th percentile of a `Summary`. @throws RangeError without samples */
export function median(samples: readonly number[]): number {
  const middle = samples.toSorted((a, b) => a - b)[Math.ceil(samples.length / 2) - 1];
  if (middle === undefined) throw new RangeError("a median needs at least one sample");
  return middle;
}

/**
 * How sure a figure is that is made of the medians of independent samples: 95 % interval of a percentile bootstrap. Always
 * the same for the same samples.
 * @param figure of the medians, in the order of `samples`
 * @throws RangeError when one has no samples
 */
export function bootstrapInterval(
  samples: readonly (readonly number[])[],
  figure: (medians: readonly number[]) => number,
): Interval {
  const random = seededNumbers(SEED);
  const sorted = samples.map((own) => own.toSorted((a, b) => a - b));
  const figures = Array.from({ length: RESAMPLES }, () =>
    figure(sorted.map((own) => resampledMedian(own, random))),
  ).sort((a, b) => a - b);
  const outside = Math.floor(((1 - CONFIDENCE) / 2) * RESAMPLES);
  return { low: figures[outside] ?? Number.NaN, high: figures[RESAMPLES - 1 - outside] ?? Number.NaN };
}

/** The median of as many samples, drawn with replacement; the drawn ranks are sorted instead of the samples. */
function resampledMedian(sorted: readonly number[], random: () => number): number {
  const ranks = Uint32Array.from(sorted, () => Math.floor(random() * sorted.length)).sort();
  const rank = ranks[Math.ceil(sorted.length / 2) - 1];
  const value = rank === undefined ? undefined : sorted[rank];
  if (value === undefined) throw new RangeError("a bootstrap needs at least one sample");
  return value;
}
