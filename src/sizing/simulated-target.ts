import type { MemoryBudget } from "./memory-budget.js";
import { Sizer } from "./sizer.js";

/** Bounds of a size that follows the runs, and its pace. */
export interface AdaptiveStock {
  readonly min: number;
  readonly max: number;
  /** Share of runs that are to find a ready sandbox, below 1. */
  readonly target: number;
  readonly sandboxBytes: number;
  readonly windowMs: number;
  readonly holdMs: number;
}

export interface SimulatedTargetOptions {
  readonly lane: string;
  readonly warm: number | AdaptiveStock;
  readonly budget: MemoryBudget;
  readonly startsInParallel: number;
  /** What making a sandbox takes on average, in ms: the daemon measures it. */
  readonly refillMs: number;
  readonly beginMs: number;
}

/** What a simulated lane keeps ready, as `pool/warm-target.ts` has it, in the simulation's own time. */
export class SimulatedTarget {
  readonly #refillMs: number;
  readonly #adaptive: { readonly sizer: Sizer; readonly decide: (nowMs: number) => void } | undefined;
  #value = 0;
  #peak = 0;
  #integral = 0;
  #nowMs: number;

  constructor(options: SimulatedTargetOptions) {
    const { warm, beginMs, refillMs, startsInParallel, budget, lane } = options;
    this.#refillMs = refillMs;
    this.#nowMs = beginMs;
    if (typeof warm === "number") {
      this.#set(warm);
      return;
    }
    const { min, max, target: targetHitRate, sandboxBytes, windowMs, holdMs } = warm;
    const bounds = { min, max, targetHitRate };
    const sizer = new Sizer({ bounds, windowMs, holdMs, startsInParallel, from: 0 });
    const share = budget.join(lane, (sandboxes) => {
      this.#set(sandboxes);
    });
    const claim = (): void => {
      share.claim({ min, warm: sizer.size.warm, sandboxBytes });
    };
    claim();
    const decide = (nowMs: number): void => {
      sizer.next(nowMs, refillMs);
      claim();
    };
    this.#adaptive = { sizer, decide };
  }

  get value(): number {
    return this.#value;
  }

  get isAdaptive(): boolean {
    return this.#adaptive !== undefined;
  }

  arrived(nowMs: number): void {
    this.#adaptive?.sizer.arrived(nowMs, this.#refillMs);
  }

  decide(nowMs: number): void {
    this.pass(nowMs);
    this.#adaptive?.decide(nowMs);
  }

  /** Time passes with the present size. */
  pass(nowMs: number): void {
    this.#integral += this.#value * (nowMs - this.#nowMs);
    this.#nowMs = nowMs;
  }

  /** Over so much time. */
  report(spanMs: number): { readonly mean: number; readonly peak: number } {
    return { mean: spanMs > 0 ? this.#integral / spanMs : this.#value, peak: this.#peak };
  }

  #set(value: number): void {
    this.#value = value;
    this.#peak = Math.max(this.#peak, value);
  }
}
