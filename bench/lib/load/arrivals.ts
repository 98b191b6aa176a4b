/** Uniform numbers from 0 (included) to 1 (excluded). */
export type Random = () => number;

/**
 * A Poisson process that has exactly `count` arrivals in the time that they need at this rate. Given how many there are,
 * the moments of such a process are independent and uniform, so drawing them like that keeps its bunches and gaps, while
 * the rate of a short step is the one asked for and not what chance makes of it.
 * @returns moments in ms from the beginning, ascending
 */
export function poissonArrivals(count: number, ratePerS: number, random: Random): number[] {
  if (!(ratePerS > 0)) throw new RangeError(`a rate of arrivals must be above 0, not ${ratePerS}`);
  const spanMs = (count / ratePerS) * 1_000;
  return Array.from({ length: count }, () => random() * spanMs).sort((one, other) => one - other);
}

/** Arrivals of one rate, the first of which only bring what is measured into its stride. */
export interface Schedule {
  /** In ms from the beginning, ascending, those of the lead-in included. */
  readonly arrivalsMs: readonly number[];
  /** When the counted part begins and ends, in ms from the beginning. */
  readonly countedFromMs: number;
  readonly countedToMs: number;
}

/** Two stretches of one Poisson process, one after the other: the lead-in, and what counts. */
export function schedule(
  { leadIn, counted, ratePerS }: { leadIn: number; counted: number; ratePerS: number },
  random: Random,
): Schedule {
  const countedFromMs = (leadIn / ratePerS) * 1_000;
  return {
    arrivalsMs: [
      ...poissonArrivals(leadIn, ratePerS, random),
      ...poissonArrivals(counted, ratePerS, random).map((ms) => countedFromMs + ms),
    ],
    countedFromMs,
    countedToMs: countedFromMs + (counted / ratePerS) * 1_000,
  };
}
