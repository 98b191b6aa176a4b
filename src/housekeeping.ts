import type { Clock } from "./clock.js";
import type { SandboxRuntime } from "./container/runtime.js";
import type { Journal } from "./journal.js";
import type { Log } from "./log.js";

/** Between looks for containers of ours that nobody knows of, in ms. */
const LOOK_MS = 30_000;

export interface HousekeepingOptions {
  readonly runtime: SandboxRuntime;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
}

/** Reaps what daemons of this instance before this one left, and what it has lost sight of itself. */
export class Housekeeping implements Disposable {
  readonly #options: HousekeepingOptions;
  readonly #stopping = new AbortController();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /**
   * Settles when it has looked once; goes on looking until it is disposed of. An engine that does not answer is asked again.
   * @throws when it is disposed of meanwhile
   */
  async start(): Promise<void> {
    const { signal } = this.#stopping;
    await this.#reap(signal);
    this.#goOn(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#options.log.error({ err: error }, "housekeeping has stopped");
    });
  }

  [Symbol.dispose](): void {
    this.#stopping.abort(new Error("the daemon is stopping"));
  }

  async #goOn(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(LOOK_MS, { signal });
      await this.#reap(signal);
    }
  }

  async #reap(signal: AbortSignal): Promise<void> {
    const { runtime, journal, log } = this.#options;
    try {
      const removed = await runtime.reap({ signal });
      journal.lookedForUnowned(removed);
      if (removed > 0) log.warn({ removed }, "removed containers that nobody owned any more");
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ err: error }, "could not look for leftover containers; trying again later");
    }
  }
}
