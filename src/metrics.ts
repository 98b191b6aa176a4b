import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { isAmount } from "./amount.js";
import type { Clock } from "./clock.js";
import type { EngineCallOutcome } from "./container/runtime.js";
import { MISS_REASONS, type MissReason, type RefillStep, WARM_REASONS, type WarmReason } from "./protocol/lanes.js";
import type { Launch } from "./protocol/messages.js";
import type { Log } from "./log.js";

/** From 0.1 ms, where a warm hand-out is, to 30 s, where a starved one ends; in seconds. */
const LATENCY_BUCKETS_S = [
  0.0001, 0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
  2.5, 5, 10, 30,
];
/** From 1 ms to a minute: the steps of a refill, in seconds. */
const REFILL_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 15, 60];

/** From 20 ms to 5 s by a quarter each: fine enough to draw a refill's time from, as a simulation does. */
const MADE_BUCKETS_S = [
  0.02, 0.025, 0.031, 0.039, 0.049, 0.061, 0.076, 0.095, 0.12, 0.15, 0.18, 0.23, 0.28, 0.35, 0.44, 0.55, 0.69, 0.86,
  1.1, 1.35, 1.7, 2.1, 2.6, 3.3, 4.1, 5,
];

/** A metric that cannot be read is told of no more often than this, in ms. */
const FAILURE_TOLD_MS = 3_600_000;

const STATES = ["creating", "warm", "leased", "evicting"] as const;

/** What is asked of a lane when Prometheus reads. */
interface LaneFigures {
  readonly name: string;
  readonly waiting: number;
  readonly counts: Readonly<Record<(typeof STATES)[number], number>>;
  readonly warmTarget: number;
  /** Null where the size is fixed. */
  readonly sizing: { readonly min: number; readonly max: number; readonly reason: WarmReason } | null;
}

/** What the gauges of the present are made from. */
export interface MetricsSources {
  readonly lanes: () => Iterable<LaneFigures>;
  readonly connections: () => number;
  /** Lines of the log that could not be written, since the start. */
  readonly droppedLogLines: () => number;
}

export interface MetricsOptions {
  readonly sources: MetricsSources;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * What Prometheus reads. Labels have few values: lane, launch, outcome, step, state; never an id. A value that is no amount is
 * left out and counted, since one would make a sum read NaN for good; a metric that cannot be read costs none of the others.
 */
export class Metrics {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #registry = new Registry();
  /** Of metrics, which do not tell their own. */
  readonly #names: ReadonlyMap<object, string>;
  readonly #dropped: Counter<"metric">;
  readonly #failed: Counter<"metric">;
  /** When a metric's failure was last told of. */
  readonly #failureTold = new Map<string, number>();
  readonly #droppedTold = new Set<string>();
  readonly #handout: Histogram<"lane" | "launch">;
  readonly #firstByte: Histogram<"lane" | "launch">;
  readonly #queue: Histogram<"lane" | "launch">;
  readonly #runSeconds: Histogram<"lane">;
  readonly #runs: Counter<"lane" | "outcome">;
  readonly #refill: Histogram<"lane" | "step">;
  readonly #made: Histogram<"lane">;
  readonly #target: Gauge<"lane">;
  readonly #bounds: Gauge<"lane" | "bound">;
  readonly #targetReason: Gauge<"lane" | "reason">;
  readonly #degraded: Gauge<"lane">;
  readonly #sandboxes: Gauge<"lane" | "state">;
  readonly #waiting: Gauge<"lane">;
  readonly #outputBytes: Counter<"lane" | "stream">;
  readonly #misses: Counter<"lane" | "reason">;
  readonly #unowned: Gauge;
  readonly #engineCalls: Histogram<"call" | "outcome">;

