import type { AdaptiveStock } from "./simulated-target.js";
import { type Arrival, type SimulatedLane, type SimulatedOutcome, simulate } from "./simulate.js";
import type { TraceLine } from "./trace.js";

export type SizedLane = Omit<SimulatedLane, "refill"> & { readonly refillMs: number };

export interface AdviceOptions {
  /** In ascending order of time. */
  readonly trace: readonly TraceLine[];
  /** As they are configured now. */
  readonly lanes: Readonly<Record<string, SizedLane>>;
  readonly maxConcurrentStarts: number;
  /** Of the stocks of all adaptive lanes; null for no bound. */
  readonly memoryBudgetBytes: number | null;
  /** For lanes of a fixed size; adaptive ones have a target of their own. Share of runs that are to find a ready sandbox, below 1. */
  readonly targetHitRate: number;
}

export interface LaneAdvice {
  readonly lane: string;
  readonly runs: number;
  readonly refillMs: number;
  /** Most arrivals within one refill. */
  readonly burst: number;
  /** What the lane is configured to keep; null where that follows the runs. */
  readonly present: number | null;
  /** What an adaptive lane would have done; null where the size is fixed. */
  readonly adaptive: { readonly stock: AdaptiveStock; readonly outcome: SimulatedOutcome } | null;
  /** The smallest size that reaches the target, else the smallest beyond which hardly anything is gained. */
  readonly recommended: number;
  readonly isReached: boolean;
  /** One sentence. */
  readonly reason: string;
  /** Some sizes with what they come to, ascending; the present one, the recommended one and the one below it among them. */
  readonly sizes: readonly { readonly warm: number; readonly outcome: SimulatedOutcome }[];
}

/** The largest stock that the configuration takes. */
const MAX_WARM = 1_000;
/** Where the target is out of reach: what a larger size must gain to be worth it. */
const WORTH_IT = 0.001;
const MINUTE_MS = 60_000;

/**
 * Replays a trace for each of its lanes at other sizes. The other lanes keep theirs meanwhile: every hand-out has one
 * replacement whatever the size, so they ask for the same starts.
 */
export function advise(options: AdviceOptions): LaneAdvice[] {
  const { trace, lanes } = options;
  const arrivals = arrivalsOf(trace.filter(({ lane }) => lane in lanes));
  const names = Object.keys(lanes).filter((name) => arrivals.some(({ lane }) => lane === name));
  return names.map((name) => adviseLane(name, arrivals, options));
}

/** Runs that got no sandbox are taken to last as long as their lane's others do in the median: a trace cannot know. */
function arrivalsOf(trace: readonly TraceLine[]): Arrival[] {
  const medians = new Map<string, number>();
  for (const lane of new Set(trace.map((line) => line.lane))) {
    const durations = trace
      .flatMap((line) => (line.lane === lane && line.ms !== null ? [line.ms] : []))
      .sort(ascending);
    medians.set(lane, durations[Math.floor(durations.length / 2)] ?? 0);
  }
  return trace.map(({ t, lane, ms }) => ({ atMs: t, lane, runMs: ms ?? medians.get(lane) ?? 0 }));
}

function adviseLane(name: string, arrivals: readonly Arrival[], options: AdviceOptions): LaneAdvice {
  const { lanes, maxConcurrentStarts, memoryBudgetBytes } = options;
  const own = lanes[name];
  if (own === undefined) throw new RangeError(`there is no lane ${name}`);
  const targetHitRate = typeof own.warm === "number" ? options.targetHitRate : own.warm.target;
  const replay = (warm: SizedLane["warm"]): SimulatedOutcome => {
    const models = Object.entries({ ...lanes, [name]: { ...own, warm } }).map(
      ([lane, { refillMs, ...model }]) => [lane, { ...model, refill: { kind: "constant", ms: refillMs } }] as const,
    );
    const outcome = simulate({
      arrivals,
      lanes: Object.fromEntries(models),
      maxConcurrentStarts,
      memoryBudgetBytes,
    }).get(name);
    if (outcome === undefined) throw new RangeError(`lane ${name} was not simulated`);
    return outcome;
  };
  const known = new Map<number, SimulatedOutcome>();
  const outcomeOf = (warm: number): SimulatedOutcome => {
    const outcome = known.get(warm) ?? replay(warm);
    known.set(warm, outcome);
    return outcome;
  };
  const hitRateOf = (warm: number): number => outcomeOf(warm).hitRate ?? 0;

  const largest = Math.min(own.maxSandboxes, MAX_WARM);
  const best = hitRateOf(largest);
  const isReached = best >= targetHitRate;
  const goal = isReached ? targetHitRate : best - WORTH_IT;
  const recommended = smallest(largest, (warm) => hitRateOf(warm) >= goal);
  const moments = arrivals.filter(({ lane }) => lane === name).map(({ atMs }) => atMs);
  const burst = mostWithin(own.refillMs, moments);
  const present = typeof own.warm === "number" ? own.warm : null;
  const adaptive = typeof own.warm === "number" ? null : { stock: own.warm, outcome: replay(own.warm) };
  const named = present === null ? [recommended - 1, recommended] : [recommended - 1, recommended, present];
  const sizes = [...new Set([...shown(Math.max(...named), largest), ...named])]
    .filter((warm) => warm > 0 || warm === present)
    .sort(ascending)
    .map((warm) => ({ warm, outcome: outcomeOf(warm) }));

  const why = isReached
    ? `${burst === 1 ? "never more than one arrives" : `bursts of up to ${burst}`} within one refill of ${own.refillMs} ms`
    : whyNot({ name, own, arrivals, burst, maxConcurrentStarts, peak: outcomeOf(largest).sandboxes.peak });
  const reason =
    adaptive === null
      ? reasonFor({ present: present ?? 0, recommended, targetHitRate, hitRateOf, isReached, why, largest })
      : reasonForAdaptive(adaptive, { recommended, targetHitRate, hitRateOf, isReached, why });
  return {
    ...{ lane: name, runs: moments.length, refillMs: own.refillMs, burst },
    ...{ present, adaptive, recommended, isReached, reason, sizes },
  };
}

