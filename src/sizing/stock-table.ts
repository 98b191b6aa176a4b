import { smallestStock, type StockGoal } from "./policy.js";

/**
 * Loads are taken up to the next power of this: a daemon that asks every second computes each stock once. Finer steps cost
 * more of its time at first; coarser ones keep up to one sandbox too many.
 */
const STEP = 1.05;
/** Below, in runs within one refill, all loads count as this one. */
const LEAST_LOAD = 0.001;

/** Remembers what `smallestStock` said for one goal. At most 300 entries: the ceiling ends them. */
export class StockTable {
  readonly #goal: StockGoal;
  readonly #known = new Map<number, number>();

  constructor(goal: StockGoal) {
    this.#goal = goal;
  }

  /** A stock that is large enough for this load, and for one of up to 5 % more. */
  for(load: number): number {
    if (load <= 0) return 0;
    if (load >= this.#goal.startsInParallel) return smallestStock(load, this.#goal);
    const step = Math.max(0, Math.ceil(Math.log(load / LEAST_LOAD) / Math.log(STEP)));
    const before = this.#known.get(step);
    if (before !== undefined) return before;
    const stock = smallestStock(LEAST_LOAD * STEP ** step, this.#goal);
    this.#known.set(step, stock);
    return stock;
  }
}
