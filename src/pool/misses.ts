import { MISS_REASONS, type MissReason } from "../protocol/lanes.js";

/** A lane at the moment at which a run finds no ready sandbox; times in ms, on the daemon's clock. */
export interface LaneSituation {
  /** Whether the last attempt to make a sandbox failed. */
  readonly isFailing: boolean;
  /** Whether nothing may be handed out. */
  readonly isHeld: boolean;
  readonly now: number;
  /** When the stock was last full; undefined before the first time. */
  readonly lastFullAt: number | undefined;
  /** What making one sandbox takes; null before the first. */
  readonly makeMs: number | null;
  readonly warm: number;
  /** Sandboxes that may be started at the same time. */
  readonly concurrentStarts: number;
  /** Sandboxes that runs have or have had, until they are gone, and how many there may be. */
  readonly used: number;
  readonly max: number;
}

/** A count of none for each reason. */
export function noMisses(): Record<MissReason, number> {
  return Object.fromEntries(MISS_REASONS.map((reason) => [reason, 0])) as Record<MissReason, number>;
}

/** Why there is no ready sandbox: the first of the reasons, in their order, that holds (protocol/lanes.ts says what each means). */
export function missReason(lane: LaneSituation): MissReason {
  if (lane.isFailing) return "creating_fails";
  if (lane.isHeld) return "held";
  if (lane.lastFullAt === undefined) return "starting";
  if (lane.used >= lane.max) return "saturated";
  const fillMs = Math.ceil(lane.warm / lane.concurrentStarts) * (lane.makeMs ?? 0);
  return lane.now - lane.lastFullAt > fillMs ? "refill_behind" : "stock_empty";
}
