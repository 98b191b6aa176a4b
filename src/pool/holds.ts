import type { SandboxRuntime, SandboxSpec } from "../container/runtime.js";
import { DaemonError } from "../errors.js";
import type { Log } from "../log.js";
import type { LaneHealth } from "./health.js";

export interface HoldsOptions {
  readonly spec: SandboxSpec;
  readonly runtime: SandboxRuntime;
  readonly health: LaneHealth;
  readonly log: Log;
  /** Aborted when the lane closes. */
  readonly signal: AbortSignal;
  /** The lane is degraded, and what it has ready is of no use any more. */
  readonly onLost: () => void;
  /** Sandboxes may be handed out again. */
  readonly onOver: () => void;
}

/**
 * Moments in which a lane hands nothing out, because what its sandboxes rely on outside of themselves, such as the rules of
 * their network, is not as it must be.
 */
export class Holds {
  readonly #options: HoldsOptions;
  /** Those under way. */
  #count = 0;
  #epoch = 0;

  constructor(options: HoldsOptions) {
    this.#options = options;
  }

  /** Whether nothing may be handed out at present. */
  get isHeld(): boolean {
    return this.#count > 0;
  }

  /** Counts how often all sandboxes became useless at once, those in creation included. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Begins to listen to what the runtime finds undone. */
  start(): void {
    const { spec, runtime, log, signal } = this.#options;
    runtime.watch(spec, {
      signal,
      onUndone: (mended) => {
        this.#hold(mended).catch((error: unknown) => {
          if (!signal.aborted) log.error({ err: error }, "the lane cannot recover by itself");
        });
      },
    });
  }

  /** Lasts until all is well again. Where that cannot be had the lane closes and loses its stock, and opens again by itself. */
  async #hold(mended: Promise<void>): Promise<void> {
    const { health, onLost, onOver } = this.#options;
    this.#count += 1;
    try {
      await mended;
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      this.#epoch += 1;
      // Refuses who waits, before the stock makes others for them.
      health.degrade(error);
      onLost();
      await this.#recover();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) onOver();
    }
  }

  /** Tries until nothing stands in the way of sandboxes; a lane that keeps none ready has no other attempts. */
  async #recover(): Promise<void> {
    const { spec, runtime, health, signal } = this.#options;
    while (health.fault !== undefined) {
      try {
        await health.attempt(() => runtime.prepare(spec, { signal }), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof DaemonError)) throw error;
      }
    }
  }
}
