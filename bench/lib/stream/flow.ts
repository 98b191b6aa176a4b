const BYTES_PER_MB = 1_000_000;
const MS_PER_S = 1_000;

/** Bytes that flow by: counted, and timed from the first piece to the last. */
export class Flow {
  readonly #now: () => number;
  #bytes = 0;
  #firstBytes = 0;
  #firstAt: number | undefined;
  #lastAt = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes note of a piece that has just come. */
  pass(bytes: number): void {
    this.#lastAt = this.#now();
    if (this.#firstAt === undefined) {
      this.#firstAt = this.#lastAt;
      this.#firstBytes = bytes;
    }
    this.#bytes += bytes;
  }

  /**
   * The rate of what came after the first piece, in MB/s (a million bytes a second): how long a program takes to start is
   * left out, and so is how long it takes to be cleared away.
   * @throws Error when not exactly `expectedBytes` have come, or all of them at once
   */
  rate(expectedBytes: number): number {
    if (this.#bytes !== expectedBytes) throw new Error(`${this.#bytes} bytes came instead of ${expectedBytes}`);
    const ms = this.#lastAt - (this.#firstAt ?? this.#lastAt);
    if (ms <= 0) throw new Error(`all of the ${this.#bytes} bytes came at once; ask for more`);
    return (this.#bytes - this.#firstBytes) / BYTES_PER_MB / (ms / MS_PER_S);
  }
}
