import type { Config, LaneConfig } from "../config/schema.js";
import type { Clock } from "../clock.js";
import type { SandboxRuntime, SandboxSpec } from "../container/runtime.js";
import { deferred } from "../deferred.js";
import { DaemonError, ShuttingDownError } from "../errors.js";
import type { Log } from "../log.js";
import type { MissReason, RefillStep } from "../protocol/lanes.js";
import type { LaneLimits } from "../protocol/messages.js";
import { Semaphore } from "../semaphore.js";
import type { MemoryBudget } from "../sizing/memory-budget.js";
import { QueueFullError, QueueTimeoutError } from "./errors.js";
import { SandboxFactory } from "./factory.js";
import type { Headway } from "./headway.js";
import { LaneHealth } from "./health.js";
import { Lease } from "./lease.js";
import { missReason } from "./misses.js";
import type { Sandbox, SandboxState } from "./sandbox.js";
import { Stock } from "./stock.js";
import { type Waiter, WaitingLine } from "./waiting-line.js";
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
  readonly clock: Clock;
  readonly log: Log;
}

export interface AcquireOptions {
  /** Whoever asks: clients take turns in the line. */
  readonly client: string;
  readonly queueMs: number;
  /** When the request came in, on the daemon's clock: a sandbox that was ready by then is a warm one. */
  readonly askedAt: number;
  /** Hears at once that there is no ready sandbox. */
  readonly onMiss: (reason: MissReason) => void;
  /** Aborting leaves the line at once. */
  readonly signal: AbortSignal;
  /** Hears of the place in the line, from 1, when the run has to wait and whenever it moves up. */
  readonly onQueued: (position: number, etaMs: number | null) => void;
}

/** Between looks whether anybody still waits in a lane that is to close, in ms. */
const RETIRE_POLL_MS = 50;

/** Ends what waited beside a wait. Made once: an abort without a reason makes an exception each time, stack and all. */
const SERVED = new Error("the wait is over");