/** A share in words, cut and not rounded, so that what misses a target never looks as if it reached it. */
export function showShare(share: number): string {
  // Beyond the noise of the division, which would cut 0.999 to 99.89.
  return `${Number((Math.floor(share * 10_000 + 1e-6) / 100).toFixed(2))} %`;
}

/** An adaptive size beside the best fixed one: what each gives, and what it keeps for that. */
function reasonForAdaptive(
  { stock, outcome }: { readonly stock: AdaptiveStock; readonly outcome: SimulatedOutcome },
  facts: {
    readonly recommended: number;
    readonly targetHitRate: number;
    readonly hitRateOf: (warm: number) => number;
    readonly isReached: boolean;
    readonly why: string;
  },
): string {
  const { recommended, targetHitRate, hitRateOf, isReached, why } = facts;
  const hitRate = outcome.hitRate ?? 0;
  const { mean, peak } = outcome.target;
  const own = `it would have kept ${mean.toFixed(1)} ready on average and ${peak} at most, for ${showShare(hitRate)}`;
  const fixed = `a fixed ${recommended} gives ${showShare(hitRateOf(recommended))}`;
  const target = showShare(targetHitRate);
  if (!isReached) return `${own}; no fixed size reaches ${target} either, and ${fixed}: ${why}`;
  const isShort = hitRate < targetHitRate;
  const isCapped = peak >= stock.max;
  if (isShort && isCapped) return `${own}; ${fixed}: a higher max would give more`;
  if (isShort) return `${own}, short of ${target} where it had not yet grown; ${fixed}`;
  return `${own}; the smallest fixed size that reaches ${target} is ${recommended}: ${why}`;
}

function reasonFor(facts: {
  readonly present: number;
  readonly recommended: number;
  readonly targetHitRate: number;
  readonly hitRateOf: (warm: number) => number;
  readonly isReached: boolean;
  readonly why: string;
  readonly largest: number;
}): string {
  const { present, recommended, targetHitRate, hitRateOf, isReached, why, largest } = facts;
  const gives = (warm: number): string => `${warm} gives ${showShare(hitRateOf(warm))}`;
  const target = showShare(targetHitRate);
  if (!isReached) {
    const gain = recommended === largest ? "" : ", and more gains less than 0.1 %";
    return `no size up to ${largest} reaches ${target}: ${gives(recommended)}${gain}; ${why}`;
  }
  const isSmallest = `${recommended} is the smallest that reaches ${target}`;
  if (present < recommended) return `${gives(present)}; ${isSmallest}: ${why}`;
  if (present > recommended) return `${isSmallest}: ${why}; ${present} is more than that takes`;
  return recommended === 1
    ? `1 is enough for ${target}: ${why}`
    : `${gives(recommended - 1)}, and ${isSmallest}: ${why}`;
}

/** What stands in the way of a target. */
function whyNot(facts: {
  readonly name: string;
  readonly own: SizedLane;
  readonly arrivals: readonly Arrival[];
  readonly burst: number;
  readonly maxConcurrentStarts: number;
  readonly peak: number;
}): string {
  const { own, arrivals, burst, maxConcurrentStarts, peak } = facts;
  const moments = arrivals.map(({ atMs }) => atMs);
  const perS = mostWithin(MINUTE_MS, moments) / (MINUTE_MS / 1_000);
  const madePerS = (maxConcurrentStarts * 1_000) / own.refillMs;
  if (perS > madePerS) {
    return (
      `the busiest minute brings ${perS.toFixed(1)} runs a second over all lanes, and ${maxConcurrentStarts} starts of ` +
      `${own.refillMs} ms at once (engine.maxConcurrentStarts) make ${madePerS.toFixed(1)}`
    );
  }
  if (peak >= own.maxSandboxes)
    return `the lane has all of its ${own.maxSandboxes} sandboxes in use at times: raise its maxSandboxes`;
  return `bursts of up to ${burst} within one refill of ${own.refillMs} ms are more than that many starts make up for`;
}

/** Sizes that show how the hit rate grows: doubling, up to twice of what matters. */
function shown(upTo: number, largest: number): number[] {
  const sizes: number[] = [];
  for (let size = 1; size <= Math.min(2 * upTo, largest); size *= 2) sizes.push(size);
  return sizes;
}

/** The smallest of 1 to `largest` with a property that larger ones keep; `largest` where none has it. */
function smallest(largest: number, has: (size: number) => boolean): number {
  let [low, high] = [1, largest];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (has(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Most of these moments, which ascend, in any time of this length. */
export function mostWithin(lengthMs: number, moments: readonly number[]): number {
  let [most, from] = [0, 0];
  moments.forEach((moment, index) => {
    while (moment - (moments[from] ?? moment) >= lengthMs) from += 1;
    most = Math.max(most, index - from + 1);
  });
  return most;
}

function ascending(one: number, other: number): number {
  return one - other;
}
