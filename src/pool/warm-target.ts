import type { Clock } from "../clock.js";
import type { AdaptiveWarm, Config, LaneConfig } from "../config/schema.js";
import type { WarmReason } from "../protocol/lanes.js";
import type { BudgetShare, MemoryBudget } from "../sizing/memory-budget.js";
import { isLow, LOOK_MS, Sizer } from "../sizing/sizer.js";
import { HEADWAY_MS } from "./headway.js";

const MIB = 1024 * 1024;

/** What making a sandbox is taken to last before the first was made, in ms. */
const ASSUMED_MAKE_MS = 250;

/** Another target, and what decided it; null where the configuration did. */
export interface TargetChange {
  readonly from: number;
  readonly to: number;
  readonly reason: WarmReason | null;
}

export interface WarmTargetOptions {
  readonly lane: string;
  readonly warm: LaneConfig["warm"];
  /** What an adaptive lane begins with, within its bounds: as much as the one whose place it takes. */
  readonly from: number;
  readonly pace: Pick<Config["sizing"], "windowMs" | "holdMs">;
  readonly startsInParallel: number;
  readonly budget: MemoryBudget;
  readonly clock: Clock;
  /** What making one sandbox takes lately, without waiting for a turn, in ms; null before the first. */
  readonly makeMs: () => number | null;
  readonly isDegraded: () => boolean;
  readonly onChange: (change: TargetChange) => void;
}

/** What an adaptive lane has and a fixed one has not. */
interface Adaptive {
  readonly warm: AdaptiveWarm;
  readonly sizer: Sizer;
  readonly share: BudgetShare;
  readonly over: AbortController;
}

/** How many ready sandboxes a lane keeps at present: as configured, or after the runs that come, within bounds and memory. */
export class WarmTarget {
  readonly #options: WarmTargetOptions;
  #value: number;
  /** Whether changes are told: not the ones that lead to the first size. */
  #isMade = false;
  #adaptive: Adaptive | undefined;
  #look: NodeJS.Immediate | undefined;

  constructor(options: WarmTargetOptions) {
    this.#options = options;
    const { warm, from } = options;
    this.#value = typeof warm === "number" ? warm : 0;
    if (typeof warm === "object") this.#adapt(warm, from, options.pace);
    this.#isMade = true;
  }

  get value(): number {
    return this.#value;
  }

  /** Null where the size is fixed. */
  get sizing(): { min: number; max: number; target: number; reason: WarmReason } | null {
    if (this.#adaptive === undefined) return null;
    const { warm, sizer } = this.#adaptive;
    const { min, max, target } = warm;
    return { min, max, target, reason: this.#reasonOf(sizer) };
  }

  /** Begins to look. Until then it only counts, so that a lane that is tried out and not taken leaves no timer behind. */
  start(): void {
    const { clock } = this.#options;
    const adaptive = this.#adaptive;
    if (adaptive === undefined) return;
    const { signal } = adaptive.over;
    const watch = async (): Promise<void> => {
      for (;;) {
        await clock.sleep(LOOK_MS, { signal });
        this.#decide();
      }
    };
    watch().catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  /** Goes from one size to another, or to bounds and back; what it has grown to counts on within them. */
  reconfigure(warm: LaneConfig["warm"], pace: WarmTargetOptions["pace"]): void {
    const before = this.#adaptive;
    this.#adaptive = undefined;
    if (typeof warm === "object") {
      this.#adapt(warm, this.#value, pace);
      this.start();
      this.#decide();
    } else {
      this.#set(warm, undefined);
    }
    // Only now: what it gave up in between would be another's for a moment.
    end(before);
  }

  /**
   * A run asked for a sandbox. Its own hand-out goes first: this is done once the event loop comes round.
   * @param ready sandboxes that are left: where those are few, what to keep is decided at once
   */
  arrived(atMs: number, ready: () => number): void {
    if (this.#adaptive === undefined || this.#options.isDegraded()) return;
    setImmediate(() => {
      this.#adaptive?.sizer.arrived(atMs, this.#refillMs);
      if (!isLow(ready(), this.#value)) return;
      // Once for all that came together.
      this.#look ??= setImmediate(() => {
        this.#look = undefined;
        this.#decide();
      });
    });
  }

  stop(): void {
    clearImmediate(this.#look);
    this.#look = undefined;
    end(this.#adaptive);
    this.#adaptive = undefined;
  }

  #adapt(warm: AdaptiveWarm, from: number, { windowMs, holdMs }: WarmTargetOptions["pace"]): void {
    const { lane, startsInParallel, budget } = this.#options;
    const bounds = { targetHitRate: warm.target, min: warm.min, max: warm.max };
    const sizer = new Sizer({ bounds, windowMs, holdMs, startsInParallel, from });
    const share = budget.join(lane, (sandboxes) => {
      this.#set(sandboxes, sizer);
    });
    this.#adaptive = { warm, sizer, share, over: new AbortController() };
    this.#claim(this.#adaptive);
  }

  /** What cannot be made is not wanted more of: a degraded lane keeps its size. */
  #decide(): void {
    const { clock, isDegraded } = this.#options;
    if (this.#adaptive === undefined || isDegraded()) return;
    this.#adaptive.sizer.next(clock.now(), this.#refillMs);
    this.#claim(this.#adaptive);
  }

  #claim({ warm, sizer, share }: Adaptive): void {
    share.claim({ min: warm.min, warm: sizer.size.warm, sandboxBytes: warm.idleMiB * MIB });
  }

  /** A refill waits for the run before it, and is made then. */
  get #refillMs(): number {
    return HEADWAY_MS + (this.#options.makeMs() ?? ASSUMED_MAKE_MS);
  }

  #set(to: number, sizer: Sizer | undefined): void {
    const from = this.#value;
    this.#value = to;
    const reason = sizer === undefined ? null : this.#reasonOf(sizer);
    if (this.#isMade && from !== to) this.#options.onChange({ from, to, reason });
  }

  #reasonOf({ size }: Sizer): WarmReason {
    return this.#value < size.warm ? "memory" : size.reason;
  }
}

function end(adaptive: Adaptive | undefined): void {
  adaptive?.over.abort(new Error("the size is no longer looked at"));
  adaptive?.share.leave();
}
