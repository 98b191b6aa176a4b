/** Waits that double from `minMs` to `maxMs`, each shortened by up to half at random so that many do not retry at once. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #nextMs: number;

  constructor(options: { minMs: number; maxMs: number; random?: () => number }) {
    this.#minMs = options.minMs;
    this.#maxMs = Math.max(options.minMs, options.maxMs);
    this.#random = options.random ?? Math.random;
    this.#nextMs = options.minMs;
  }

  /** The next wait, in ms. */
  next(): number {
    const wait = this.#nextMs * (1 - this.#random() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, this.#maxMs);
    return wait;
  }

  reset(): void {
    this.#nextMs = this.#minMs;
  }
}
