import type { Config, LaneConfig } from "../config/schema.js";
import type { Clock } from "../clock.js";
import type { SandboxRuntime, SandboxSpec } from "../container/runtime.js";
import { type DaemonError, ShuttingDownError } from "../errors.js";
import type { Log } from "../log.js";
import type { MissReason, RefillStep } from "../protocol/lanes.js";
import type { LaneLimits } from "../protocol/messages.js";
import { Semaphore } from "../semaphore.js";
import type { MemoryBudget } from "../sizing/memory-budget.js";
import { SandboxFactory } from "./factory.js";
import { RemovalsOverdueError } from "./errors.js";
import type { Headway } from "./headway.js";
import { LaneHealth } from "./health.js";
import { Holds } from "./holds.js";
import { Lease } from "./lease.js";
import { missReason } from "./misses.js";
import { Removals } from "./overdue-removals.js";
import { Queue, type QueuedRun } from "./queue.js";
import type { Sandbox, SandboxState } from "./sandbox.js";
import { Stock } from "./stock.js";
import { Tally } from "./tally.js";
import type { Asker } from "./waiting-line.js";
import { type TargetChange, WarmTarget } from "./warm-target.js";

/** Where a lane tells what happens in it. */
export interface LaneObserver {
  onStep(lane: string, step: RefillStep, ms: number): void;
  /** A sandbox is ready. @param ms since its making began, once it had its turn */
  onMade(lane: string, ms: number): void;
  onFault(lane: string, fault: DaemonError | undefined): void;
  onTarget(lane: string, change: TargetChange): void;
}

export interface LaneOptions {
  readonly name: string;
  readonly config: LaneConfig;
  readonly spec: SandboxSpec;
  readonly runtime: SandboxRuntime;
  /** Bounds starts, over all lanes. */
  readonly starts: Semaphore;
  /** Lets runs of all lanes go before refills. */
  readonly headway: Headway;
  readonly engine: {
    readonly readyDeadlineMs: number;
    readonly retryMinMs: number;
    readonly retryMaxMs: number;
    readonly maxConcurrentStarts: number;
  };
  /** How fast adaptive sizes follow the runs. */
  readonly pace: Pick<Config["sizing"], "windowMs" | "holdMs">;
  /** Over all adaptive lanes. */
  readonly budget: MemoryBudget;
  /** What the lane whose place this one takes keeps ready; an adaptive size begins there. */
  readonly warmBefore?: number | undefined;
  readonly observer: LaneObserver;
  /** Does what no run is to wait for, some ms later. */
  readonly later: (task: () => void) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface AcquireOptions extends QueuedRun {
  /** When the request came in, on the daemon's clock: a sandbox that was ready by then is a warm one. */
  readonly askedAt: number;
  /** Hears at once that there is no ready sandbox. */
  readonly onMiss: (reason: MissReason) => void;
}

/** One image with one set of limits: its stock of ready sandboxes and the queue in front of it. */
export class Lane implements AsyncDisposable {
  readonly name: string;
  readonly #options: LaneOptions;
  #config: LaneConfig;
  readonly #target: WarmTarget;
  readonly #stock: Stock;
  readonly #queue: Queue;
  readonly #health: LaneHealth;
  readonly #holds: Holds;
  readonly #tally: Tally;
  readonly #removals: Removals;
  readonly #over = new AbortController();
  #closing: Promise<void> | undefined;
  /** Present from when somebody joins the line until those that wait are served. */
  #request: NodeJS.Immediate | undefined;

