import { isAmount } from "../amount.js";
import { STATISTICS_WINDOW } from "../protocol/lanes.js";
import { LATENCY_BINS, latencyBin } from "../protocol/watch.js";

/**
 * How often which latency came, over as many of the last values as the percentiles of `GET /v1/lanes`, so that both tell of
 * the same runs: a value that comes takes the oldest one's place.
 */
export class LatencyHistogram {
  readonly #counts = new Array<number>(LATENCY_BINS).fill(0);
  readonly #bins: number[] = [];
  #next = 0;

  /** @param ms is left out where it is no amount, as `GET /v1/lanes` leaves it out: it falls into no bin */
  add(ms: number): void {
    if (!isAmount(ms)) return;
    const oldest = this.#bins[this.#next];
    if (oldest !== undefined) this.#count(oldest, -1);
    const bin = latencyBin(ms);
    this.#count(bin, 1);
    this.#bins[this.#next] = bin;
    this.#next = (this.#next + 1) % STATISTICS_WINDOW;
  }

  get counts(): readonly number[] {
    return this.#counts;
  }

  #count(bin: number, by: number): void {
    this.#counts[bin] = (this.#counts[bin] ?? 0) + by;
  }
}
