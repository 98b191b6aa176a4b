import { ARRIVAL_BUCKET_MS, ARRIVAL_BUCKETS, type ArrivalCounts, type Arrivals } from "../protocol/watch.js";

/** How an arrival went, by its place in the counts. */
const PLACES = { warm: 0, cold: 1, refused: 2 } as const;
export type ArrivalKind = keyof typeof PLACES;

/** Arrivals of the last minutes, counted in steps. What is too old is forgotten as time goes on, whoever asks. */
export class ArrivalBuckets {
  readonly #lanes = new Map<string, Map<number, ArrivalCounts>>();
  readonly #epochMs: () => number;

  constructor(epochMs: () => number) {
    this.#epochMs = epochMs;
  }

  add(lane: string, kind: ArrivalKind): void {
    const bucket = this.#current();
    const buckets = this.#lanes.get(lane) ?? new Map<number, ArrivalCounts>();
    this.#lanes.set(lane, buckets);
    const counts = buckets.get(bucket) ?? [0, 0, 0];
    buckets.set(bucket, counts);
    counts[PLACES[kind]] += 1;
    for (const old of buckets.keys()) {
      // The oldest come first.
      if (old > bucket - ARRIVAL_BUCKETS) break;
      buckets.delete(old);
    }
  }

  /** The last buckets of each lane, the present one included. */
  last(buckets = ARRIVAL_BUCKETS): Arrivals {
    const current = this.#current();
    const lanes = [...this.#lanes].map(([lane, counts]): [string, ArrivalCounts[]] => [
      lane,
      Array.from({ length: buckets }, (_, index) => counts.get(current - buckets + 1 + index) ?? [0, 0, 0]),
    ]);
    return { endsAt: (current + 1) * ARRIVAL_BUCKET_MS, lanes: Object.fromEntries(lanes) };
  }

  #current(): number {
    return Math.floor(this.#epochMs() / ARRIVAL_BUCKET_MS);
  }
}
