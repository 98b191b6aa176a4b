import { EventHeap } from "./event-heap.js";
import { MemoryBudget } from "./memory-budget.js";
import { seededNumbers } from "./seeded.js";
import { type AdaptiveStock, SimulatedTarget } from "./simulated-target.js";
import { isLow, LOOK_MS } from "./sizer.js";

/** A run that asked for a sandbox. */
export interface Arrival {
  readonly atMs: number;
  readonly lane: string;
  /** From the hand-out to the end of its program. */
  readonly runMs: number;
}

/**
 * How long it takes to make a ready sandbox once its start has begun: always as long, drawn from what was measured, or what was
 * measured in its order, from the beginning again after the last.
 */
export type RefillTime =
  | { readonly kind: "constant"; readonly ms: number }
  | { readonly kind: "sequence"; readonly samplesMs: readonly number[] }
  | { readonly kind: "samples"; readonly samplesMs: readonly number[]; readonly seed: number };

export interface SimulatedLane {
  /** Ready sandboxes that are kept: so many, or as many as the policy says. */
  readonly warm: number | AdaptiveStock;
  readonly maxSandboxes: number;
  readonly maxQueued: number;
  readonly queueTimeoutMs: number;
  readonly refill: RefillTime;
  /** From the end of a run to its container being gone, which is when another may take its place. */
  readonly removeMs: number;
}

export interface SimulationOptions {
  /** In ascending order of time. */
  readonly arrivals: readonly Arrival[];
  readonly lanes: Readonly<Record<string, SimulatedLane>>;
  /** Sandboxes in creation at once, over all lanes. */
  readonly maxConcurrentStarts: number;
  /** What the stocks of all adaptive lanes may weigh together; null for no bound. */
  readonly memoryBudgetBytes?: number | null;
}

/** What became of one lane's runs. */
export interface SimulatedOutcome {
  readonly runs: number;
  /** Runs that found a ready sandbox. */
  readonly hits: number;
  /** `hits` among all runs, those refused included; null without any. */
  readonly hitRate: number | null;
  /** Of runs that got a sandbox; null without any. By nearest rank: the smallest wait that such a share does not exceed. */
  readonly waitMs: { readonly p50: number; readonly p99: number } | null;
  readonly refused: { readonly queueFull: number; readonly queueTimeout: number };
  /** Ready sandboxes that the lane was to keep: over time, and at most. */
  readonly target: { readonly mean: number; readonly peak: number };
  /** Sandboxes from their start until they are gone: over time, from the first arrival of any lane to the last, and at most. */
  readonly sandboxes: { readonly mean: number; readonly peak: number };
}

type Event = { readonly atMs: number; readonly lane: LaneState; readonly kind: "ready" | "gone" | "look" };

/**
 * Replays arrivals through lanes as `pool/` has them: a hand-out takes a ready sandbox at once and begins its replacement at
 * that moment; a run that finds none waits for the next, in a line with a bound and a deadline; creations over all lanes
 * share the starts, first come, first served. Deterministic, and without effects.
 *
 * Left out, because a trace cannot tell or it changes little: turns among clients (first come, first served instead),
 * failing creations, removals that wait for each other, and that a sandbox above the target stays for a minute where the line
 * asked for it (an adaptive lane gives it up at once here).
 * @throws RangeError for an arrival that is out of order, or in a lane that is not among `lanes`
 */
