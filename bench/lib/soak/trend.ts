/** How a figure has changed over a series of samples. */
export interface Trend {
  readonly firstQuarter: number;
  readonly lastQuarter: number;
}

const QUARTERS = 4;

/**
 * The medians of the first and of the last quarter of the samples: a single high one, such as before a garbage collection,
 * says nothing.
 * @returns undefined with fewer than four samples, which have no quarters
 */
export function trendOf(samples: readonly number[]): Trend | undefined {
  const size = Math.floor(samples.length / QUARTERS);
  if (size === 0) return undefined;
  return { firstQuarter: median(samples.slice(0, size)), lastQuarter: median(samples.slice(-size)) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (lower + upper) / 2;
}