/** One image with one set of limits: its stock of ready sandboxes and the line in front of it. */
export class Lane implements AsyncDisposable {
  readonly name: string;
  readonly #options: LaneOptions;
  #config: LaneConfig;
  readonly #target: WarmTarget;
  readonly #stock: Stock;
  readonly #line = new WaitingLine();
  readonly #health: LaneHealth;
  readonly #counts: Record<SandboxState, number> = { creating: 0, warm: 0, leased: 0, evicting: 0, gone: 0 };
  /** Smoothed time from a creation's begin to a ready sandbox, in ms; null before the first. */
  #refillMs: number | null = null;
  /** Smoothed time of making one sandbox, waiting for a turn left out, in ms; null before the first. */
  #makeMs: number | null = null;
  /** When the stock was last full, on the daemon's clock, in ms. */
  #lastFullAt: number | undefined;
  /** Reasons not to hand anything out for a moment. */
  #holds = 0;
  /** Counts how often all sandboxes became useless at once. */
  #epoch = 0;
  readonly #over = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(options: LaneOptions) {
    const { name, config, engine, observer, clock, log } = options;
    this.name = name;
    this.#config = config;
    this.#options = options;
    this.#health = new LaneHealth({
      clock,
      retryMinMs: engine.retryMinMs,
      retryMaxMs: engine.retryMaxMs,
      onChange: (fault) => {
        observer.onFault(name, fault);
        if (fault !== undefined) this.#refuseAll(fault);
      },
    });
    const factory = new SandboxFactory({
      spec: options.spec,
      runtime: options.runtime,
      starts: options.starts,
      headway: options.headway,
      live: new Semaphore(config.maxSandboxes),
      health: this.#health,
      readyDeadlineMs: engine.readyDeadlineMs,
      clock,
      log,
      onState: (from, to) => {
        if (from === "warm" && this.#isFull) this.#lastFullAt = clock.now();
        if (from !== undefined) this.#counts[from] -= 1;
        this.#counts[to] += 1;
      },
      onStep: (step, ms) => {
        observer.onStep(name, step, ms);
      },
      onMade: (ms) => {
        this.#makeMs = smoothed(this.#makeMs, ms);
        observer.onMade(name, ms);
        if (this.#isFull) this.#lastFullAt = clock.now();
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
      makeMs: () => this.#makeMs,
      isDegraded: () => this.#health.fault !== undefined,
      onChange: (change) => {
        if (this.#closing !== undefined) return;
        this.#stock.resize(change.to);
        if (this.#isFull) this.#lastFullAt = clock.now();
        observer.onTarget(name, change);
      },
    });
    this.#stock = new Stock({
      warm: this.#target.value,
      max: config.maxSandboxes,
      create: async (signal) => {
        for (;;) {
          const [began, epoch] = [clock.now(), this.#epoch];
          const sandbox = await factory.create(signal);
          if (epoch !== this.#epoch) {
            void sandbox.evict();
            continue;
          }
          this.#refillMs = smoothed(this.#refillMs, clock.now() - began);
          return sandbox;
        }
      },
      offer: (sandbox) => this.#offer(sandbox),
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
      maxCodeBytes: config.maxCodeBytes,
      maxOutputBytes: config.maxOutputBytes,
      outputPolicy: config.outputPolicy,
      memoryBytes: config.memoryMiB * 1024 * 1024,
      cpus: config.cpus,
    };
  }

  get counts(): Readonly<Record<SandboxState, number>> {
    return this.#counts;
  }

  get waiting(): number {
    return this.#line.length;
  }

  get fault(): DaemonError | undefined {
    return this.#health.fault;
  }

  get state(): "starting" | "ready" | "degraded" | "closing" {
    if (this.#closing !== undefined) return "closing";
    if (this.#health.fault !== undefined) return "degraded";
    return this.#refillMs === null && this.warmTarget > 0 ? "starting" : "ready";
  }

  /** Begins to fill the stock. */
  start(): void {
    const { runtime, spec, log } = this.#options;
    this.#stock.start();
    this.#target.start();
    runtime.watch(spec, {
      signal: this.#over.signal,
      onUndone: (mended) => {
        this.#hold(mended).catch((error: unknown) => {
          if (!this.#over.signal.aborted) log.error({ err: error }, "the lane cannot recover by itself");
        });
      },
    });
  }

  /**
   * Hands nothing out until what sandboxes rely on is as it must be. Where that cannot be had the lane closes and loses its
   * stock, and opens again by itself.
   */
  async #hold(mended: Promise<void>): Promise<void> {
    this.#holds += 1;
    try {
      await mended;
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      this.#epoch += 1;
      // Refuses who waits, before the stock makes others for them.
      this.#health.degrade(error);
      this.#stock.empty();
      await this.#recover();
    } finally {
      this.#holds -= 1;
      if (this.#holds === 0) this.#stock.request(this.#line.length);
    }
  }

  /** Tries until nothing stands in the way of sandboxes; a lane that keeps none ready has no other attempts. */
  async #recover(): Promise<void> {
    const { runtime, spec } = this.#options;
    const { signal } = this.#over;
    while (this.#health.fault !== undefined) {
      try {
        await this.#health.attempt(() => runtime.prepare(spec, { signal }), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof DaemonError)) throw error;
      }
    }
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
   * Waits for a sandbox: a ready one at once, else the next to become ready, in fair order.
   * @throws QueueFullError, QueueTimeoutError, ShuttingDownError, the lane's fault, or the signal's reason
   */
  async acquire(options: AcquireOptions): Promise<Lease> {
    const { clock } = this.#options;
    const ready = this.#takeReady(options.signal);
    this.#target.arrived(options.askedAt, () => this.#stock.ready);
    const sandbox = ready ?? (await this.#next(options));
    const now = clock.now();
    return new Lease(sandbox, {
      launch: sandbox.readyAt <= options.askedAt ? "warm" : "cold",
      queueMs: now - options.askedAt,
    });
  }

  /** What most runs come to: something is ready, nobody is before them and nothing is in the way. */
  #takeReady(signal: AbortSignal): Sandbox | undefined {
    if (signal.aborted || this.#closing !== undefined || this.#holds > 0 || this.#line.length > 0) return undefined;
    const sandbox = this.#stock.take();
    sandbox?.markLeased();
    return sandbox;
  }

  async #next(options: AcquireOptions): Promise<Sandbox> {
    options.signal.throwIfAborted();
    if (this.#closing !== undefined) throw new ShuttingDownError();
    const behind = this.#line.length - this.#stock.ready;
    if (behind >= 0) {
      options.onMiss(this.#missReason());
      if (this.#health.fault !== undefined) throw this.#health.fault;
      if (options.queueMs === 0) throw new QueueTimeoutError(this.name, 0, this.#etaMs(behind + 1) ?? 1_000);
      if (behind >= this.config.maxQueued) {
        throw new QueueFullError(this.name, this.#line.length, this.#etaMs(behind + 1) ?? 1_000);
      }
    }
    const { promise, resolve, reject } = deferred<Sandbox>();
    const waiter: Waiter = { client: options.client, resolve, reject, place: 0 };
    let isServed = false;
    let served: AbortController | undefined;
    const wait = (): void => {
      if (isServed) return;
      if (behind < 0) options.onMiss(this.#missReason());
      served = new AbortController();
      this.#wait(waiter, options, served.signal);
    };
    this.#line.join(waiter);
    // A ready sandbox comes within this turn of the event loop, and most runs need no more than that.
    if (behind < 0) setImmediate(wait);
    else wait();
    this.#stock.request(this.#line.length);
    try {
      return await promise;
    } finally {
      isServed = true;
      served?.abort(SERVED);
    }
  }

  get #isFull(): boolean {
    return this.#counts.warm >= this.warmTarget;
  }

  #missReason(): MissReason {
    const { clock, engine } = this.#options;
    const now = clock.now();
    return missReason({
      isFailing: this.#health.isFailing,
      isHeld: this.#holds > 0,
      now,
      lastFullAt: this.#isFull ? now : this.#lastFullAt,
      makeMs: this.#makeMs,
      warm: this.warmTarget,
      concurrentStarts: engine.maxConcurrentStarts,
      used: this.#counts.leased + this.#counts.evicting,
      max: this.config.maxSandboxes,
    });
  }

  /** Lets a run wait: told its place, out of the line when it is aborted or its time is up. */
  #wait(waiter: Waiter, options: AcquireOptions, served: AbortSignal): void {
    const { signal, queueMs, onQueued } = options;
    const leave = (error: Error): void => {
      if (this.#line.leave(waiter)) this.#tellPlaces();
      waiter.reject(error);
    };
    const onAbort = (): void => {
      leave(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { signal: served });
    waiter.onPlace = (place) => {
      onQueued(place, this.#etaMs(place));
    };
    this.#tellPlaces();
    this.#options.clock.sleep(queueMs, { signal: served }).then(
      () => {
        leave(new QueueTimeoutError(this.name, queueMs, this.#etaMs(1) ?? 1_000));
      },
      () => undefined,
    );
  }

  /** Tells those who wait where they are now, where that has changed. */
  #tellPlaces(): void {
    let place = 0;
    for (const waiter of this.#line) {
      place += 1;
      if (waiter.place === place) continue;
      waiter.place = place;
      waiter.onPlace?.(place);
    }
  }

  #etaMs(place: number): number | null {
    if (this.#refillMs === null) return null;
    return Math.round(Math.ceil(place / this.#options.engine.maxConcurrentStarts) * this.#refillMs);
  }

  /** Gives a ready sandbox to whose turn it is. */
  #offer(sandbox: Sandbox): boolean {
    if (this.#holds > 0) return false;
    const waiter = this.#line.next();
    if (waiter === undefined) return false;
    sandbox.markLeased();
    waiter.resolve(sandbox);
    this.#tellPlaces();
    return true;
  }

  #refuseAll(error: DaemonError): void {
    for (let waiter = this.#line.next(); waiter !== undefined; waiter = this.#line.next()) waiter.reject(error);
  }

  /** Serves who waits, or lets them run out of time, and closes; for a lane that gets no new runs. */
  async retire(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#over;
    try {
      while (this.#line.length > 0) await clock.sleep(RETIRE_POLL_MS, { signal });
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
    this.#refuseAll(new ShuttingDownError());
    await this.#stock.close();
  }
}

/** What lately is the case, with a fifth of the weight on the newest value. */
function smoothed(before: number | null, value: number): number {
  return before === null ? value : before * 0.8 + value * 0.2;
}
