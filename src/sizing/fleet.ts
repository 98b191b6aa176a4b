import { seededNumbers } from "./seeded.js";

/** One of many machines that are alike. */
export interface FleetHost {
  readonly startsInParallel: number;
  /** From a start to a ready sandbox, always as long. */
  readonly refillMs: number;
  /** Most ready sandboxes that its memory allows. */
  readonly mostWarm: number;
}

/**
 * Which machine gets a run: any; each in turn; of two that chance names the one with fewer refills under way; or, as a bound
 * that no placement can beat, all machines as if they were one.
 */
export const PLACEMENTS = ["random", "round robin", "two choices", "one pool"] as const;
export type Placement = (typeof PLACEMENTS)[number];

export interface FleetOptions {
  readonly ratePerS: number;
  /** Half of the runs come in bursts, each run of one at the same moment, of every size between these as often; null for none. */
  readonly burst: { readonly least: number; readonly most: number } | null;
  readonly placement: Placement;
  readonly hosts: number;
  readonly host: FleetHost;
  /** Share of runs that are to find a ready sandbox, below 1. */
  readonly targetHitRate: number;
  /** How many runs to simulate: at least so many. */
  readonly runs: number;
  readonly seed: number;
}

export interface FleetOutcome {
  /** The smallest stock on each machine that reaches the target, or the most that its memory allows; a fraction where all are one. */
  readonly stockPerHost: number;
  readonly hitRate: number;
  /** Of all runs, by nearest rank. */
  readonly waitMs: { readonly p99: number; readonly p9999: number };
}

/**
 * Sends runs to machines that replace each sandbox as it is handed out. With refills that always take as long, those of one
 * machine end in the order in which they were asked for, and when each ends does not depend on the size of the stock: a run
 * misses a stock of n when n refills or more are under way at its machine. So one pass tells the hit rate of every size.
 * Deterministic, and without effects.
 */
export function simulateFleet(options: FleetOptions): FleetOutcome {
  const { host, hosts, placement, targetHitRate, seed } = options;
  const random = seededNumbers(seed);
  const isOne = placement === "one pool";
  const machines = Array.from(
    { length: isOne ? 1 : hosts },
    () => new Machine(isOne ? hosts * host.startsInParallel : host.startsInParallel, host.refillMs),
  );
  const choose = chooser(placement, machines, random);
  const underWay: number[] = [];
  let runs = 0;
  for (const { atMs, count } of events(options, random)) {
    for (let run = 0; run < count; run += 1) {
      const machine = choose(atMs);
      const found = machine.underWay(atMs);
      underWay[found] = (underWay[found] ?? 0) + 1;
      machine.handOut(atMs);
      runs += 1;
    }
  }
  const most = isOne ? hosts * host.mostWarm : host.mostWarm;
  const { stock, hits } = smallestStock(underWay, { least: targetHitRate * runs, most });
  const waits = Float64Array.from(machines.flatMap((machine) => machine.waitsMs(stock))).sort();
  const at = (share: number): number => waits[Math.ceil(share * runs) - 1 - (runs - waits.length)] ?? 0;
  return {
    stockPerHost: isOne ? stock / hosts : stock,
    hitRate: hits / runs,
    waitMs: { p99: at(0.99), p9999: at(0.9999) },
  };
}

/** The refills of one machine, in the order in which they were asked for. */
class Machine {
  readonly #starts: number;
  readonly #refillMs: number;
  readonly #askedMs: number[] = [];
  readonly #readyMs: number[] = [];
  #done = 0;

  constructor(starts: number, refillMs: number) {
    this.#starts = starts;
    this.#refillMs = refillMs;
  }

  /** Refills that are not over. Time only goes on. */
  underWay(nowMs: number): number {
    while (this.#done < this.#readyMs.length && (this.#readyMs[this.#done] ?? 0) <= nowMs) this.#done += 1;
    return this.#readyMs.length - this.#done;
  }

  /** A sandbox is handed out, or waited for: its replacement has its turn when one of the starts is free. */
  handOut(nowMs: number): void {
    const freeMs = this.#readyMs[this.#readyMs.length - this.#starts] ?? 0;
    this.#askedMs.push(nowMs);
    this.#readyMs.push(Math.max(nowMs, freeMs) + this.#refillMs);
  }

  /** How long those had to wait that did, with a stock of this size: each for the refill as many places before its own. */
  waitsMs(stock: number): number[] {
    return this.#askedMs.flatMap((askedMs, index) => {
      const readyMs = this.#readyMs[index - stock] ?? 0;
      return index >= stock && readyMs > askedMs ? [readyMs - askedMs] : [];
    });
  }
}

function chooser(placement: Placement, machines: readonly Machine[], random: () => number): (nowMs: number) => Machine {
  const any = (): Machine => pick(machines, Math.floor(random() * machines.length));
  switch (placement) {
    case "random":
      return any;
    case "one pool":
      return () => pick(machines, 0);
    case "round robin": {
      let next = 0;
      return () => pick(machines, next++ % machines.length);
    }
    case "two choices":
      return (nowMs) => {
        const [one, other] = [any(), any()];
        return one.underWay(nowMs) <= other.underWay(nowMs) ? one : other;
      };
  }
}

function pick(machines: readonly Machine[], index: number): Machine {
  const machine = machines[index];
  if (machine === undefined) throw new RangeError("a fleet needs at least one machine");
  return machine;
}

/** Moments at which runs come, and how many. */
function* events(
  { ratePerS, burst, runs }: FleetOptions,
  random: () => number,
): Generator<{ readonly atMs: number; readonly count: number }> {
  const mean = burst === null ? 1 : (burst.least + burst.most) / 2;
  const singlesPerS = burst === null ? ratePerS : ratePerS / 2;
  const burstsPerS = burst === null ? 0 : ratePerS / 2 / mean;
  let atMs = 0;
  for (let sent = 0; sent < runs;) {
    atMs += (-Math.log(1 - random()) / (singlesPerS + burstsPerS)) * 1_000;
    const isBurst = burst !== null && random() * (singlesPerS + burstsPerS) < burstsPerS;
    const count = isBurst ? burst.least + Math.floor(random() * (burst.most - burst.least + 1)) : 1;
    sent += count;
    yield { atMs, count };
  }
}

/** @param underWay how many runs found so many refills under way */
function smallestStock(
  underWay: readonly (number | undefined)[],
  { least, most }: { readonly least: number; readonly most: number },
): { readonly stock: number; readonly hits: number } {
  let hits = 0;
  for (let stock = 0; ; stock += 1) {
    if (hits >= least || stock >= most) return { stock, hits };
    hits += underWay[stock] ?? 0;
  }
}
