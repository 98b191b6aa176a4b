import type { Clock } from "./clock.js";
import type { Config, LaneConfig } from "./config/schema.js";
import type { SandboxRuntime } from "./container/runtime.js";
import { readSeccompProfile } from "./container/seccomp-profile.js";
import type { ImageTarget } from "./image-targets.js";
import type { Journal } from "./journal.js";
import type { Log } from "./log.js";
import { Headway } from "./pool/headway.js";
import { Lane, type LaneObserver } from "./pool/lane.js";
import type { Lanes } from "./pool/lanes.js";
import { sandboxSpec } from "./pool/spec.js";
import { Semaphore } from "./semaphore.js";
import { MemoryBudget } from "./sizing/memory-budget.js";

/** A lane's configuration, with what it names read. */
export interface PreparedLane {
  readonly name: string;
  readonly laneConfig: LaneConfig;
  readonly seccompProfile: string;
}

export interface LaneFactoryOptions {
  readonly config: Config;
  /** The image of lanes that name none, by what they need. */
  readonly imageOf: (target: ImageTarget) => string;
  readonly runtime: SandboxRuntime;
  /** Those in force. */
  readonly lanes: Lanes;
  readonly journal: Journal;
  /** Does what no run is to wait for, some ms later. */
  readonly later: (task: () => void) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes the daemon's lanes, and owns what all of them share: starts in the engine, the processors, the memory. */
export class LaneFactory {
  readonly #options: LaneFactoryOptions;
  readonly #starts: Semaphore;
  readonly #headway: Headway;
  readonly #budget: MemoryBudget;
  /** Kept for their levels: pino does not promise that a child's follows its parent's. */
  readonly #logs = new WeakMap<Lane, Log>();

  constructor(options: LaneFactoryOptions) {
    const { config, clock } = options;
    this.#options = options;
    this.#starts = new Semaphore(config.engine.maxConcurrentStarts);
    this.#headway = new Headway(clock);
    this.#budget = new MemoryBudget(budgetBytes(config.sizing));
  }

  /**
   * A lane that is not started and that nobody knows of yet.
   * @param before the lane whose place it is to take: an adaptive size begins with what that one keeps ready
   */
  make({ name, laneConfig, seccompProfile }: PreparedLane, pace: Config["sizing"], before?: Lane): Lane {
    const { config, imageOf, runtime, lanes, later, clock } = this.#options;
    const { engine } = config;
    const log = this.#options.log.child({ lane: name });
    // Of one that only tries out another configuration, or is on its way out, nobody has to know.
    const isInForce = (): boolean => [...lanes].includes(lane);
    const lane = new Lane({
      name,
      config: laneConfig,
      spec: sandboxSpec(name, laneConfig, {
        image: imageOf(laneConfig.target),
        ociRuntime: engine.ociRuntime,
        seccompProfile,
      }),
      runtime,
      starts: this.#starts,
      headway: this.#headway,
      engine,
      pace,
      budget: this.#budget,
      warmBefore: before?.warmTarget,
      observer: this.#observer(log, isInForce),
      later,
      clock,
      log,
    });
    this.#logs.set(lane, log);
    return lane;
  }

  /** Adaptive lanes share as much memory as this gives them from now on. */
  resizeBudget(sizing: Config["sizing"]): void {
    this.#budget.resize(budgetBytes(sizing));
  }

  /** Lanes in force log what is at least as important as this from now on. */
  setLogLevel(level: Config["log"]["level"]): void {
    for (const lane of this.#options.lanes) {
      const log = this.#logs.get(lane);
      if (log !== undefined) log.level = level;
    }
  }

  /** Tells what keeps a lane closed since before it was in force, as if it had come about now. */
  tellFault(lane: Lane): void {
    const log = this.#logs.get(lane);
    if (lane.fault !== undefined && log !== undefined) this.#observer(log, () => true).onFault(lane.name, lane.fault);
  }

  #observer(log: Log, isInForce: () => boolean): LaneObserver {
    const { journal } = this.#options;
    return {
      onStep: (lane, step, ms) => {
        journal.refillStep(lane, step, ms);
      },
      onMade: (lane, ms) => {
        journal.made(lane, ms);
      },
      onTarget: (_lane, { from, to, reason }) => {
        if (reason !== null && isInForce()) log.info({ from, to, reason }, "another number of ready sandboxes");
      },
      onFault: (lane, fault) => {
        if (!isInForce()) return;
        journal.laneDegraded(lane, fault !== undefined);
        if (fault === undefined) log.info("the lane has recovered");
        else log.error({ code: fault.code, reason: fault.message }, "the lane is degraded");
      },
    };
  }
}

/**
 * Reads the profiles, once: what happens to the files later changes no sandbox. A profile that cannot be used ends the
 * start, like any other mistake in the configuration, instead of leaving a lane closed that somebody counts on.
 * @throws ConfigError
 */
export async function prepareLanes(config: Config): Promise<PreparedLane[]> {
  return Promise.all(
    Object.entries(config.lanes).map(async ([name, laneConfig]) => ({
      name,
      laneConfig,
      seccompProfile: await readSeccompProfile(laneConfig.seccomp, `lanes.${name}.seccomp`),
    })),
  );
}

function budgetBytes({ memoryBudgetMiB }: Config["sizing"]): number | null {
  return memoryBudgetMiB === null ? null : memoryBudgetMiB * 1024 * 1024;
}
