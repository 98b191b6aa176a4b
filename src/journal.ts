import { isAmount } from "./amount.js";
import type { Clock } from "./clock.js";
import type { Config } from "./config/schema.js";
import type { EngineCallOutcome } from "./container/runtime.js";
import { DaemonError } from "./errors.js";
import type { Log } from "./log.js";
import { Metrics, type MetricsSources } from "./metrics.js";
import { LaneStatistics } from "./pool/statistics.js";
import type { RefillStep } from "./protocol/lanes.js";
import type { Launch } from "./protocol/messages.js";
import type { RunRecord } from "./run/execute.js";
import type { Run } from "./run/run.js";
import { ArrivalLog } from "./sizing/arrival-log.js";
import { ArrivalMemory } from "./sizing/arrival-memory.js";

export interface JournalOptions {
  /** What is there now, asked for when Prometheus reads. */
  readonly sources: MetricsSources;
  /** Bounds what is kept of arrivals in memory. */
  readonly traceMaxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the daemon keeps of what happens: metrics, each lane's statistics, a log line for each run, the record of arrivals. */
export class Journal implements AsyncDisposable {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #statistics = new Map<string, LaneStatistics>();
  /** The last ones, whatever is configured. */
  readonly arrivals: ArrivalMemory;
  /** Undefined where no file is configured. */
  #arrivalLog: ArrivalLog | undefined;

  constructor({ sources, traceMaxBytes, clock, log }: JournalOptions) {
    this.arrivals = new ArrivalMemory(traceMaxBytes);
    this.#metrics = new Metrics({ sources, clock, log });
    this.#clock = clock;
    this.#log = log;
  }

  /** From now on arrivals are recorded in a file too, where the configuration asks for it. @throws ConfigError */
  async recordArrivals({ traceFile: path, traceMaxBytes: maxBytes }: Config["sizing"]): Promise<void> {
    if (path === null) return;
    this.#arrivalLog = await ArrivalLog.open({ path, maxBytes, clock: this.#clock, epochMs: Date.now, log: this.#log });
  }

  /** What Prometheus reads. */
  async exposition(): Promise<string> {
    return this.#metrics.exposition();
  }

  /** What `GET /v1/lanes` tells of a lane's runs. */
  statisticsOf(lane: string): ReturnType<LaneStatistics["report"]> {
    return this.#of(lane).report();
  }

  /** A lane is one of the daemon's from now on; another one's of that name before it goes on counting. */
  addLane(name: string): void {
    this.#metrics.addLane(name);
    if (!this.#statistics.has(name)) this.#statistics.set(name, new LaneStatistics());
  }

  removeLane(name: string): void {
    this.#metrics.removeLane(name);
  }

  refillStep(lane: string, step: RefillStep, ms: number): void {
    this.#metrics.refillStep(lane, step, ms);
    this.#of(lane).refillStep(step, ms);
  }

  /** A sandbox is ready, so long after its making began. */
  made(lane: string, ms: number): void {
    this.#metrics.made(lane, ms);
  }

  laneDegraded(lane: string, isDegraded: boolean): void {
    this.#metrics.laneDegraded(lane, isDegraded);
  }

  engineCalled(call: string, ms: number, outcome: EngineCallOutcome): void {
    this.#metrics.engineCalled(call, ms, outcome);
  }

  /** The daemon has looked for containers of its own that it does not know of. */
  lookedForUnowned(found: number): void {
    this.#metrics.lookedForUnowned(found);
  }

  /** A program has been released in its sandbox. */
  handedOut(lane: string, launch: Launch, waits: { queueMs: number; handoutMs: number }): void {
    this.#metrics.handedOut(lane, launch, waits.handoutMs);
    this.#of(lane).handedOut(launch, waits);
  }

  /** One line and one count for each run. Neither has code, output or anything else of the client's but its id. */
  ended(run: Run, { lane, outcome, launch, sandbox, exit, error }: RunRecord): void {
    const known = this.#statistics.has(lane) ? lane : "unknown";
    if (launch !== undefined && exit !== undefined) {
      const { queueMs, firstByteMs, runMs } = exit.timings;
      const { stdout, stderr } = exit.output;
      this.#metrics.runEnded(known, {
        launch,
        outcome,
        queueMs,
        firstByteMs,
        runMs,
        stdoutBytes: stdout.bytes,
        stderrBytes: stderr.bytes,
      });
    } else {
      this.#metrics.runRefused(known, outcome);
    }
    const miss = launch === "warm" ? undefined : run.miss;
    if (miss !== undefined) {
      this.#metrics.missed(known, miss);
      this.#statistics.get(lane)?.missed(miss);
    }
    this.#noteArrival(run, { lane, outcome, runMs: launch === undefined ? undefined : exit?.timings.runMs });
    this.#statistics.get(lane)?.ended(outcome, launch === undefined ? undefined : exit?.timings);
    const line = { run: run.request.id, client: run.client, lane, outcome, launch, miss, sandbox, ...exit };
    if (error === undefined) this.#log.info(line, "run");
    else if (error instanceof DaemonError) this.#log.warn({ ...line, reason: error.message }, "run");
    else this.#log.error({ ...line, err: error }, "run");
  }

  /** For the size of its lane: a run that used a sandbox, or that was sent away because there was none. */
  #noteArrival(run: Run, record: { lane: string; outcome: RunRecord["outcome"]; runMs: number | undefined }): void {
    const { lane, outcome, runMs } = record;
    if (!this.#statistics.has(lane)) return;
    if (runMs === undefined && outcome !== "queue_full" && outcome !== "queue_timeout") return;
    const agoMs = this.#clock.now() - run.receivedAt;
    const line = { t: Date.now() - agoMs, lane, ms: runMs ?? null };
    if (!isAmount(line.t) || (line.ms !== null && !isAmount(line.ms))) return;
    this.arrivals.add(line);
    this.#arrivalLog?.add(line);
  }

  #of(lane: string): LaneStatistics {
    return this.#statistics.get(lane) ?? new LaneStatistics();
  }

  /** Writes what waits to be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#arrivalLog?.[Symbol.asyncDispose]();
  }
}
