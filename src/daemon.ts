import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { Afterwards } from "./afterwards.js";
import { Cleanup } from "./cleanup.js";
import { type Clock, toMicroseconds } from "./clock.js";
import type { Change } from "./config/changes.js";
import { configJsonSchema } from "./config/json-schema.js";
import type { Config, ServerConfig } from "./config/schema.js";
import { DockerRuntime } from "./container/docker-runtime.js";
import { type EngineAddress, engineAddress } from "./container/engine-address.js";
import type { SandboxRuntime } from "./container/runtime.js";
import { Housekeeping } from "./housekeeping.js";
import type { ImageTarget } from "./image-targets.js";
import { Journal } from "./journal.js";
import { LaneFactory, type PreparedLane, prepareLanes } from "./lane-factory.js";
import type { Log } from "./log.js";
import { packageRoot, packageVersion } from "./package-root.js";
import type { Lane } from "./pool/lane.js";
import { Lanes, settled } from "./pool/lanes.js";
import { ASSUMED_TIMES, measuredTimes } from "./pool/refill-times.js";
import { sizedLanes } from "./pool/sized-lanes.js";
import type { LanesReport } from "./protocol/lanes.js";
import { MAX_STDIN_WAITING_BYTES, PROTOCOL_VERSION } from "./protocol/limits.js";
import type { LaneNow } from "./protocol/watch.js";
import { type HelloMessage, runMessage, type ServerMessage } from "./protocol/messages.js";
import { Reloads } from "./reloads.js";
import { breathe } from "./run/breathe.js";
import { execute } from "./run/execute.js";
import { rehearse } from "./run/rehearse.js";
import { Run } from "./run/run.js";
import { HttpServer } from "./server/http-server.js";
import { formatListenAddress, type ListenAddress } from "./server/listen-address.js";
import { Pages } from "./server/pages.js";
import { WatchRecord } from "./server/watch-record.js";
import { Watchers } from "./server/watchers.js";
import { type AdviceSubject, Advisor } from "./sizing/advisor.js";

export interface DaemonOptions {
  readonly config: Config;
  /** The image of lanes that name none, by what they need. */
  readonly imageOf: (target: ImageTarget) => string;
  readonly clock: Clock;
  readonly log: Log;
  /** Lines of the log that could not be written. */
  readonly droppedLogLines?: () => number;
  /** Takes the engine's place; for tests of faults that no engine can be made to show. */
  readonly runtime?: (options: { instance: string }) => SandboxRuntime;
}

/** The whole daemon: builds every part, owns one cleanup, and is done when that has run. */
export class Daemon implements AsyncDisposable {
  readonly lanes: Lanes;
  readonly server: HttpServer;
  readonly #options: DaemonOptions;
  readonly #cleanup: Cleanup;
  readonly #journal: Journal;
  readonly #afterwards = new Afterwards();
  readonly #record: WatchRecord;
  readonly #advisor: Advisor;
  readonly #startedAt: number;
  readonly #version = packageVersion();
  readonly #runtime: SandboxRuntime;
  readonly #reloads: Reloads;

