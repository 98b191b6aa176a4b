import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Cleanup } from "./cleanup.js";
import { type Clock, toMicroseconds } from "./clock.js";
import { type Change, changesBetween, needsRestart } from "./config/changes.js";
import { configJsonSchema } from "./config/json-schema.js";
import type { Config, LaneConfig } from "./config/schema.js";
import { DockerRuntime } from "./container/docker-runtime.js";
import { type EngineAddress, engineAddress } from "./container/engine-address.js";
import type { SandboxRuntime } from "./container/runtime.js";
import { readSeccompProfile } from "./container/seccomp-profile.js";
import { ConfigError } from "./errors.js";
import type { ImageTarget } from "./image-targets.js";
import { Journal } from "./journal.js";
import type { Log } from "./log.js";
import { packageRoot, packageVersion } from "./package-root.js";
import { Headway } from "./pool/headway.js";
import { Lane } from "./pool/lane.js";
import { Lanes } from "./pool/lanes.js";
import { ASSUMED_TIMES, measuredTimes } from "./pool/refill-times.js";
import { sizedLanes } from "./pool/sized-lanes.js";
import { sandboxSpec } from "./pool/spec.js";
import type { LanesReport } from "./protocol/lanes.js";
import { MAX_STDIN_WAITING_BYTES, PROTOCOL_VERSION } from "./protocol/limits.js";
import type { LaneNow } from "./protocol/watch.js";
import { type HelloMessage, runMessage, type ServerMessage } from "./protocol/messages.js";
import { execute } from "./run/execute.js";
import { Run } from "./run/run.js";
import { Semaphore } from "./semaphore.js";
import { HttpServer } from "./server/http-server.js";
import { formatListenAddress, type ListenAddress } from "./server/listen-address.js";
import { MemoryBudget } from "./sizing/memory-budget.js";
import { Pages } from "./server/pages.js";
import { WatchRecord } from "./server/watch-record.js";
import { Watchers } from "./server/watchers.js";
import { type AdviceSubject, Advisor } from "./sizing/advisor.js";

/** Between looks for containers of ours that nobody knows of, in ms. */
const HOUSEKEEPING_MS = 30_000;

export interface DaemonOptions {
  readonly config: Config;
  /** The image of lanes that name none, by what they need. */
  readonly imageOf: (target: ImageTarget) => string;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes the engine's place; for tests of faults that no engine can be made to show. */
  readonly runtime?: (options: { instance: string }) => SandboxRuntime;
}

/** A lane's configuration, with what it names read. */
interface PreparedLane {
  readonly name: string;
  readonly laneConfig: LaneConfig;
  readonly seccompProfile: string;
}

/** The whole daemon: builds every part, owns one cleanup, and is done when that has run. */
export class Daemon implements AsyncDisposable {
  readonly lanes: Lanes;
  readonly server: HttpServer;
  readonly #options: DaemonOptions;
  readonly #cleanup: Cleanup;
  readonly #journal: Journal;
  readonly #record: WatchRecord;
  readonly #advisor: Advisor;
  readonly #startedAt: number;
  readonly #version = packageVersion();
  readonly #runtime: SandboxRuntime;
  readonly #starts: Semaphore;
  readonly #headway: Headway;
  readonly #budget: MemoryBudget;
  /** What is in force. */
  #config: Config;
  #prepared: readonly PreparedLane[];
  readonly #laneLogs = new Map<Lane, Log>();
  /** Ends a change of the configuration that is under way. */
  readonly #stopping = new AbortController();
  /** Changes of the configuration, one after the other. */
  #reloads: Promise<unknown> = Promise.resolve();

