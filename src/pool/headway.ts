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
  readonly #fresh = new Set<object>();
  #cleared: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A run has been released in this sandbox. */
  enter(sandbox: object): void {
    this.#fresh.add(sandbox);
    void this.#clock.sleep(HEADWAY_MS).then(() => {
      this.leave(sandbox);
    });
  }

  /** The run is over, or no longer fresh. */
  leave(sandbox: object): void {
    if (!this.#fresh.delete(sandbox) || this.#fresh.size > 0) return;
    const cleared = this.#cleared;
    this.#cleared = [];
    for (const resolve of cleared) resolve();
  }

  /** Settles when no run is in its first moments, or when this has waited long enough. */
  async clear(): Promise<void> {
    if (this.#fresh.size === 0) return;
    const cleared = new Promise<void>((resolve) => this.#cleared.push(resolve));
    await Promise.race([cleared, this.#clock.sleep(HEADWAY_MS)]);
  }
}
