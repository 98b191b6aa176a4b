/** A histogram's line in Prometheus' text: how many were at most so long. */
const BUCKET = /^matchbox_refill_seconds_bucket\{(?=[^}]*lane="([^"]+)")[^}]*le="([^"]+)"[^}]*\} (\d+)/gm;

/** How many refills took at most so many ms, ascending; what took longer than the last is in none. */
export type RefillCounts = ReadonlyMap<number, number>;

/** What a daemon's `/metrics` tell of one lane's refills. */
export function refillCounts(metrics: string, lane: string): RefillCounts {
  const counts = new Map<number, number>();
  for (const [, name, bound = "", count] of metrics.matchAll(BUCKET)) {
    if (name === lane && bound !== "+Inf") counts.set(Number(bound) * 1_000, Number(count));
  }
  return counts;
}

/**
 * The refills between two looks, as times that come to the same counts: those of a bucket lie evenly within its bounds, which
 * are a quarter apart.
 */
export function refillSamples(before: RefillCounts, after: RefillCounts): number[] {
  const samples: number[] = [];
  let [lowMs, below] = [0, 0];
  for (const [highMs, count] of after) {
    const upTo = count - (before.get(highMs) ?? 0);
    const inside = upTo - below;
    for (let index = 0; index < inside; index += 1) samples.push(lowMs + ((index + 0.5) / inside) * (highMs - lowMs));
    [lowMs, below] = [highMs, upTo];
  }
  return samples;
}