  constructor(options: LaneOptions) {
    const { name, config, engine, observer, clock, log } = options;
    this.name = name;
    this.#config = config;
    this.#options = options;
    this.#tally = new Tally({ clock, warmTarget: () => this.warmTarget });
    this.#removals = new Removals(() => clock.now());
    this.#health = new LaneHealth({
      clock,
      retryMinMs: engine.retryMinMs,
      retryMaxMs: engine.retryMaxMs,
      onChange: (fault) => {
        observer.onFault(name, fault);
        if (fault !== undefined) this.#queue.refuse(fault);
      },
    });
    this.#holds = new Holds({
      spec: options.spec,
      runtime: options.runtime,
      health: this.#health,
      log,
      signal: this.#over.signal,
      onLost: () => {
        this.#stock.empty();
      },
      onOver: () => {
        this.#requestSoon();
      },
    });
    this.#queue = new Queue({
      lane: name,
      maxSandboxes: config.maxSandboxes,
      startsInParallel: engine.maxConcurrentStarts,
      clock,
      refillMs: () => this.#tally.refillMs,
      onRoom: () => {
        this.#requestSoon();
      },
    });
    const factory = new SandboxFactory({
      spec: options.spec,
      runtime: options.runtime,
      starts: options.starts,
      headway: options.headway,
      live: new Semaphore(config.maxSandboxes),
      health: this.#health,
      removals: this.#removals,
      readyDeadlineMs: engine.readyDeadlineMs,
      clock,
      log,
      onState: (from, to) => {
        this.#tally.moved(from, to);
      },
      onStep: (step, ms) => {
        observer.onStep(name, step, ms);
      },
      onMade: (ms) => {
        this.#tally.made(ms);
        observer.onMade(name, ms);
      },
    });
    this.#target = new WarmTarget({
      lane: name,
      warm: config.warm,
      from: options.warmBefore ?? 0,
      pace: options.pace,
      startsInParallel: engine.maxConcurrentStarts,
      budget: options.budget,
      clock,
      makeMs: () => this.#tally.makeMs,
      isDegraded: () => this.#health.fault !== undefined,
      onChange: (change) => {
        if (this.#closing !== undefined) return;
        this.#stock.resize(change.to);
        this.#tally.noteFull();
        observer.onTarget(name, change);
      },
    });
    this.#stock = new Stock({
      warm: this.#target.value,
      max: config.maxSandboxes,
      create: async (signal) => {
        for (;;) {
          const [began, epoch] = [clock.now(), this.#holds.epoch];
          const sandbox = await factory.create(signal);
          if (epoch !== this.#holds.epoch) {
            void sandbox.evict();
            continue;
          }
          this.#tally.refilled(clock.now() - began);
          return sandbox;
        }
      },
      offer: (sandbox) => !this.#holds.isHeld && this.#queue.serve(sandbox),
      later: options.later,
      clock,
    });
  }

  get config(): LaneConfig {
    return this.#config;
  }

  /** Ready sandboxes that are kept at present. */
  get warmTarget(): number {
    return this.#target.value;
  }

  /** Bounds of an adaptive size and what decided it; null where the size is fixed. */
  get sizing(): WarmTarget["sizing"] {
    return this.#target.sizing;
  }

  get limits(): LaneLimits {
    const { config } = this;
    return {
      name: this.name,
      language: config.language,
      network: config.network !== "none",
      timeoutMs: config.timeoutMs,
      maxTimeoutMs: config.maxTimeoutMs,
      graceMs: config.graceMs,
      maxGraceMs: config.maxGraceMs,
      maxCodeBytes: config.maxCodeBytes,
      maxOutputBytes: config.maxOutputBytes,
      outputPolicy: config.outputPolicy,
      memoryBytes: config.memoryMiB * 1024 * 1024,
      cpus: config.cpus,
    };
  }

  get counts(): Readonly<Record<SandboxState, number>> {
    return this.#tally.counts;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Why no sandboxes can be made; undefined while they can. */
  get fault(): DaemonError | undefined {
    return this.#health.fault;
  }

  /** Why the lane is degraded, in words; null while it is not. */
  get reason(): string | null {
    return this.fault?.message ?? this.#removals.overdue?.words ?? null;
  }

  get state(): "starting" | "ready" | "degraded" | "closing" {
    if (this.#closing !== undefined) return "closing";
    if (this.reason !== null) return "degraded";
    return this.#tally.refillMs === null && this.warmTarget > 0 ? "starting" : "ready";
  }

  /** Begins to fill the stock. */
  start(): void {
    this.#stock.start();
    this.#target.start();
    this.#holds.start();
  }

  /** Another `warm`, and another pace of adaptive sizes: all that can change of a lane without other sandboxes. */
  resize(warm: LaneConfig["warm"], pace: LaneOptions["pace"]): void {
    this.#config = { ...this.#config, warm };
    this.#target.reconfigure(warm, pace);
  }

  /** Settles when the stock is full or the lane is degraded: when there is something to tell about it. */
  async settled(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (this.#stock.ready < this.warmTarget && this.fault === undefined && this.#closing === undefined) {
      await clock.sleep(10, { signal });
    }
  }

  /**
   * A ready sandbox at once, which is what most runs come to: there is one in hand, nobody is before them and nothing is in
   * the way. Within this turn of the event loop, because whatever came in between would be part of the run's latency.
   */
  take(run: Asker & Pick<AcquireOptions, "askedAt" | "signal">): Lease | undefined {
    const { askedAt, signal } = run;
    if (signal.aborted || this.#closing !== undefined || this.#holds.isHeld) return undefined;
    if (!this.#queue.mayTake(run)) return undefined;
    const sandbox = this.#stock.take();
    if (sandbox === undefined) return undefined;
    sandbox.markLeased(this.#queue.hold(run));
    this.#arrived(askedAt);
    return this.#lease(sandbox, askedAt);
  }

  /**
   * Waits for a sandbox: the next to be ready, in fair order. Who comes here has tried `take`.
   * @throws QueueFullError, QueueTimeoutError, ShuttingDownError, the lane's fault, or the signal's reason
   */
  async acquire(options: AcquireOptions): Promise<Lease> {
    this.#arrived(options.askedAt);
    return this.#lease(await this.#next(options), options.askedAt);
  }

  #arrived(askedAt: number): void {
    this.#target.arrived(askedAt, () => this.#stock.ready);
  }

  #lease(sandbox: Sandbox, askedAt: number): Lease {
    const launch = sandbox.readyAt <= askedAt ? "warm" : "cold";
    return new Lease(sandbox, { launch, queueMs: this.#options.clock.now() - askedAt });
  }

  async #next(options: AcquireOptions): Promise<Sandbox> {
    options.signal.throwIfAborted();
    if (this.#closing !== undefined) throw new ShuttingDownError();
    const onMiss = (): void => {
      options.onMiss(this.#missReason());
    };
    const { ready } = this.#stock;
    const behind = this.#queue.length - ready;
    const isServedNow = behind < 0 || (ready > 0 && this.#queue.mayTake(options));
    if (!isServedNow) {
      onMiss();
      this.#requireHope();
      this.#queue.admit(options, { behind, maxQueued: this.config.maxQueued });
    }
    this.#requestSoon();
    return this.#queue.wait(options, isServedNow ? onMiss : undefined);
  }

  /** @throws the lane's fault, or RemovalsOverdueError, where waiting would be for nothing */
  #requireHope(): void {
    if (this.#health.fault !== undefined) throw this.#health.fault;
    const overdue = this.#removals.overdue;
    if (overdue !== undefined && overdue.count >= this.#config.maxSandboxes)
      throw new RemovalsOverdueError(overdue.words);
  }

  /**
   * Serves who waits once all that came in this turn of the event loop is in the line: else who comes first in it would take
   * the whole stock, however many the others are.
   */
  #requestSoon(): void {
    this.#request ??= setImmediate(() => {
      this.#request = undefined;
      this.#stock.request(this.#queue.servable);
    });
  }

  #missReason(): MissReason {
    const { clock, engine } = this.#options;
    const now = clock.now();
    const { leased, evicting } = this.counts;
    return missReason({
      isFailing: this.#health.isFailing,
      isHeld: this.#holds.isHeld,
      now,
      lastFullAt: this.#tally.lastFullAt(now),
      makeMs: this.#tally.makeMs,
      warm: this.warmTarget,
      concurrentStarts: engine.maxConcurrentStarts,
      used: leased + evicting,
      max: this.config.maxSandboxes,
    });
  }

  /** Serves who waits, or lets them run out of time, and closes; for a lane that gets no new runs. */
  async retire(): Promise<void> {
    try {
      await this.#queue.emptied(this.#over.signal);
    } catch {
      // Closed meanwhile.
    }
    await this[Symbol.asyncDispose]();
  }

  /** Refuses who waits, ends creations, evicts the stock. Leased sandboxes are their runs' to evict. */
  async [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#over.abort(new ShuttingDownError());
    this.#target.stop();
    clearImmediate(this.#request);
    this.#queue.refuse(new ShuttingDownError());
    await this.#stock.close();
  }
}
