import type { Clock } from "../clock.js";
import type { SandboxState } from "./sandbox.js";

export interface TallyOptions {
  readonly clock: Clock;
  /** Ready sandboxes that are kept at present. */
  readonly warmTarget: () => number;
}

/** What a lane's sandboxes have shown: how many are in which state, how long making one takes, when enough were ready. */
export class Tally {
  readonly #options: TallyOptions;
  readonly #counts: Record<SandboxState, number> = { creating: 0, warm: 0, leased: 0, evicting: 0, gone: 0 };
  #refillMs: number | null = null;
  #makeMs: number | null = null;
  #lastFullAt: number | undefined;

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  get counts(): Readonly<Record<SandboxState, number>> {
    return this.#counts;
  }

  /** Smoothed time from a creation's begin to a ready sandbox, in ms; null before the first. */
  get refillMs(): number | null {
    return this.#refillMs;
  }

  /** Smoothed time of making one sandbox, waiting for a turn left out, in ms; null before the first. */
  get makeMs(): number | null {
    return this.#makeMs;
  }

  /** When the stock was last full, on the daemon's clock, in ms: now, while it is; undefined before the first time. */
  lastFullAt(now: number): number | undefined {
    return this.#isFull ? now : this.#lastFullAt;
  }

  /** A sandbox is in another state; from none when it is new. */
  moved(from: SandboxState | undefined, to: SandboxState): void {
    if (from === "warm") this.noteFull();
    if (from !== undefined) this.#counts[from] -= 1;
    this.#counts[to] += 1;
  }

  /** A sandbox is ready. @param ms since its making began, once it had its turn */
  made(ms: number): void {
    this.#makeMs = smoothed(this.#makeMs, ms);
    this.noteFull();
  }

  /** A sandbox is in stock. @param ms since its creation began, turns that it waited for included */
  refilled(ms: number): void {
    this.#refillMs = smoothed(this.#refillMs, ms);
  }

  /** Keeps the moment, where the stock is full: due whenever it may have become that, or may cease to be. */
  noteFull(): void {
    if (this.#isFull) this.#lastFullAt = this.#options.clock.now();
  }

  get #isFull(): boolean {
    return this.#counts.warm >= this.#options.warmTarget();
  }
}

/** What lately is the case, with a fifth of the weight on the newest value. */
function smoothed(before: number | null, value: number): number {
  return before === null ? value : before * 0.8 + value * 0.2;
}
