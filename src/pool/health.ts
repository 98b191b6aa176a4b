import { Backoff } from "../backoff.js";
import type { Clock } from "../clock.js";
import {
  CommandMissingError,
  EngineDownError,
  ImageMissingError,
  ImageUnfitError,
  PreloadError,
} from "../container/errors.js";
import { DaemonError } from "../errors.js";

/** Failures in a row that make a lane degraded where a single one may be chance. */
const FAILURES_TO_DEGRADE = 3;

const CERTAIN = [ImageMissingError, ImageUnfitError, EngineDownError, CommandMissingError, PreloadError];

/**
 * Whether a lane's sandboxes can be made at present, and the pace of attempts while they cannot: one attempt at a time,
 * with backoff, however many are wanted.
 */
export class LaneHealth {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #onChange: (fault: DaemonError | undefined) => void;
  #failures = 0;
  #fault: DaemonError | undefined;
  #probe: Promise<unknown> | undefined;
  /** Counts calls of `degrade`: an attempt that began before one says nothing about what is now. */
  #degradations = 0;

  constructor(options: {
    clock: Clock;
    retryMinMs: number;
    retryMaxMs: number;
    onChange: (fault: DaemonError | undefined) => void;
  }) {
    this.#clock = options.clock;
    this.#backoff = new Backoff({ minMs: options.retryMinMs, maxMs: options.retryMaxMs });
    this.#onChange = options.onChange;
  }

  /** Why the lane is degraded; undefined while it is not. */
  get fault(): DaemonError | undefined {
    return this.#fault;
  }

  /** Whether the last attempt failed, be it chance or not. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /**
   * Makes one attempt, when it is its turn: at once while all is well, else alone and after a wait.
   * @throws whatever the attempt throws, after taking note of it
   */
  async attempt<T>(make: () => Promise<T>, signal: AbortSignal): Promise<T> {
    while (this.#probe !== undefined) await this.#probe;
    if (this.#failures === 0) return this.#noted(make);
    const probe = this.#clock.sleep(this.#backoff.next(), { signal }).then(() => this.#noted(make));
    this.#probe = probe.then(
      () => (this.#probe = undefined),
      () => (this.#probe = undefined),
    );
    return probe;
  }

  /** Takes note of something that makes sandboxes unusable, or impossible, beyond doubt. */
  degrade(error: DaemonError): void {
    this.#degradations += 1;
    this.#failures += 1;
    const isNews = this.#fault?.message !== error.message;
    this.#fault = error;
    if (isNews) this.#onChange(error);
  }

  async #noted<T>(make: () => Promise<T>): Promise<T> {
    const before = this.#degradations;
    try {
      const made = await make();
      if (before !== this.#degradations) return made;
      this.#failures = 0;
      this.#backoff.reset();
      if (this.#fault !== undefined) {
        this.#fault = undefined;
        this.#onChange(undefined);
      }
      return made;
    } catch (error) {
      this.#failures += 1;
      if (error instanceof DaemonError && (isCertain(error) || this.#failures >= FAILURES_TO_DEGRADE)) {
        const news = this.#fault?.message !== error.message;
        this.#fault = error;
        if (news) this.#onChange(error);
      }
      throw error;
    }
  }
}

/** A missing image, engine, command or module is not chance, and does not pass by trying three times. */
function isCertain(error: Error): boolean {
  return CERTAIN.some((kind) => error instanceof kind);
}