  private constructor(
    options: DaemonOptions,
    parts: { cleanup: Cleanup; lanes: readonly PreparedLane[]; pages: Pages },
  ) {
    const { config, clock, log } = options;
    this.#options = options;
    this.#config = config;
    this.#prepared = parts.lanes;
    this.#cleanup = parts.cleanup;
    this.#startedAt = clock.now();
    this.#journal = new Journal({
      sources: { lanes: () => this.lanes, connections: () => this.server.connections },
      clock,
      log,
    });
    this.#record = new WatchRecord({
      now: () => clock.now(),
      epochMs: Date.now,
      isLane: (name) => this.lanes.has(name),
    });
    this.#advisor = new Advisor({ subject: () => this.#adviceSubject(), clock, epochMs: Date.now });
    this.server = new HttpServer({
      config: config.server,
      routes: {
        "/healthz": () => ({ status: 200, type: "text/plain", body: "ok\n" }),
        "/readyz": () => this.#readiness(),
        "/metrics": async () => ({
          status: 200,
          type: "text/plain; version=0.0.4",
          body: await this.#journal.exposition(),
        }),
        "/schema/config.json": () => ({
          status: 200,
          type: "application/schema+json",
          body: JSON.stringify(configJsonSchema()),
        }),
        "/v1/lanes": () => ({ status: 200, type: "application/json", body: JSON.stringify(this.report()) }),
      },
      pages: parts.pages,
      watchers: new Watchers({
        clock,
        epochMs: Date.now,
        record: this.#record,
        lanes: () => [...this.lanes].map(laneNow),
        report: () => this.report(),
        advice: () => this.#advisor.advice(),
        slowClientMs: () => this.#config.server.slowClientMs,
      }),
      hello: () => this.#hello(),
      now: () => clock.now(),
      execute: (run) => this.#execute(run),
      log,
    });
    const address = engineAddress(config.engine.socket);
    this.#runtime = this.#createRuntime(address);
    this.#starts = new Semaphore(config.engine.maxConcurrentStarts);
    this.#headway = new Headway(clock);
    this.#budget = new MemoryBudget(budgetBytes(config));
    // There before its lanes are: one that comes may take memory from another, which asks then whether it is in force.
    this.lanes = new Lanes([]);
    this.lanes.replace(parts.lanes.map((lane) => this.#createLane(lane, config.sizing)));
    for (const { name } of this.lanes) this.#journal.addLane(name);
  }

  /** A lane that nobody knows of yet. */
  #createLane({ name, laneConfig, seccompProfile }: PreparedLane, pace: Config["sizing"], before?: Lane): Lane {
    const { imageOf, clock } = this.#options;
    const { engine } = this.#config;
    const log = this.#options.log.child({ lane: name });
    // Of one that only tries out another configuration, or is on its way out, nobody has to know.
    const isInForce = (): boolean => [...this.lanes].includes(lane);
    const lane = new Lane({
      name,
      config: laneConfig,
      spec: sandboxSpec(name, laneConfig, {
        image: imageOf(laneConfig.target),
        ociRuntime: engine.ociRuntime,
        seccompProfile,
      }),
      runtime: this.#runtime,
      starts: this.#starts,
      headway: this.#headway,
      engine,
      pace,
      budget: this.#budget,
      warmBefore: before?.warmTarget,
      observer: {
        onStep: (_lane, step, ms) => {
          this.#journal.refillStep(name, step, ms);
        },
        onMade: (_lane, ms) => {
          this.#journal.made(name, ms);
        },
        onTarget: (_lane, { from, to, reason }) => {
          if (reason !== null && isInForce()) log.info({ from, to, reason }, "another number of ready sandboxes");
        },
        onFault: (_lane, fault) => {
          if (!isInForce()) return;
          this.#journal.laneDegraded(name, fault !== undefined);
          if (fault === undefined) log.info("the lane has recovered");
          else log.error({ err: fault }, "the lane is degraded");
        },
      },
      clock,
      log,
    });
    this.#laneLogs.set(lane, log);
    return lane;
  }

  /**
   * Binds the address, clears away what an earlier daemon left, and begins to fill the lanes. An engine that does not
   * answer is no reason to stop: the lanes say so, and recover when it does.
   * @throws ConfigError when the configuration cannot be used as it is, an address in use included
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const lanes = await prepareLanes(options.config);
    const pages = await Pages.read(join(packageRoot(), "dist", "web"));
    const cleanup = new Cleanup();
    const daemon = new Daemon(options, { cleanup, lanes, pages });
    try {
      await daemon.#start();
    } catch (error) {
      await cleanup.run();
      throw error;
    }
    return daemon;
  }

  async #start(): Promise<void> {
    const { log } = this.#options;
    const stopping = new AbortController();
    // Each step of the cleanup runs before those added earlier: runs first, then stock, then engine.
    await this.#cleanup.add("engine", async () => {
      await this.#runtime[Symbol.asyncDispose]();
    });
    // The address is the claim on the instance: only its holder may touch that instance's containers.
    await this.server.listen();
    await this.#cleanup.add("advisor", () => this.#advisor[Symbol.asyncDispose]());
    await this.#cleanup.add("journal", () => this.#journal[Symbol.asyncDispose]());
    await this.#cleanup.add("lanes", () => this.lanes[Symbol.asyncDispose]());
    await this.#cleanup.add("reloads", async () => {
      this.#stopping.abort(new ConfigError("the daemon is stopping"));
      await this.#reloads;
    });
    await this.#cleanup.add("server", () => this.server.close({ graceMs: this.#config.server.shutdownGraceMs }));
    await this.#cleanup.add("housekeeping", () => {
      stopping.abort(new Error("the daemon is stopping"));
    });
    // Once the address is ours: no other daemon with this configuration writes to the same file.
    await this.#journal.recordArrivals(this.#config.sizing);
    await this.#reap(stopping.signal);
    for (const lane of this.lanes) lane.start();
    this.#housekeeping(stopping.signal).catch((error: unknown) => {
      if (!stopping.signal.aborted) log.error({ err: error }, "housekeeping has stopped");
    });
  }

  /**
   * Takes another configuration without dropping a run. A lane of which only `warm` changes grows or shrinks. Any other that
   * changes is made anew beside the old one, and takes its place when its stock is full; runs that the old one has, or that
   * wait in it, end there. Connections that are open keep the limits that they began with.
   * @returns what has changed
   * @throws ConfigError with the reason why it is not taken; everything is as before then
   */
  async reload(config: Config): Promise<readonly Change[]> {
    const change = this.#reloads.then(() => this.#reload(config));
    this.#reloads = change.catch(() => undefined);
    return change;
  }

  async #reload(config: Config): Promise<readonly Change[]> {
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    const changes = changesBetween(this.#config, config);
    const fixed = changes.filter(needsRestart).map(({ key }) => key);
    if (fixed.length > 0) throw new ConfigError(`${fixed.join(", ")}: takes effect only when the daemon starts anew`);

    const prepared = await prepareLanes(config);
    const { sizing } = config;
    const lanesBefore = new Map([...this.lanes].map((lane) => [lane.name, lane]));
    const stays = (lane: PreparedLane): boolean => this.#prepared.some((old) => isSameButWarm(old, lane));
    const successors = prepared
      .filter((lane) => !stays(lane))
      .map((lane) => this.#createLane(lane, sizing, lanesBefore.get(lane.name)));
    const resized = prepared.filter(stays).flatMap(({ name, laneConfig: { warm } }) => {
      const lane = this.lanes.get(name);
      const before = lane.config.warm;
      const hasOtherPace = typeof warm === "object" && !isDeepStrictEqual(this.#config.sizing, sizing);
      return isDeepStrictEqual(before, warm) && !hasOtherPace ? [] : [{ lane, warm, before }];
    });
    try {
      for (const lane of successors) lane.start();
      await fill(successors, signal);
      // Last, because it touches lanes that are in force.
      this.#budget.resize(budgetBytes(config));
      for (const { lane, warm } of resized) lane.resize(warm, sizing);
      await fill(
        resized.map(({ lane }) => lane),
        signal,
      );
      this.server.reconfigure(config.server);
    } catch (error) {
      this.#budget.resize(budgetBytes(this.#config));
      for (const { lane, before } of resized) lane.resize(before, this.#config.sizing);
      for (const lane of successors) this.#laneLogs.delete(lane);
      await Promise.all(successors.map((lane) => lane[Symbol.asyncDispose]()));
      throw error;
    }

    const before = [...this.lanes];
    const after = prepared.map(({ name }) => successors.find((lane) => lane.name === name) ?? this.lanes.get(name));
    this.lanes.replace(after);
    this.#config = config;
    this.#prepared = prepared;
    for (const { name } of successors) this.#journal.addLane(name);
    for (const lane of before) {
      if (!after.includes(lane)) this.#laneLogs.delete(lane);
      if (!after.some(({ name }) => name === lane.name)) this.#journal.removeLane(lane.name);
    }
    for (const log of [this.#options.log, ...this.#laneLogs.values()]) log.level = config.log.level;
    return changes;
  }

  /** Settles when every lane is full or degraded. */
  async settled(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.lanes].map((lane) => lane.settled(signal)));
  }

  get address(): string {
    return formatListenAddress(this.server.address);
  }

  /** What `GET /v1/lanes` answers. */
  report(): LanesReport {
    return {
      server: this.#version,
      uptimeMs: toMicroseconds(this.#options.clock.now() - this.#startedAt),
      connections: this.server.connections,
      lanes: [...this.lanes].map((lane) => ({
        ...laneNow(lane),
        limits: lane.limits,
        ...this.#journal.statisticsOf(lane.name),
      })),
    };
  }

  /** What a lane's size is advised from: the record, and the lanes as they are configured and measured now. */
  #adviceSubject(): AdviceSubject {
    const report = this.report();
    return {
      traceFile: this.#config.sizing.traceFile,
      ...sizedLanes(this.#config, (lane) => measuredTimes(report, lane) ?? ASSUMED_TIMES),
    };
  }

  /** Stops: no new runs, live ones finish or are ended, the stock is emptied. Every call returns the same promise. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.run();
  }

  #createRuntime(address: EngineAddress): SandboxRuntime {
    const { config, clock, log } = this.#options;
    const instance = config.engine.instance ?? defaultInstance(this.server.address);
    return (
      this.#options.runtime?.({ instance }) ??
      new DockerRuntime({
        ...config.engine,
        address,
        instance,
        egress: config.egress,
        onCall: (call, ms, outcome) => {
          this.#journal.engineCalled(call, ms, outcome);
          this.#record.engineCalled(call, outcome);
        },
        clock,
        log,
      })
    );
  }

  /** Runs one program of ours the way every run goes, without counting it. @returns its terminal message */
  async check(lane: string, code: string): Promise<ServerMessage | undefined> {
    let terminal: ServerMessage | undefined;
    const run = new Run({
      request: runMessage.parse({ type: "run", id: "self-check", lane, code }),
      client: "self-check",
      receivedAt: this.#options.clock.now(),
      send: (message) => {
        if (message.type === "exit" || message.type === "error") terminal = message;
      },
      sendOutput: () => undefined,
    });
    await execute(run, {
      lanes: this.lanes,
      clock: this.#options.clock,
      onHandout: () => undefined,
      onEnd: () => undefined,
    });
    return terminal;
  }

  #hello(): HelloMessage {
    return {
      type: "hello",
      stdinWindowBytes: MAX_STDIN_WAITING_BYTES,
      protocol: PROTOCOL_VERSION,
      server: this.#version,
      lanes: [...this.lanes].map((lane) => lane.limits),
    };
  }

  #readiness(): { status: number; type: string; body: string } {
    const lanes = [...this.lanes].map((lane) => ({ lane: lane.name, state: lane.state }));
    const ready = lanes.every(({ state }) => state === "ready");
    return { status: ready ? 200 : 503, type: "application/json", body: JSON.stringify({ ready, lanes }) };
  }

  async #execute(run: Run): Promise<void> {
    await execute(run, {
      lanes: this.lanes,
      clock: this.#options.clock,
      onHandout: (lane, launch, waits) => {
        this.#journal.handedOut(lane, launch, waits);
        this.#record.handedOut(lane, launch);
      },
      onEnd: (ended, record) => {
        this.#journal.ended(ended, record);
        this.#record.runEnded(ended, record);
      },
    });
  }

  async #reap(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    try {
      const removed = await this.#runtime.reap({ signal });
      this.#journal.lookedForUnowned(removed);
      if (removed > 0) log.warn({ removed }, "removed containers that nobody owned any more");
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ err: error }, "could not look for leftover containers; trying again later");
    }
  }

  async #housekeeping(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(HOUSEKEEPING_MS, { signal });
      await this.#reap(signal);
    }
  }
}

