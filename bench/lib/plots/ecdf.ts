/** A point of a distribution: this share of the samples is at most so large. */
export interface EcdfPoint {
  readonly value: number;
  /** From 0 to 1. */
  readonly share: number;
}

/** The slowest tenth, which has a third of the points that are kept: the bends that matter are there. */
const TAIL_BEGINS = 0.9;
const SHARE_OF_TAIL = 1 / 3;

/**
 * The empirical cumulative distribution, beginning at share 0.
 * @param maxPoints of more samples at most so many (4 or more) are kept, the least and the largest among them, each at its true share
 */
export function ecdf(samples: readonly number[], maxPoints: number): EcdfPoint[] {
  const sorted = samples.toSorted((a, b) => a - b);
  const [least] = sorted;
  if (least === undefined) return [];
  const points = keptRanks(sorted.length, maxPoints).map((rank) => ({
    value: sorted[rank] ?? least,
    share: (rank + 1) / sorted.length,
  }));
  return [{ value: least, share: 0 }, ...points];
}

function keptRanks(count: number, max: number): number[] {
  if (count <= max) return Array.from({ length: count }, (_, rank) => rank);
  const ofTail = Math.floor(max * SHARE_OF_TAIL);
  const begin = Math.floor(count * TAIL_BEGINS);
  return [...new Set([...spreadEvenly(0, begin - 1, max - ofTail), ...spreadEvenly(begin, count - 1, ofTail)])];
}

/** Whole numbers from `first` to `last`, as many as asked; some are there twice when there are not so many. */
function spreadEvenly(first: number, last: number, count: number): number[] {
  if (count === 1) return [last];
  return Array.from({ length: count }, (_, index) => first + Math.round((index * (last - first)) / (count - 1)));
}