  private constructor(
    options: DaemonOptions,
    parts: { cleanup: Cleanup; prepared: readonly PreparedLane[]; pages: Pages },
  ) {
    const { config, clock, log } = options;
    this.#options = options;
    this.#cleanup = parts.cleanup;
    this.#startedAt = clock.now();
    this.#journal = new Journal({
      sources: {
        lanes: () => this.lanes,
        connections: () => this.server.connections,
        droppedLogLines: options.droppedLogLines ?? (() => 0),
      },
      traceMaxBytes: config.sizing.traceMaxBytes,
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
        "/metrics": async () => ({ status: 200, type: "text/plain; version=0.0.4", body: await this.#exposition() }),
        "/schema/config.json": () => ({
          status: 200,
          type: "application/schema+json",
          body: JSON.stringify(configJsonSchema()),
        }),
        "/v1/trace": () => {
          this.#afterwards.catchUp();
          return { status: 200, type: "application/x-ndjson", body: this.#journal.arrivals.text(Date.now()) };
        },
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
      rehearse: (run) => this.#rehearse(run),
      log,
    });
    const address = engineAddress(config.engine.socket);
    this.#runtime = this.#createRuntime(address);
    // There before its lanes are: one that comes may take memory from another, which asks then whether it is in force.
    this.lanes = new Lanes([]);
    const shared = { config, lanes: this.lanes, journal: this.#journal, log };
    const factory = new LaneFactory({
      ...shared,
      imageOf: options.imageOf,
      runtime: this.#runtime,
      later: (task) => {
        this.#afterwards.add(task);
      },
      clock,
    });
    this.lanes.replace(parts.prepared.map((lane) => factory.make(lane, config.sizing)));
    for (const { name } of this.lanes) this.#journal.addLane(name);
    this.#reloads = new Reloads({ ...shared, prepared: parts.prepared, factory, server: this.server });
  }

  /**
   * Binds the address, clears away what an earlier daemon left, and begins to fill the lanes. An engine that does not
   * answer is no reason to stop: the lanes say so, and recover when it does.
   * @throws ConfigError when the configuration cannot be used as it is, an address in use included
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const prepared = await prepareLanes(options.config);
    const pages = await Pages.read(join(packageRoot(), "dist", "web"));
    const cleanup = new Cleanup();
    const daemon = new Daemon(options, { cleanup, prepared, pages });
    try {
      await daemon.#start();
    } catch (error) {
      await cleanup.run();
      throw error;
    }
    return daemon;
  }

  async #start(): Promise<void> {
    const { clock, log } = this.#options;
    const housekeeping = new Housekeeping({ runtime: this.#runtime, journal: this.#journal, clock, log });
    // Each step of the cleanup runs before those added earlier: runs first, then stock, then engine.
    await this.#cleanup.add("engine", async () => {
      await this.#runtime[Symbol.asyncDispose]();
    });
    // The address is the claim on the instance: only its holder may touch that instance's containers.
    await this.server.listen();
    await this.#cleanup.add("advisor", () => this.#advisor[Symbol.asyncDispose]());
    await this.#cleanup.add("journal", () => {
      this.#afterwards.catchUp();
      return this.#journal[Symbol.asyncDispose]();
    });
    await this.#cleanup.add("lanes", () => this.lanes[Symbol.asyncDispose]());
    await this.#cleanup.add("reloads", () => this.#reloads[Symbol.asyncDispose]());
    await this.#cleanup.add("server", () => this.server.close({ graceMs: this.#config.server.shutdownGraceMs }));
    await this.#cleanup.add("housekeeping", () => {
      housekeeping[Symbol.dispose]();
    });
    // Once the address is ours: no other daemon with this configuration writes to the same file.
    await this.#journal.recordArrivals(this.#config.sizing);
    await housekeeping.start();
    for (const lane of this.lanes) lane.start();
  }

  /**
   * Takes another configuration without dropping a run. A lane of which only `warm` changes grows or shrinks. Any other that
   * changes is made anew beside the old one, and takes its place when its stock is full, or is found not to be possible, which
   * is told as at the start; runs that the old one has, or that wait in it, end there. Connections that are open keep the limits that they began with.
   * @returns what has changed
   * @throws ConfigError with the reason why it is not taken; everything is as before then
   */
  async reload(config: Config): Promise<readonly Change[]> {
    return this.#reloads.take(config);
  }

  /** What is in force. */
  get #config(): Config {
    return this.#reloads.config;
  }

  /** Settles when every lane is full or degraded. */
  async settled(signal: AbortSignal): Promise<void> {
    await settled(this.lanes, signal);
  }

  get address(): string {
    return formatListenAddress(this.server.address);
  }

  /** How long it may take to stop, in ms; whoever stops it does not have to wait longer. */
  get stopDeadlineMs(): number {
    return stopDeadlineMs(this.#config.server);
  }

  /** What `GET /v1/lanes` answers. */
  report(): LanesReport {
    this.#afterwards.catchUp();
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
      record: this.#config.sizing.traceFile ?? this.#journal.arrivals.packed(Date.now()),
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
      unreadMs: this.#options.config.server.slowClientMs,
      breathe,
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

  /** What Prometheus reads. */
  async #exposition(): Promise<string> {
    this.#afterwards.catchUp();
    return this.#journal.exposition();
  }

  #readiness(): { status: number; type: string; body: string } {
    const lanes = [...this.lanes].map((lane) => ({ lane: lane.name, state: lane.state }));
    const ready = lanes.every(({ state }) => state === "ready");
    // Without a token nobody is told more: reasons have names of images in them, and the host's own words.
    const body = ready ? { ready, lanes } : { ready, lanes, reasons: "GET /v1/lanes" };
    return { status: ready ? 200 : 503, type: "application/json", body: JSON.stringify(body) };
  }

  async #execute(run: Run): Promise<void> {
    await execute(run, {
      lanes: this.lanes,
      clock: this.#options.clock,
      unreadMs: this.#options.config.server.slowClientMs,
      breathe,
      onHandout: (lane, launch, waits) => {
        this.#afterwards.add(() => {
          this.#journal.handedOut(lane, launch, waits);
          this.#record.handedOut(lane, launch);
        });
      },
      onEnd: (ended, record) => {
        this.#afterwards.add(() => {
          this.#journal.ended(ended, record);
          this.#record.runEnded(ended, record);
        });
      },
    });
  }

  async #rehearse(run: Run): Promise<void> {
    const [lane] = this.lanes;
    if (lane !== undefined) await rehearse(run, { config: lane.config, clock: this.#options.clock });
  }
}

/** How long a daemon that is told to stop may take in all, in ms. */
export function stopDeadlineMs({ shutdownGraceMs, shutdownCleanupMs }: ServerConfig): number {
  return shutdownGraceMs + shutdownCleanupMs;
}

function laneNow(lane: Lane): LaneNow {
  const { name, state, reason, config, counts, waiting, warmTarget, sizing } = lane;
  const { warm, creating, leased, evicting } = counts;
  const stock = { warm, warmTarget, sizing, creating, leased, evicting, max: config.maxSandboxes };
  return { name, state, reason, stock, waiting };
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
