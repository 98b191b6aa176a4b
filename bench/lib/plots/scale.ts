/** Ticks of a logarithmic axis: 1, 2 and 5 of each power of ten; with more powers than this, only the powers. */
const MAX_DECADES_WITH_STEPS = 3;
const STEPS_OF_A_DECADE = [1, 2, 5];

/** The ticks 1, 2, 5, 10, 20... from the last one below the values to the first one above; all values are over 0. */
export function logTicks(values: readonly number[]): number[] {
  const least = Math.min(...values);
  const largest = Math.max(...values);
  const decades = range(Math.floor(Math.log10(least)), Math.ceil(Math.log10(largest)) + 1);
  const all = decades.flatMap((power) => STEPS_OF_A_DECADE.map((step) => Number(`${step}e${power}`)));
  const first = all.findLastIndex((tick) => tick <= least);
  const last = all.findIndex((tick) => tick >= largest && tick > least);
  const ticks = all.slice(first, last + 1);
  const isWide = Math.log10(largest / least) > MAX_DECADES_WITH_STEPS;
  const ends = [ticks[0], ticks.at(-1)];
  return isWide ? ticks.filter((tick) => Number.isInteger(Math.log10(tick)) || ends.includes(tick)) : ticks;
}

/**
 * Which axis keeps neighbouring values further apart. Steps that double want a logarithmic one, even steps a linear one.
 */
export function scaleFor(values: readonly number[]): "linear" | "log" {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  if (sorted.length < 3 || sorted.some((value) => value <= 0)) return "linear";
  return closestGap(sorted.map(Math.log)) > closestGap(sorted) ? "log" : "linear";
}

/** The smallest distance between neighbours, as a share of the whole; 1 with fewer than two values. */
export function closestGap(sorted: readonly number[]): number {
  const whole = (sorted.at(-1) ?? 0) - (sorted[0] ?? 0);
  if (whole === 0) return 1;
  return Math.min(...sorted.slice(1).map((value, index) => (value - (sorted[index] ?? value)) / whole));
}

/** Nothing, the half and the whole of the roundest number that is not far over the largest value. */
export function niceTicks(largest: number): number[] {
  if (!(largest > 0)) return [0, 1];
  const power = Math.floor(Math.log10(largest));
  const top = [1, 2, 3, 4, 5, 6, 8, 10].find((digit) => Number(`${digit}e${power}`) >= largest) ?? 10;
  return [0, top / 2, top].map((digit) => Number(`${digit}e${power}`));
}

function range(from: number, end: number): number[] {
  return Array.from({ length: end - from }, (_, index) => from + index);
}
