import { ArrivalRate } from "./arrival-rate.js";
import { nextSize, type Size, type SizingBounds, type SizingState } from "./policy.js";
import { StockTable } from "./stock-table.js";

/** Between looks of an adaptive lane at what came lately, in ms: what a slow rise waits at most, against the time that a look takes. */
export const LOOK_MS = 1_000;

/** Whether so few are ready that the next size is decided at once, and not at the next look. */
export function isLow(ready: number, warm: number): boolean {
  return 2 * ready <= warm;
}

/** Fewer must also be enough for a rate that is greater by this share; less would have chance take sandboxes off and put them back. */
const MARGIN = 0.2;

export interface SizerOptions {
  readonly bounds: SizingBounds;
  /** Over which arrivals are counted, and for how long fewer sandboxes must have been enough before one is taken off. */
  readonly windowMs: number;
  readonly holdMs: number;
  readonly startsInParallel: number;
  /** The size to begin with. */
  readonly from: number;
}

/**
 * One lane's size over time: counts arrivals, and asks the policy. It has no clock and no effects, so that a lane and the
 * simulation of one are sized by the same thing.
 */
export class Sizer {
  readonly #options: SizerOptions;
  readonly #arrivals: ArrivalRate;
  readonly #table: StockTable;
  #state: SizingState;

  constructor(options: SizerOptions) {
    const { bounds, windowMs, startsInParallel, from } = options;
    this.#options = options;
    this.#arrivals = new ArrivalRate({ windowMs, largestBurst: bounds.max });
    this.#table = new StockTable({ ...bounds, startsInParallel });
    const warm = Math.min(bounds.max, Math.max(bounds.min, from));
    this.#state = { warm, reason: "min", lowerSinceMs: null };
  }

  get size(): Size {
    return this.#state;
  }

  /** @param refillMs what making a sandbox takes at present */
  arrived(nowMs: number, refillMs: number): void {
    this.#arrivals.add(nowMs, refillMs);
  }

  /** Looks at what has come since. */
  next(nowMs: number, refillMs: number): Size {
    const { bounds, holdMs, startsInParallel } = this.#options;
    const moment = {
      nowMs,
      refillMs,
      startsInParallel,
      arrivalsPerS: this.#arrivals.perSecond(nowMs),
      burst: this.#arrivals.burst(nowMs, 1 - bounds.targetHitRate),
    };
    this.#state = nextSize(this.#state, moment, {
      bounds,
      pace: { holdMs, margin: MARGIN },
      stockFor: (load) => this.#table.for(load),
    });
    return this.#state;
  }
}
