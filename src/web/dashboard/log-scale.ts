/** The times that charts of latencies show, in ms: what is shorter than the first is no wait that anybody could notice. */
export const SHORTEST_MS = 0.3;
export const LONGEST_MS = 100_000;

export const TICKS_MS = [1, 10, 100, 1_000, 10_000] as const;

/** Where a time stands on a logarithmic axis, from 0 to 1. A millisecond and a minute both have to be seen on one. */
export function placeOf(ms: number): number {
  const clamped = Math.min(Math.max(ms, SHORTEST_MS), LONGEST_MS);
  return Math.log(clamped / SHORTEST_MS) / Math.log(LONGEST_MS / SHORTEST_MS);
}

/** A tick in words: `10 ms`, `1 s`. */
export function formatTick(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}
