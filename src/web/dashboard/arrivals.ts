import { ARRIVAL_BUCKET_MS, type ArrivalCounts } from "../../protocol/watch.js";

const BUCKETS_PER_MINUTE = 60_000 / ARRIVAL_BUCKET_MS;

/** All that arrived, however they fared. */
export function sumOf([warm, cold, refused]: ArrivalCounts): number {
  return warm + cold + refused;
}

/** What arrived in the last minute before the bucket that fills now, which would always look like a lull. */
export function lastMinuteOf(counts: readonly ArrivalCounts[]): number {
  return counts.slice(-BUCKETS_PER_MINUTE - 1, -1).reduce((total, bucket) => total + sumOf(bucket), 0);
}
