/** What the size of a lane's stock depends on. */
export interface SizingObservation {
  /** Estimates of how many runs arrive a second, over a long window and a short one, say: the greatest counts. */
  readonly arrivalsPerS: readonly number[];
  /** Most arrivals within one refill that are to find a ready sandbox. */
  readonly burst: number;
  /** From a start to a ready sandbox, in ms. */
  readonly refillMs: number;
  /** Sandboxes in creation at once. */
  readonly startsInParallel: number;
}

/** The share of runs that are to find a ready sandbox, where nobody says another. */
export const DEFAULT_TARGET_HIT_RATE = 0.999;

export interface SizingBounds {
  /** Share of runs that are to find a ready sandbox, below 1. */
  readonly targetHitRate: number;
  readonly min: number;
  readonly max: number;
}

/** What decided a size: the need (of the rate or of the burst), or the bound that cut it off or raised it. */
export type SizingReason = "rate" | "burst" | "min" | "max";

export interface Size {
  readonly warm: number;
  readonly reason: SizingReason;
}

/** What `smallestStock` is asked, but for the load: what does not change while a lane is as it is. */
export interface StockGoal {
  readonly startsInParallel: number;
  readonly targetHitRate: number;
  readonly max: number;
}

/** `smallestStock`, or something that remembers what it said. */
export type StockFor = (load: number, goal: StockGoal) => number;

/** From this share of what the starts can make the line for them is so long that no stock is worth its memory. */
const NEAR_THE_CEILING = 0.98;
/** When a distribution counts as settled, and after how many steps at the latest, which is near the ceiling. */
const SETTLED = 1e-9;
const MAX_STEPS = 2_000;

/**
 * The smallest stock for which no more runs than allowed find none ready, at least the burst, within the bounds.
 *
 * A stock that orders a replacement at each hand-out is a base-stock system: a run misses when all that would be ready are
 * still on their way. With a start for each, those on their way are Poisson's with the mean `rate x refill` (Palm 1938 for
 * M/G/infinity; Feeney and Sherbrooke 1966 for base stock), whatever the spread of the refill time; with few starts they
 * are more, because refills wait for each other (see `missRate`).
 */
export function warmSize(
  observation: SizingObservation,
  bounds: SizingBounds,
  stockFor: StockFor = smallestStock,
): Size {
  const { arrivalsPerS, burst, refillMs, startsInParallel } = observation;
  const { targetHitRate, min, max } = bounds;
  const load = (Math.max(0, ...arrivalsPerS) * refillMs) / 1_000;
  const byRate = stockFor(load, { startsInParallel, targetHitRate, max });
  let size: Size = burst > byRate ? { warm: Math.ceil(burst), reason: "burst" } : { warm: byRate, reason: "rate" };
  if (size.warm < min) size = { warm: min, reason: "min" };
  return size.warm > max ? { warm: max, reason: "max" } : size;
}

/**
 * The smallest stock with which no more runs than allowed find none ready. Some ms of work, tens near the ceiling.
 * @param load arrivals within one refill, on average
 * @returns one above `max` where not even that is enough
 */
export function smallestStock(load: number, { startsInParallel, targetHitRate, max }: StockGoal): number {
  if (load === 0) return 0;
  if (load >= startsInParallel * NEAR_THE_CEILING) return max + 1;
  const allowed = 1 - targetHitRate;
  // Starts without end are the best case, and quickly told.
  const atLeast = firstWithin(allowed, poisson(load, max + 1));
  for (let warm = atLeast; warm <= max && warm < startsInParallel; warm += 1) {
    if (missRate({ load, startsInParallel, warm }) <= allowed) return warm;
  }
  if (startsInParallel > max) return max + 1;
  const enough = firstWithin(allowed, settle(load, startsInParallel, max + 1));
  return Math.min(max + 1, Math.max(startsInParallel, enough));
}

/** The smallest number that is reached or passed with no more than this chance. */
function firstWithin(allowed: number, chances: readonly number[]): number {
  let tail = 1;
  const at = chances.findIndex((chance) => {
    if (tail <= allowed) return true;
    tail -= chance;
    return false;
  });
  return at < 0 ? chances.length : at;
}