/** Whether a lane's sandboxes serve for the other as well. */
function isSameButWarm(one: PreparedLane, other: PreparedLane): boolean {
  return isDeepStrictEqual(one, { ...other, laneConfig: { ...other.laneConfig, warm: one.laneConfig.warm } });
}

function budgetBytes({ sizing: { memoryBudgetMiB } }: Config): number | null {
  return memoryBudgetMiB === null ? null : memoryBudgetMiB * 1024 * 1024;
}

function laneNow(lane: Lane): LaneNow {
  const { name, state, fault, config, counts, waiting, warmTarget, sizing } = lane;
  const { warm, creating, leased, evicting } = counts;
  const stock = { warm, warmTarget, sizing, creating, leased, evicting, max: config.maxSandboxes };
  return { name, state, reason: fault?.message ?? null, stock, waiting };
}

/** Waits until each is full. @throws ConfigError with the reasons of those that cannot be */
async function fill(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
  await Promise.all(lanes.map((lane) => lane.settled(signal)));
  const reasons = lanes.flatMap(({ name, fault }) => (fault === undefined ? [] : [`lanes.${name}: ${fault.message}`]));
  if (reasons.length > 0) throw new ConfigError(reasons.join("\n"));
}

/**
 * Reads the profiles, once: what happens to the files later changes no sandbox. A profile that cannot be used ends the
 * start, like any other mistake in the configuration, instead of leaving a lane closed that somebody counts on.
 * @throws ConfigError
 */
async function prepareLanes(config: Config): Promise<PreparedLane[]> {
  const own = join(packageRoot(), "sandbox", "seccomp.json");
  return Promise.all(
    Object.entries(config.lanes).map(async ([name, laneConfig]) => ({
      name,
      laneConfig,
      seccompProfile: await readSeccompProfile(laneConfig.seccomp ?? own, `lanes.${name}.seccomp`),
    })),
  );
}

/**
 * Tells this daemon's containers from those of others: the address is held by one daemon at a time, the host's name tells
 * daemons apart that share an engine from afar. A port that the system chooses is nobody's claim, so chance takes its place.
 */
function defaultInstance(address: ListenAddress): string {
  const claim =
    address.kind === "tcp" && address.port === 0 ? randomBytes(8).toString("hex") : formatListenAddress(address);
  return `${hostname()}/${claim}`;
}
