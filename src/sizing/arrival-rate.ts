/** The long window in parts; the short one has as many as it takes for a tenth of it (Knative: 60 s and 6 s). */
const LONG_PARTS = 60;
const SHORT_PARTS = 6;
/** Standard deviations: a short window counts only for what a rate would bring in all but one of 40 such windows. */
const CHANCE = 2;
/** Bursts are remembered for so many long windows: those that come each minute must not be forgotten in between. */
const BURST_WINDOWS = 10;

export interface ArrivalRateOptions {
  /** Of the long window. */
  readonly windowMs: number;
  /** Greater bursts than this all count as one more than it: no stock is larger. */
  readonly largestBurst: number;
}

/**
 * How runs arrive lately: the rate over a long window and a short one, and how many come within one refill. Takes a fixed
 * amount of memory and, for each arrival, a fixed amount of time. Times come from outside, on any clock that only goes on.
 */
export class ArrivalRate {
  readonly #partMs: number;
  readonly #largestBurst: number;
  /** Arrivals of each part of the long window; the newest is that of `#part`. */
  readonly #parts = new Int32Array(LONG_PARTS);
  #part = 0;
  /** The last arrivals, in a ring: those within one refill of the newest. */
  readonly #recent: Float64Array;
  #oldest = 0;
  #count = 0;
  /** For each long window: how many arrivals were the first, second, ... within one refill; and the same of all of them. */
  readonly #ranks: readonly Int32Array[];
  readonly #allRanks: Int32Array;
  #arrivals = 0;

  constructor({ windowMs, largestBurst }: ArrivalRateOptions) {
    this.#partMs = windowMs / LONG_PARTS;
    this.#largestBurst = largestBurst;
    this.#recent = new Float64Array(largestBurst + 1);
    const ranks = (): Int32Array => new Int32Array(largestBurst + 2);
    this.#ranks = Array.from({ length: BURST_WINDOWS }, ranks);
    this.#allRanks = ranks();
  }

  /** A run asks for a sandbox. @param refillMs what making one takes at present */
  add(nowMs: number, refillMs: number): void {
    this.#advance(nowMs);
    this.#parts[this.#part % LONG_PARTS] = (this.#parts[this.#part % LONG_PARTS] ?? 0) + 1;
    const rank = this.#rank(nowMs, refillMs);
    const window = this.#ranks[this.#window % BURST_WINDOWS];
    if (window !== undefined) window[rank] = (window[rank] ?? 0) + 1;
    this.#allRanks[rank] = (this.#allRanks[rank] ?? 0) + 1;
    this.#arrivals += 1;
  }

  /**
   * Arrivals a second: over the long window; and over the short one, less what chance may have added to it. A steady rate
   * brings a third more than its average into a window of 24 arrivals every few minutes, and that is no rise.
   */
  perSecond(nowMs: number): readonly [long: number, short: number] {
    this.#advance(nowMs);
    const [long, short] = [this.#since(LONG_PARTS), this.#since(SHORT_PARTS)];
    const certain = Math.max(0, short - CHANCE * Math.sqrt(short));
    return [
      (long * 1_000) / this.#coveredMs(LONG_PARTS, nowMs),
      (certain * 1_000) / this.#coveredMs(SHORT_PARTS, nowMs),
    ];
  }

  /**
   * A burst that all but this share of the last arrivals keep to: the stock with which no more of them would have found none
   * ready, were there a start for each. Exact for arrivals of any kind, because a run misses when as many as the stock came
   * within one refill before it.
   */
  burst(nowMs: number, allowedMisses: number): number {
    this.#advance(nowMs);
    let left = Math.floor(this.#arrivals * allowedMisses + 1e-9);
    for (let rank = this.#largestBurst + 1; rank > 0; rank -= 1) {
      left -= this.#allRanks[rank] ?? 0;
      if (left < 0) return rank;
    }
    return 0;
  }

  /** Which one this arrival is within a refill, from 1. */
  #rank(nowMs: number, refillMs: number): number {
    const size = this.#recent.length;
    while (this.#count > 0 && nowMs - (this.#recent[this.#oldest] ?? 0) >= refillMs) this.#drop();
    if (this.#count === size) this.#drop();
    this.#recent[(this.#oldest + this.#count) % size] = nowMs;
    this.#count += 1;
    return this.#count;
  }

  #drop(): void {
    this.#oldest = (this.#oldest + 1) % this.#recent.length;
    this.#count -= 1;
  }

  #since(parts: number): number {
    let sum = 0;
    for (let back = 0; back < parts; back += 1) {
      sum += this.#parts[(this.#part + LONG_PARTS - back) % LONG_PARTS] ?? 0;
    }
    return sum;
  }

  /** The last of the parts is not over yet, so they cover less than their sum. */
  #coveredMs(parts: number, nowMs: number): number {
    return (parts - 1) * this.#partMs + (nowMs - this.#part * this.#partMs);
  }

  get #window(): number {
    return Math.floor(this.#part / LONG_PARTS);
  }

  /** Forgets what has left the windows. */
  #advance(nowMs: number): void {
    const part = Math.max(this.#part, Math.floor(nowMs / this.#partMs));
    const window = Math.floor(part / LONG_PARTS);
    for (let next = Math.max(this.#part + 1, part - LONG_PARTS + 1); next <= part; next += 1) {
      this.#parts[next % LONG_PARTS] = 0;
    }
    for (let next = Math.max(this.#window + 1, window - BURST_WINDOWS + 1); next <= window; next += 1) {
      this.#forget(this.#ranks[next % BURST_WINDOWS]);
    }
    this.#part = part;
  }

  #forget(window: Int32Array | undefined): void {
    window?.forEach((count, rank) => {
      this.#allRanks[rank] = (this.#allRanks[rank] ?? 0) - count;
      this.#arrivals -= count;
    });
    window?.fill(0);
  }
}
