import { isDeepStrictEqual } from "node:util";
import { EngineDownError } from "./container/errors.js";
import { type Change, changesBetween, needsRestart } from "./config/changes.js";
import type { Config, LaneConfig } from "./config/schema.js";
import { ConfigError } from "./errors.js";
import type { Journal } from "./journal.js";
import { type LaneFactory, type PreparedLane, prepareLanes } from "./lane-factory.js";
import type { Log } from "./log.js";
import type { Lane } from "./pool/lane.js";
import { type Lanes, settled } from "./pool/lanes.js";
import type { HttpServer } from "./server/http-server.js";

export interface ReloadsOptions {
  /** What the daemon starts with. */
  readonly config: Config;
  /** Its lanes, as those in force were made of. */
  readonly prepared: readonly PreparedLane[];
  /** Those in force. */
  readonly lanes: Lanes;
  readonly factory: LaneFactory;
  readonly server: HttpServer;
  readonly journal: Journal;
  readonly log: Log;
}

/** What another configuration comes to. */
interface Plan {
  readonly config: Config;
  readonly prepared: readonly PreparedLane[];
  /** Lanes that are new, and those that are to take another's place. */
  readonly successors: readonly Lane[];
  /** Lanes that stay, with another size or another pace. */
  readonly resized: readonly { lane: Lane; warm: LaneConfig["warm"]; warmBefore: LaneConfig["warm"] }[];
}

/** The configuration in force, and its changes while the daemon runs, one after the other. */
export class Reloads implements AsyncDisposable {
  readonly #options: ReloadsOptions;
  #config: Config;
  #prepared: readonly PreparedLane[];
  /** Settles when all changes that were asked for are over; never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  /** Ends a change that is under way. */
  readonly #stopping = new AbortController();

  constructor(options: ReloadsOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#prepared = options.prepared;
  }

  /** What is in force. */
  get config(): Config {
    return this.#config;
  }

  /**
   * Takes another configuration, as `Daemon.reload` says, once those asked for earlier are taken or refused.
   * @throws ConfigError with the reason why it is not taken; everything is as before then
   */
  async take(config: Config): Promise<readonly Change[]> {
    const change = this.#last.then(() => this.#take(config));
    this.#last = change.catch(() => undefined);
    return change;
  }

  /** Takes no more. One that is being tried is refused, and what was made for it is evicted; settles after that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new ConfigError("the daemon is stopping"));
    await this.#last;
  }

  async #take(config: Config): Promise<readonly Change[]> {
    this.#stopping.signal.throwIfAborted();
    const changes = changesBetween(this.#config, config);
    const fixed = changes.filter(needsRestart).map(({ key }) => key);
    if (fixed.length > 0) throw new ConfigError(`${fixed.join(", ")}: takes effect only when the daemon starts anew`);

    const plan = this.#plan(config, await prepareLanes(config));
    try {
      await this.#tryOut(plan);
    } catch (error) {
      await this.#takeBack(plan);
      throw error;
    }
    this.#putInForce(plan);
    return changes;
  }

  #plan(config: Config, prepared: readonly PreparedLane[]): Plan {
    const { lanes, factory } = this.#options;
    const { sizing } = config;
    const before = new Map([...lanes].map((lane) => [lane.name, lane]));
    const stays = (lane: PreparedLane): boolean => this.#prepared.some((old) => isSameButWarm(old, lane));
    const successors = prepared
      .filter((lane) => !stays(lane))
      .map((lane) => factory.make(lane, sizing, before.get(lane.name)));
    const resized = prepared.filter(stays).flatMap(({ name, laneConfig: { warm } }) => {
      const lane = lanes.get(name);
      const warmBefore = lane.config.warm;
      const hasOtherPace = typeof warm === "object" && !isDeepStrictEqual(this.#config.sizing, sizing);
      return isDeepStrictEqual(warmBefore, warm) && !hasOtherPace ? [] : [{ lane, warm, warmBefore }];
    });
    return { config, prepared, successors, resized };
  }

  /** @throws ConfigError when the engine does not answer, or the listener does not take its part */
  async #tryOut({ config, successors, resized }: Plan): Promise<void> {
    const { factory, server } = this.#options;
    const { signal } = this.#stopping;
    for (const lane of successors) lane.start();
    await fill(successors, signal);
    // Last, because it touches lanes that are in force.
    factory.resizeBudget(config.sizing);
    for (const { lane, warm } of resized) lane.resize(warm, config.sizing);
    await fill(
      resized.map(({ lane }) => lane),
      signal,
    );
    server.reconfigure(config.server);
  }

  async #takeBack({ successors, resized }: Plan): Promise<void> {
    this.#options.factory.resizeBudget(this.#config.sizing);
    for (const { lane, warmBefore } of resized) lane.resize(warmBefore, this.#config.sizing);
    await Promise.all(successors.map((lane) => lane[Symbol.asyncDispose]()));
  }

  #putInForce({ config, prepared, successors }: Plan): void {
    const { lanes, factory, journal, log } = this.#options;
    const before = [...lanes];
    lanes.replace(prepared.map(({ name }) => successors.find((lane) => lane.name === name) ?? lanes.get(name)));
    this.#config = config;
    this.#prepared = prepared;
    for (const { name } of successors) journal.addLane(name);
    for (const { name } of before) if (!lanes.has(name)) journal.removeLane(name);
    // What was found out while nobody had to know of them.
    for (const lane of successors) factory.tellFault(lane);
    log.level = config.log.level;
    factory.setLogLevel(config.log.level);
  }
}

/** Whether a lane's sandboxes serve for the other as well. */
function isSameButWarm(one: PreparedLane, other: PreparedLane): boolean {
  return isDeepStrictEqual(one, { ...other, laneConfig: { ...other.laneConfig, warm: one.laneConfig.warm } });
}

/**
 * Waits until each is full, or is degraded, as one with a missing image is: as at the start, that closes this lane, and no other.
 * Only an engine that does not answer says nothing about the lanes.
 * @throws ConfigError with the engine's fault
 */
async function fill(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
  await settled(lanes, signal);
  const reasons = lanes.flatMap(({ name, fault }) =>
    fault instanceof EngineDownError ? [`lanes.${name}: ${fault.message}`] : [],
  );
  if (reasons.length > 0) throw new ConfigError(reasons.join("\n"));
}
