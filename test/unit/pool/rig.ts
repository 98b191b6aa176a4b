import { pino } from "pino";
import { type Config, configSchema, type LaneConfig } from "../../../src/config/schema.js";
import type { DaemonError } from "../../../src/errors.js";
import { Headway, HEADWAY_MS } from "../../../src/pool/headway.js";
import { Lane } from "../../../src/pool/lane.js";
import { Lanes } from "../../../src/pool/lanes.js";
import type { Lease } from "../../../src/pool/lease.js";
import { sandboxSpec } from "../../../src/pool/spec.js";
import type { TargetChange } from "../../../src/pool/warm-target.js";
import { Semaphore } from "../../../src/semaphore.js";
import { MemoryBudget } from "../../../src/sizing/memory-budget.js";
import { FAKE_IMAGE, FakeEngine, type FakeBehaviour, type FakeRuntime } from "../../support/fake-runtime.js";
import { ManualClock, settle } from "../../support/manual-clock.js";

/** A lane's configuration: two warm, eight at most, and the given differences. */
export function laneConfig(differences: Partial<LaneConfig> = {}): LaneConfig {
  const python = { language: "python", image: FAKE_IMAGE, warm: 2, maxSandboxes: 8, ...differences };
  return configSchema.parse({ lanes: { python } }).lanes["python"]!;
}

export const SERVER_CONFIG: Config["server"] = configSchema.parse({ lanes: { python: { language: "python" } } }).server;

/** What a rig can share with another, or has differently. */
export interface RigOptions {
  readonly name: string;
  readonly clock: ManualClock;
  readonly budget: MemoryBudget;
  readonly warmBefore: number;
}

/** Moments of adaptive sizes, in ms. */
export const PACE = { windowMs: 60_000, holdMs: 60_000 };

/** One lane on the fake engine, with the time in the test's hands. */
export class LaneRig implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly engine: FakeEngine;
  readonly lane: Lane;
  readonly lanes: Lanes;
  /** What the lane told of its health, undefined for a recovery. */
  readonly faults: (DaemonError | undefined)[] = [];
  /** What it told of other targets. */
  readonly targets: TargetChange[] = [];
  readonly #runtime: FakeRuntime;

  private constructor(config: LaneConfig, options: Partial<RigOptions>) {
    this.clock = options.clock ?? new ManualClock();
    this.engine = new FakeEngine(this.clock);
    this.#runtime = this.engine.runtime();
    this.lane = new Lane({
      name: options.name ?? "python",
      config,
      spec: sandboxSpec("python", config, { image: FAKE_IMAGE, ociRuntime: null, seccompProfile: "{}" }),
      runtime: this.#runtime,
      starts: new Semaphore(2),
      headway: new Headway(this.clock),
      engine: { readyDeadlineMs: 1_000, retryMinMs: 100, retryMaxMs: 2_000, maxConcurrentStarts: 2 },
      pace: PACE,
      budget: options.budget ?? new MemoryBudget(null),
      warmBefore: options.warmBefore,
      observer: {
        onStep: () => undefined,
        onMade: () => undefined,
        onTarget: (_lane, change) => this.targets.push(change),
        onFault: (_lane, fault) => this.faults.push(fault),
      },
      later: (task) => setImmediate(task),
      clock: this.clock,
      log: pino({ level: "silent" }),
    });
    this.lanes = new Lanes([this.lane]);
  }

  /** A lane that has been started; it is full, unless what is to go wrong keeps it from that. */
  static async start(
    config: Partial<LaneConfig> = {},
    behaviour: Partial<FakeBehaviour> = {},
    options: Partial<RigOptions> = {},
  ): Promise<LaneRig> {
    const rig = new LaneRig(laneConfig(config), options);
    Object.assign(rig.engine.behaviour, behaviour);
    rig.lane.start();
    await settle();
    return rig;
  }

  /** Asks for a sandbox, as a run does. */
  /** As a run does: what is ready, else what comes. */
  async acquire(options: Partial<Parameters<Lane["acquire"]>[0]> = {}): Promise<Lease> {
    const asked = {
      client: "anybody",
      party: options.client ?? "anybody",
      queueMs: 30_000,
      askedAt: this.clock.now(),
      signal: new AbortController().signal,
      onMiss: () => undefined,
      onQueued: () => undefined,
      ...options,
    };
    return this.lane.take(asked) ?? (await this.lane.acquire(asked));
  }

  /** What the daemon's housekeeping does now and then. */
  async reap(): Promise<number> {
    return this.#runtime.reap({ signal: new AbortController().signal });
  }

  /** Closes the lane, letting the moments pass for which a refill still waits. */
  async close(): Promise<void> {
    const closing = this.lane[Symbol.asyncDispose]();
    await this.clock.advance(HEADWAY_MS);
    await closing;
  }

  /** Stops everything in the daemon's order, removals that never get through included. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.engine.behaviour.fault = "none";
    await this.close();
    const closing = this.#runtime[Symbol.asyncDispose]();
    await this.clock.advance(10_000);
    await closing;
  }
}
