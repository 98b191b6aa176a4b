import type { RunSummary } from "../../protocol/watch.js";
import { placeOf } from "./log-scale.js";

export const STAGES = ["wait", "handout", "first", "run"] as const;
export type Stage = (typeof STAGES)[number];

export interface Bar {
  readonly stage: Stage;
  /** Its ends on the axis, from 0 to 1. */
  readonly from: number;
  readonly to: number;
}

/** A run's time from its request on, cut where it got its sandbox, was released in it, and gave its first byte. */
export function barsOf({ queueMs, handoutMs, firstByteMs, runMs }: RunSummary): Bar[] {
  const released = queueMs + handoutMs;
  const ends = runMs === null ? [queueMs] : [queueMs, released, firstByteMs ?? released, released + runMs];
  const bars: Bar[] = [];
  let from = 0;
  for (const [index, end] of ends.entries()) {
    const to = Math.max(from, placeOf(end));
    const stage = STAGES[index];
    if (stage !== undefined && to > from) bars.push({ stage, from, to });
    from = to;
  }
  return bars;
}

/** From the request to the end, in ms. The sandbox measures its run itself, so the daemon may have seen a byte later than that. */
export function totalMs({ queueMs, handoutMs, firstByteMs, runMs }: RunSummary): number {
  return runMs === null ? queueMs : Math.max(queueMs + handoutMs + runMs, firstByteMs ?? 0);
}