export function simulate(options: SimulationOptions): Map<string, SimulatedOutcome> {
  const { arrivals, lanes, maxConcurrentStarts } = options;
  const beginMs = arrivals[0]?.atMs ?? 0;
  const endMs = arrivals.at(-1)?.atMs ?? 0;
  const budget = new MemoryBudget(options.memoryBudgetBytes ?? null);
  const states = new Map(
    Object.entries(lanes).map(([name, model]) => [
      name,
      new LaneState(model, { name, budget, maxConcurrentStarts, span: { beginMs, endMs } }),
    ]),
  );
  const events = new EventHeap<Event>();
  /** Creations that wait for one of the starts. */
  const line = new Fifo<LaneState>();
  let freeStarts = maxConcurrentStarts;

  const start = (nowMs: number): void => {
    while (freeStarts > 0) {
      const lane = line.shift();
      if (lane === undefined) return;
      freeStarts -= 1;
      lane.count(nowMs, 1);
      events.push({ atMs: nowMs + lane.drawRefillMs(), lane, kind: "ready" });
    }
  };
  const refill = (lane: LaneState): void => {
    for (let left = lane.order(); left > 0; left -= 1) line.push(lane);
  };
  const handOut = (lane: LaneState, nowMs: number, runMs: number): void => {
    events.push({ atMs: nowMs + runMs + lane.model.removeMs, lane, kind: "gone" });
  };
  /** The target may have changed, of other lanes too where they share memory. */
  const adjust = (nowMs: number): void => {
    for (const lane of states.values()) {
      for (let surplus = lane.trim(); surplus > 0; surplus -= 1) {
        events.push({ atMs: nowMs + lane.model.removeMs, lane, kind: "gone" });
      }
      refill(lane);
    }
  };
  const look = (lane: LaneState, nowMs: number): void => {
    lane.target.decide(nowMs);
    adjust(nowMs);
  };
  for (const lane of states.values()) {
    if (lane.target.isAdaptive) events.push({ atMs: beginMs + LOOK_MS, lane, kind: "look" });
  }
  const handle = ({ atMs, lane, kind }: Event): void => {
    if (kind === "look") {
      look(lane, atMs);
      if (atMs + LOOK_MS <= endMs) events.push({ atMs: atMs + LOOK_MS, lane, kind });
    } else if (kind === "ready") {
      freeStarts += 1;
      const runMs = lane.stockOrServe(atMs);
      if (runMs !== undefined) handOut(lane, atMs, runMs);
      adjust(atMs);
    } else {
      lane.count(atMs, -1);
      if (lane.leave()) line.push(lane);
    }
    start(atMs);
  };

  let lastMs = -Infinity;
  for (const { atMs, lane: name, runMs } of arrivals) {
    const lane = states.get(name);
    if (lane === undefined) throw new RangeError(`there is no lane ${JSON.stringify(name)} to simulate`);
    if (!(atMs >= lastMs)) throw new RangeError(`an arrival at ${atMs} ms comes after one at ${lastMs} ms`);
    lastMs = atMs;
    for (let due = events.popDue(atMs); due !== undefined; due = events.popDue(atMs)) handle(due);
    if (lane.arrive(atMs, runMs)) handOut(lane, atMs, runMs);
    refill(lane);
    if (lane.isLow) look(lane, atMs);
    start(atMs);
  }
  // Those that still wait are served or run out of time; what happens then counts for them, not for the means.
  for (let due = events.popDue(Infinity); due !== undefined; due = events.popDue(Infinity)) handle(due);
  return new Map([...states].map(([name, lane]) => [name, lane.outcome()]));
}

/** One lane: its stock, its line, its places among `maxSandboxes`. */
class LaneState {
  readonly model: SimulatedLane;
  readonly target: SimulatedTarget;
  readonly drawRefillMs: () => number;
  readonly #line = new Fifo<{ readonly atMs: number; readonly runMs: number }>();
  #ready: number;
  /** Creations that are wanted, whatever they wait for. */
  #pending = 0;
  /** Those of them that wait for a place among `maxSandboxes`. */
  #blocked = 0;
  /** Places taken. */
  #places: number;
  #runs = 0;
  #hits = 0;
  readonly #waitsMs: number[] = [];
  #queueFull = 0;
  #queueTimeout = 0;
  #sandboxes: number;
  #peak: number;
  readonly #span: { readonly beginMs: number; readonly endMs: number };
  /** Sandboxes times ms, from the begin of the span until then. */
  #integral = 0;
  #untilMs: number;

  constructor(
    model: SimulatedLane,
    options: {
      readonly name: string;
      readonly budget: MemoryBudget;
      readonly maxConcurrentStarts: number;
      readonly span: { readonly beginMs: number; readonly endMs: number };
    },
  ) {
    const { name: lane, budget, maxConcurrentStarts: startsInParallel, span } = options;
    this.model = model;
    this.#span = span;
    this.drawRefillMs = drawing(model.refill);
    this.target = new SimulatedTarget({
      ...{ lane, budget, startsInParallel, warm: model.warm, refillMs: meanOf(model.refill), beginMs: span.beginMs },
    });
    this.#ready = Math.min(this.target.value, model.maxSandboxes);
    this.#places = this.#ready;
    this.#sandboxes = this.#ready;
    this.#peak = this.#ready;
    this.#untilMs = span.beginMs;
  }

