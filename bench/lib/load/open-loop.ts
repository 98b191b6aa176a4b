import { setTimeout as sleep } from "node:timers/promises";
import type { Schedule } from "./arrivals.js";
import { type HandedOut, handoutsMs } from "./handouts.js";
import { summarize } from "../summary.js";

/** What became of one arrival; moments in ms from the step's beginning. */
export interface Arrival {
  readonly scheduledMs: number;
  /** When the client came to send it, which is never before the schedule. */
  readonly sentMs: number;
  /** Undefined when it was refused. */
  readonly run: (HandedOut & { readonly firstByteMs: number; readonly exitMs: number }) | undefined;
}

/** What a step came to. */
export interface StepFigures {
  /** Completed runs a second, from the beginning of the counted part to the last of them or the schedule's end. */
  readonly achievedPerS: number;
  /** Share of the counted runs that found a ready sandbox; undefined when none was let in. */
  readonly hitPercent: number | undefined;
  /** From the scheduled arrival; undefined when none was let in. */
  readonly firstByteP50Ms: number | undefined;
  /** Undefined with fewer than 100 runs. */
  readonly firstByteP99Ms: number | undefined;
  /** Of the counted runs that found a ready sandbox; undefined when none did. */
  readonly handoutP50Ms: number | undefined;
  /** Undefined with fewer than 100 of them. */
  readonly handoutP99Ms: number | undefined;
  readonly refusedPercent: number;
}

/** Below this share of what is asked for, the rest only piles up. */
const SATURATED_BELOW = 0.9;

/**
 * Sends on a schedule, however long the answers take: a client that waits for one answer before it asks again would go
 * easy on a daemon that is slow, and never see it.
 * @param send begins one and settles with its run, or with undefined when it was refused; moments on this process's clock
 * @throws the signal's reason; the first failure, when all that was sent is over
 */
export async function offer(
  arrivalsMs: readonly number[],
  send: () => Promise<(HandedOut & { firstByteAt: number; exitAt: number }) | undefined>,
  signal: AbortSignal,
): Promise<Arrival[]> {
  const begin = performance.now();
  const sendOne = async (scheduledMs: number): Promise<Arrival> => {
    const sentMs = performance.now() - begin;
    const seen = await send();
    if (seen === undefined) return { scheduledMs, sentMs, run: undefined };
    const { launch, timings, firstByteAt, exitAt } = seen;
    return { scheduledMs, sentMs, run: { launch, timings, firstByteMs: firstByteAt - begin, exitMs: exitAt - begin } };
  };
  const under: Promise<Arrival>[] = [];
  try {
    for (const scheduledMs of arrivalsMs) {
      await sleepUntil(begin + scheduledMs, signal);
      const one = sendOne(scheduledMs);
      one.catch(() => undefined); // Told below, when all of them are over.
      under.push(one);
    }
  } finally {
    await Promise.allSettled(under);
  }
  return Promise.all(under);
}

/** What a step came to, its lead-in left out but for the runs of it that were completed later. */
export function stepFigures(
  arrivals: readonly Arrival[],
  { countedFromMs, countedToMs }: Pick<Schedule, "countedFromMs" | "countedToMs">,
): StepFigures {
  const exits = arrivals.flatMap(({ run }) => (run === undefined || run.exitMs < countedFromMs ? [] : [run.exitMs]));
  const counted = arrivals.filter(({ scheduledMs }) => scheduledMs >= countedFromMs);
  if (counted.length === 0) throw new RangeError("a step without arrivals that count has no figures");
  const runs = counted.flatMap(({ scheduledMs, run }) => (run === undefined ? [] : [{ ...run, scheduledMs }]));
  const latency = summarize(runs.map(({ firstByteMs, scheduledMs }) => firstByteMs - scheduledMs));
  const handout = summarize(handoutsMs(runs));
  return {
    achievedPerS: (exits.length / (Math.max(countedToMs, ...exits) - countedFromMs)) * 1_000,
    hitPercent: runs.length === 0 ? undefined : (handout.count / runs.length) * 100,
    firstByteP50Ms: runs.length === 0 ? undefined : latency.p50,
    firstByteP99Ms: latency.p99 ?? undefined,
    handoutP50Ms: handout.count === 0 ? undefined : handout.p50,
    handoutP99Ms: handout.p99 ?? undefined,
    refusedPercent: (1 - runs.length / counted.length) * 100,
  };
}

/** Whether more cannot be had by asking for more. */
export function isSaturated(askedPerS: number, { achievedPerS, refusedPercent }: StepFigures): boolean {
  return refusedPercent > 0 || achievedPerS < askedPerS * SATURATED_BELOW;
}

/** Timers may come a little early. */
async function sleepUntil(at: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  for (let leftMs = at - performance.now(); leftMs > 0; leftMs = at - performance.now()) {
    await sleep(leftMs, undefined, { signal });
  }
}