/**
 * The share of Poisson arrivals that find none of `warm` sandboxes ready, for refills that always take as long.
 *
 * Looked at once a refill time, those unfinished are a Markov chain: as many as there are starts are done, and a Poisson
 * number has come (Crommelin 1932, M/D/c). Arrivals see its settled state (PASTA), and miss when that is `warm` or more.
 * A stock smaller than the starts can use only as many of them as it has sandboxes. Refills that vary miss somewhat more.
 * @param options.load arrivals within one refill, on average
 * @returns 1 where more arrive than the starts can make: no size helps there
 */
export function missRate(options: {
  readonly load: number;
  readonly startsInParallel: number;
  readonly warm: number;
}): number {
  const { load, startsInParallel, warm } = options;
  if (load === 0) return warm > 0 ? 0 : 1;
  const servers = Math.min(startsInParallel, warm);
  if (load >= servers) return 1;
  return Math.max(0, 1 - sum(settle(load, servers, warm).slice(0, warm)));
}

/** The chain's settled state: chances of 0, 1, ... and, last, of all beyond. It only rises from its empty beginning. */
function settle(load: number, servers: number, above: number): readonly number[] {
  // What is far above has to be told apart too, because it comes down only step by step.
  const size = above + servers + Math.ceil(load + 8 * Math.sqrt(load)) + 16;
  const arrivals = poisson(load, size);
  let state = new Float64Array(size + 1);
  let next = new Float64Array(size + 1);
  state[0] = 1;
  for (let step = 0, moved = 1; step < MAX_STEPS && moved > SETTLED; step += 1) {
    next.fill(0);
    for (let count = 0; count <= size; count += 1) {
      const chance = state[count] ?? 0;
      if (chance < 1e-15) continue;
      const left = Math.max(0, count - servers);
      for (let come = 0; come < arrivals.length; come += 1) {
        const to = Math.min(size, left + come);
        next[to] = (next[to] ?? 0) + chance * (arrivals[come] ?? 0);
      }
    }
    moved = 0;
    for (let count = 0; count <= size; count += 1) moved += Math.abs((next[count] ?? 0) - (state[count] ?? 0));
    [state, next] = [next, state];
  }
  return [...state];
}

/** Chances of 0, 1, ... up to where they no longer count; by logarithms, so that a great mean does not vanish. */
function poisson(mean: number, most: number): readonly number[] {
  const chances: number[] = [];
  let log = -mean;
  for (let count = 0; count <= most; count += 1) {
    chances.push(Math.exp(log));
    log += Math.log(mean) - Math.log(count + 1);
    if (count > mean && log < -40) break;
  }
  return chances;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** What `nextSize` remembers: the size, what decided it, and since when fewer would have done. */
export interface SizingState extends Size {
  /** Without a break; null when they would not. */
  readonly lowerSinceMs: number | null;
}

export interface SizingMoment extends SizingObservation {
  readonly nowMs: number;
}

export interface SizingPace {
  /** For so long fewer must have been enough before one is taken off; and again for the next. */
  readonly holdMs: number;
  /** Fewer must also be enough for a rate and a burst that are greater by this share: 0.2 is 20 %. */
  readonly margin: number;
}

/**
 * The next size: up at once, down by one after a while. Two things keep it from swinging: it goes down only when the lower
 * need has held without a break, and only when it would hold with a margin. A rate that goes to and fro by less than the
 * margin never moves it twice, however slowly; one that swings more widely but faster than `holdMs` leaves it up.
 */
export function nextSize(
  state: SizingState,
  moment: SizingMoment,
  options: { readonly bounds: SizingBounds; readonly pace: SizingPace; readonly stockFor?: StockFor },
): SizingState {
  const { bounds, pace, stockFor } = options;
  const { warm: needed, reason } = warmSize(moment, bounds, stockFor);
  if (needed >= state.warm) return { warm: needed, reason, lowerSinceMs: null };
  // A bound is no estimate: what it does not allow goes at once.
  if (state.warm > bounds.max) return { warm: bounds.max, reason: "max", lowerSinceMs: null };
  const greater = 1 + pace.margin;
  const withMargin = warmSize(
    { ...moment, arrivalsPerS: moment.arrivalsPerS.map((rate) => rate * greater), burst: moment.burst * greater },
    bounds,
    stockFor,
  );
  if (withMargin.warm >= state.warm) return { ...state, lowerSinceMs: null };
  const lowerSinceMs = state.lowerSinceMs ?? moment.nowMs;
  if (moment.nowMs - lowerSinceMs < pace.holdMs) return { ...state, lowerSinceMs };
  return { warm: state.warm - 1, reason, lowerSinceMs: moment.nowMs };
}