  /** @returns whether a ready sandbox was handed out */
  arrive(nowMs: number, runMs: number): boolean {
    this.#runs += 1;
    this.target.arrived(nowMs);
    this.#expire(nowMs);
    if (this.#ready > 0) {
      this.#ready -= 1;
      this.#hits += 1;
      return true;
    }
    if (this.model.queueTimeoutMs === 0) this.#queueTimeout += 1;
    else if (this.#line.length >= this.model.maxQueued) this.#queueFull += 1;
    else this.#line.push({ atMs: nowMs, runMs });
    return false;
  }

  /** A sandbox is ready: for who waits longest, else for the stock. @returns the run's time where one was served */
  stockOrServe(nowMs: number): number | undefined {
    this.#pending -= 1;
    this.#expire(nowMs);
    const waiter = this.#line.shift();
    if (waiter === undefined) {
      this.#ready += 1;
      return undefined;
    }
    this.#waitsMs.push(nowMs - waiter.atMs);
    return waiter.runMs;
  }

  /** Orders what is missing: for the stock, or for those who wait, if they are more. @returns creations that may ask for a start */
  order(): number {
    const { maxSandboxes } = this.model;
    const wanted = Math.min(maxSandboxes, Math.max(this.target.value, this.#line.length)) - this.#ready - this.#pending;
    if (wanted <= 0) return 0;
    const admitted = Math.min(wanted, maxSandboxes - this.#places);
    this.#pending += wanted;
    this.#blocked += wanted - admitted;
    this.#places += admitted;
    return admitted;
  }

  /** Whether what to keep is to be decided at once. */
  get isLow(): boolean {
    return this.target.isAdaptive && isLow(this.#ready, this.target.value);
  }

  /** Takes what is above an adaptive target out of the stock. @returns how many */
  trim(): number {
    if (!this.target.isAdaptive) return 0;
    const surplus = Math.max(0, this.#ready - this.target.value);
    this.#ready -= surplus;
    return surplus;
  }

  /** A container is gone. @returns whether a creation takes its place, and asks for a start */
  leave(): boolean {
    if (this.#blocked > 0) {
      this.#blocked -= 1;
      return true;
    }
    this.#places -= 1;
    return false;
  }

  /** Sandboxes became more or fewer. */
  count(nowMs: number, change: 1 | -1): void {
    this.#integrate(nowMs);
    this.#sandboxes += change;
    this.#peak = Math.max(this.#peak, this.#sandboxes);
  }

  outcome(): SimulatedOutcome {
    const { beginMs, endMs } = this.#span;
    this.#integrate(endMs);
    this.target.pass(endMs);
    const served = this.#hits + this.#waitsMs.length;
    const waits = Float64Array.from(this.#waitsMs).sort();
    const at = (share: number): number => waits[Math.ceil(share * served) - 1 - this.#hits] ?? 0;
    return {
      runs: this.#runs,
      hits: this.#hits,
      hitRate: this.#runs === 0 ? null : this.#hits / this.#runs,
      waitMs: served === 0 ? null : { p50: at(0.5), p99: at(0.99) },
      refused: { queueFull: this.#queueFull, queueTimeout: this.#queueTimeout },
      target: this.target.report(endMs - beginMs),
      sandboxes: {
        mean: endMs > beginMs ? this.#integral / (endMs - beginMs) : this.#sandboxes,
        peak: this.#peak,
      },
    };
  }

  #integrate(nowMs: number): void {
    const untilMs = Math.min(nowMs, this.#span.endMs);
    this.#integral += this.#sandboxes * (untilMs - this.#untilMs);
    this.#untilMs = untilMs;
  }

  /** Refuses those whose time is up: all have as long, so they are at the head. */
  #expire(nowMs: number): void {
    for (let head = this.#line.head; head !== undefined; head = this.#line.head) {
      if (nowMs - head.atMs < this.model.queueTimeoutMs) return;
      this.#line.shift();
      this.#queueTimeout += 1;
    }
  }
}

/** First in, first out, without moving all others at each turn. */
class Fifo<Item> {
  #items: Item[] = [];
  #gone = 0;

  get length(): number {
    return this.#items.length - this.#gone;
  }

  get head(): Item | undefined {
    return this.#items[this.#gone];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#gone];
    if (item === undefined) return undefined;
    this.#gone += 1;
    if (this.#gone > 1_024 && this.#gone * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#gone);
      this.#gone = 0;
    }
    return item;
  }
}

function meanOf(refill: RefillTime): number {
  if (refill.kind === "constant") return refill.ms;
  return refill.samplesMs.reduce((sum, ms) => sum + ms, 0) / refill.samplesMs.length;
}

function drawing(refill: RefillTime): () => number {
  if (refill.kind === "constant") return () => refill.ms;
  const { samplesMs } = refill;
  if (samplesMs.length === 0) throw new RangeError("there are no samples of a refill's time to draw from");
  if (refill.kind === "sequence") {
    let next = 0;
    return () => samplesMs[next++ % samplesMs.length] ?? 0;
  }
  const random = seededNumbers(refill.seed);
  return () => samplesMs[Math.floor(random() * samplesMs.length)] ?? 0;
}