  constructor({ sources, clock, log }: MetricsOptions) {
    this.#clock = clock;
    this.#log = log;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#handout = new Histogram({
      name: "matchbox_handout_seconds",
      help: "From a request (after any wait) to the program's release in its sandbox.",
      labelNames: ["lane", "launch"],
      buckets: LATENCY_BUCKETS_S,
      registers,
    });
    this.#firstByte = new Histogram({
      name: "matchbox_first_byte_seconds",
      help: "From a request to the first output of its program.",
      labelNames: ["lane", "launch"],
      buckets: LATENCY_BUCKETS_S,
      registers,
    });
    this.#queue = new Histogram({
      name: "matchbox_queue_seconds",
      help: "Wait for a sandbox.",
      labelNames: ["lane", "launch"],
      buckets: LATENCY_BUCKETS_S,
      registers,
    });
    this.#runSeconds = new Histogram({
      name: "matchbox_run_seconds",
      help: "From a program's release to its end.",
      labelNames: ["lane"],
      buckets: LATENCY_BUCKETS_S,
      registers,
    });
    this.#runs = new Counter({
      name: "matchbox_runs_total",
      help: "Runs by how they ended: an exit reason, or the error code of a run that Matchbox failed.",
      labelNames: ["lane", "outcome"],
      registers,
    });
    this.#refill = new Histogram({
      name: "matchbox_refill_step_seconds",
      help: "Steps of making a ready sandbox.",
      labelNames: ["lane", "step"],
      buckets: REFILL_BUCKETS_S,
      registers,
    });
    this.#made = new Histogram({
      name: "matchbox_refill_seconds",
      help: "Making a ready sandbox, all steps together, without waiting for a turn.",
      labelNames: ["lane"],
      buckets: MADE_BUCKETS_S,
      registers,
    });
    this.#target = new Gauge({
      name: "matchbox_warm_target_sandboxes",
      help: "Ready sandboxes that the lane keeps at present.",
      labelNames: ["lane"],
      registers,
      collect: () => {
        for (const { name: lane, warmTarget } of sources.lanes()) this.#set(this.#target, { lane }, warmTarget);
      },
    });
    this.#bounds = new Gauge({
      name: "matchbox_warm_target_bound_sandboxes",
      help: "Fewest (min) and most (max) ready sandboxes of a lane whose size follows the runs.",
      labelNames: ["lane", "bound"],
      registers,
      collect: () => {
        this.#bounds.reset();
        for (const { name: lane, sizing } of sources.lanes()) {
          if (sizing === null) continue;
          this.#set(this.#bounds, { lane, bound: "min" }, sizing.min);
          this.#set(this.#bounds, { lane, bound: "max" }, sizing.max);
        }
      },
    });
    this.#targetReason = new Gauge({
      name: "matchbox_warm_target_reason",
      help: "1 for what decided the present size of a lane that follows the runs: rate, burst, min, max, memory; else 0.",
      labelNames: ["lane", "reason"],
      registers,
      collect: () => {
        this.#targetReason.reset();
        for (const { name: lane, sizing } of sources.lanes()) {
          if (sizing === null) continue;
          for (const reason of WARM_REASONS) this.#targetReason.set({ lane, reason }, Number(sizing.reason === reason));
        }
      },
    });
    this.#degraded = new Gauge({
      name: "matchbox_lane_degraded",
      help: "1 while the engine cannot make sandboxes for the lane.",
      labelNames: ["lane"],
      registers,
    });
    this.#outputBytes = new Counter({
      name: "matchbox_output_bytes_total",
      help: "Bytes that programs wrote.",
      labelNames: ["lane", "stream"],
      registers,
    });
    this.#misses = new Counter({
      name: "matchbox_misses_total",
      help: "Runs that found no ready sandbox, by why there was none.",
      labelNames: ["lane", "reason"],
      registers,
    });
    this.#unowned = new Gauge({
      name: "matchbox_unowned_containers",
      help: "Containers with our label that the engine had and the daemon did not know of, when it last looked; they are removed.",
      registers,
    });
    this.#engineCalls = new Histogram({
      name: "matchbox_engine_call_seconds",
      help: "Calls to the container engine by outcome: ok, refused (its own answer, such as that a container is gone), failed.",
      labelNames: ["call", "outcome"],
      buckets: REFILL_BUCKETS_S,
      registers,
    });
    // Read when somebody asks, so that a hand-out pays nothing for them.
    this.#sandboxes = new Gauge({
      name: "matchbox_sandboxes",
      help: "Sandboxes by state: creating, warm (the stock), leased, evicting.",
      labelNames: ["lane", "state"],
      registers,
      collect: () => {
        for (const { name: lane, counts } of sources.lanes()) {
          for (const state of STATES) this.#set(this.#sandboxes, { lane, state }, counts[state]);
        }
      },
    });
    this.#waiting = new Gauge({
      name: "matchbox_waiting_runs",
      help: "Runs that wait for a sandbox.",
      labelNames: ["lane"],
      registers,
      collect: () => {
        for (const lane of sources.lanes()) this.#set(this.#waiting, { lane: lane.name }, lane.waiting);
      },
    });
    const connections = new Gauge({
      name: "matchbox_connections",
      help: "Open WebSocket connections.",
      registers,
      collect: () => {
        this.#set(connections, {}, sources.connections());
      },
    });
    const droppedLogLines = new Counter({
      name: "matchbox_log_lines_dropped_total",
      help: "Lines of the log that were dropped, because stdout was full, closed or unread for too long.",
      registers,
      collect: () => {
        const lines = sources.droppedLogLines();
        droppedLogLines.reset();
        if (this.#isAmount(droppedLogLines, lines)) droppedLogLines.inc(lines);
      },
    });
    // Last, so that a scrape has what came of the metrics before.
    this.#dropped = new Counter({
      name: "matchbox_values_dropped_total",
      help: "Values that were no amount (NaN, infinite or negative), and were left out of a metric.",
      labelNames: ["metric"],
      registers,
    });
    this.#failed = new Counter({
      name: "matchbox_metrics_failed_total",
      help: "How often a metric could not be read, and was left out of an answer to Prometheus.",
      labelNames: ["metric"],
      registers,
    });
    const names = this.#registry.getMetricsAsArray().map((metric) => [metric, metric.name] as const);
    this.#names = new Map(names);
  }

  /** What Prometheus reads: every metric that can be read at present. */
  async exposition(): Promise<string> {
    const texts: string[] = [];
    for (const name of this.#names.values()) {
      try {
        texts.push(await this.#registry.getSingleMetricAsString(name));
      } catch (error) {
        this.#readingFailed(name, error);
      }
    }
    return `${texts.join("\n\n")}\n`;
  }

  #readingFailed(metric: string, error: unknown): void {
    this.#failed.inc({ metric });
    const toldAt = this.#failureTold.get(metric);
    if (toldAt !== undefined && this.#clock.now() - toldAt < FAILURE_TOLD_MS) return;
    this.#failureTold.set(metric, this.#clock.now());
    this.#log.error({ metric, err: error }, "a metric could not be read, and is left out of /metrics until it can");
  }

  /** Makes a lane's series exist from the start, so that a rate over them is right from the first run on. */
  addLane(lane: string): void {
    this.#degraded.set({ lane }, 0);
    this.#handout.zero({ lane, launch: "warm" });
    this.#handout.zero({ lane, launch: "cold" });
    for (const reason of MISS_REASONS) this.#misses.inc({ lane, reason }, 0);
  }

  /** Counts of what has happened stay; what is there now is no more. */
  removeLane(lane: string): void {
    for (const gauge of [this.#target, this.#degraded, this.#waiting]) gauge.remove({ lane });
    for (const state of STATES) this.#sandboxes.remove({ lane, state });
  }

  missed(lane: string, reason: MissReason): void {
    this.#misses.inc({ lane, reason });
  }

  /** The daemon has looked for containers of its own that it does not know of. */
  lookedForUnowned(found: number): void {
    this.#set(this.#unowned, {}, found);
  }

  engineCalled(call: string, ms: number, outcome: EngineCallOutcome): void {
    this.#observe(this.#engineCalls, { call, outcome }, ms / 1000);
  }

  refillStep(lane: string, step: RefillStep, ms: number): void {
    this.#observe(this.#refill, { lane, step }, ms / 1000);
  }

  made(lane: string, ms: number): void {
    this.#observe(this.#made, { lane }, ms / 1000);
  }

  laneDegraded(lane: string, degraded: boolean): void {
    this.#degraded.set({ lane }, degraded ? 1 : 0);
  }

  handedOut(lane: string, launch: Launch, handoutMs: number): void {
    this.#observe(this.#handout, { lane, launch }, handoutMs / 1000);
  }

  /** A run that got a sandbox has ended. */
  runEnded(
    lane: string,
    run: {
      launch: Launch;
      outcome: string;
      queueMs: number;
      firstByteMs: number | null;
      runMs: number;
      stdoutBytes: number;
      stderrBytes: number;
    },
  ): void {
    const { launch } = run;
    this.#runs.inc({ lane, outcome: run.outcome });
    this.#observe(this.#queue, { lane, launch }, run.queueMs / 1000);
    if (run.firstByteMs !== null) this.#observe(this.#firstByte, { lane, launch }, run.firstByteMs / 1000);
    this.#observe(this.#runSeconds, { lane }, run.runMs / 1000);
    if (this.#isAmount(this.#outputBytes, run.stdoutBytes))
      this.#outputBytes.inc({ lane, stream: "stdout" }, run.stdoutBytes);
    if (this.#isAmount(this.#outputBytes, run.stderrBytes))
      this.#outputBytes.inc({ lane, stream: "stderr" }, run.stderrBytes);
  }

  /** A run ended without ever getting a sandbox. @param lane a configured one, or "unknown": never a client's word */
  runRefused(lane: string, outcome: string): void {
    this.#runs.inc({ lane, outcome });
  }

  #observe<Label extends string>(
    histogram: Histogram<Label>,
    labels: Partial<Record<Label, string>>,
    seconds: number,
  ): void {
    if (this.#isAmount(histogram, seconds)) histogram.observe(labels, seconds);
  }

  #set<Label extends string>(gauge: Gauge<Label>, labels: Partial<Record<Label, string>>, value: number): void {
    if (this.#isAmount(gauge, value)) gauge.set(labels, value);
    // What it was before is not what it is now.
    else gauge.remove(labels);
  }

  /** Counts what is none; the log has the first of each metric. */
  #isAmount(of: object, value: number): boolean {
    if (isAmount(value)) return true;
    const metric = this.#names.get(of) ?? "unknown";
    this.#dropped.inc({ metric });
    if (!this.#droppedTold.has(metric)) {
      this.#droppedTold.add(metric);
      const line = { metric, value: String(value) };
      this.#log.warn(
        line,
        "a value is no amount and was left out of a metric; matchbox_values_dropped_total counts those that follow",
      );
    }
    return false;
  }
}
