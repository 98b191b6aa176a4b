import type { Clock } from "../clock.js";

/**
 * How long a run that was just released has the machine to itself, in ms. Making or removing a container takes several
 * processes of the engine's, and beside one that starts at the same moment a program's first byte comes 2-4 ms later on
 * two cores. Eight that are released at once need 25 ms for their first bytes there; longer gains nothing
 * (docs/performance.md), and would leave the stock short for longer.
 */
export const HEADWAY_MS = 30;

/**
 * Lets runs go before refills: creations and removals wait while any run is in its first moments. Each wait is bounded, so
 * that runs which follow each other closely cannot keep the stock from being refilled.
 */
export class Headway {
  readonly #clock: Clock;
  /** Runs that were in their first moments when last looked at, and when they were released, in this order. */
  readonly #fresh = new Map<object, number>();
  #cleared: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A run is released in this sandbox. Notes the time and no more: this is on the way of the run itself. */
  enter(sandbox: object): void {
    this.#fresh.set(sandbox, this.#clock.now());
  }

  /** The run is over. */
  leave(sandbox: object): void {
    if (!this.#fresh.delete(sandbox) || this.#fresh.size > 0) return;
    const cleared = this.#cleared;
    this.#cleared = [];
    for (const resolve of cleared) resolve();
  }

  /** Settles when no run is in its first moments, or when this has waited long enough. */
  async clear(): Promise<void> {
    const end = this.#clock.now() + HEADWAY_MS;
    for (;;) {
      const waitMs = Math.min(end, this.#freshUntil()) - this.#clock.now();
      if (waitMs <= 0) return;
      const cleared = new Promise<void>((resolve) => this.#cleared.push(resolve));
      await Promise.race([cleared, this.#clock.sleep(waitMs)]);
    }
  }

  /** When the last of the fresh runs ceases to be one, on the clock, in ms; forgets those that have. */
  #freshUntil(): number {
    const now = this.#clock.now();
    let until = now;
    for (const [sandbox, releasedAt] of this.#fresh) {
      if (releasedAt + HEADWAY_MS <= now) this.#fresh.delete(sandbox);
      else until = releasedAt + HEADWAY_MS;
    }
    return until;
  }
}
