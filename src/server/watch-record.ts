import { toMicroseconds } from "../clock.js";
import type { Launch } from "../protocol/messages.js";
import { type Arrivals, type EngineHealth, type Latencies, RECENT_RUNS, type RunSummary } from "../protocol/watch.js";
import type { RunRecord } from "../run/execute.js";
import type { Run } from "../run/run.js";
import { ArrivalBuckets } from "./arrival-buckets.js";
import { LatencyHistogram } from "./latency-histogram.js";

export interface WatchRecordOptions {
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  /** Whether there is such a lane: what a client names besides is its own text, and is not shown. */
  readonly isLane: (name: string) => boolean;
}

/**
 * What who watches is told beyond `GET /v1/lanes`. Kept whether anybody watches or not, so that a page that is opened has
 * something to show: each run costs a few numbers in lists that do not grow.
 */
export class WatchRecord {
  readonly #options: WatchRecordOptions;
  readonly #arrivals: ArrivalBuckets;
  readonly #latencies = new Map<string, LatencyHistogram>();
  /** The last runs; the one with number n is at n modulo their number. */
  readonly #runs: RunSummary[] = [];
  #ended = 0;
  #engine: EngineHealth = { calls: 0, failed: 0, isAnswering: true, lastFailure: null };

  constructor(options: WatchRecordOptions) {
    this.#options = options;
    this.#arrivals = new ArrivalBuckets(options.epochMs);
  }

  /** Runs that have ended so far. */
  get ended(): number {
    return this.#ended;
  }

  get engine(): EngineHealth {
    return this.#engine;
  }

  arrivals(buckets?: number): Arrivals {
    return this.#arrivals.last(buckets);
  }

  latencies(): Latencies {
    return Object.fromEntries([...this.#latencies].map(([lane, { counts }]) => [lane, [...counts]]));
  }

  /** Those of the last runs that ended after the first `n`, oldest first. */
  runsAfter(n: number): RunSummary[] {
    const first = Math.max(n, this.#ended - this.#runs.length);
    return Array.from({ length: this.#ended - first }, (_, index) => this.#runs[(first + index) % RECENT_RUNS]).filter(
      (run) => run !== undefined,
    );
  }

  engineCalled(call: string, outcome: "ok" | "refused" | "failed"): void {
    const { calls, failed, lastFailure } = this.#engine;
    const isAnswering = outcome !== "failed";
    this.#engine = {
      calls: calls + 1,
      failed: failed + (isAnswering ? 0 : 1),
      isAnswering,
      lastFailure: isAnswering ? lastFailure : { call, at: this.#options.epochMs() },
    };
  }

  /** A program has been released in its sandbox. */
  handedOut(lane: string, launch: Launch): void {
    this.#arrivals.add(lane, launch);
  }

  runEnded(run: Run, record: RunRecord): void {
    const { launch, exit, outcome, sandbox } = record;
    const lane = this.#options.isLane(record.lane) ? record.lane : null;
    const isServed = launch !== undefined && exit !== undefined;
    if (lane !== null && !isServed) this.#arrivals.add(lane, "refused");
    if (lane !== null && isServed && exit.timings.firstByteMs !== null)
      this.#histogramOf(lane).add(exit.timings.firstByteMs);
    const agoMs = this.#options.now() - run.receivedAt;
    this.#runs[this.#ended % RECENT_RUNS] = {
      n: this.#ended,
      at: Math.round(this.#options.epochMs() - agoMs),
      lane,
      outcome,
      exitCode: exit?.exitCode ?? null,
      signal: exit?.signal ?? null,
      sandbox: sandbox ?? null,
      launch: launch ?? null,
      miss: launch === "warm" ? null : (run.miss ?? null),
      queueMs: exit?.timings.queueMs ?? toMicroseconds(agoMs),
      handoutMs: exit?.timings.handoutMs ?? 0,
      firstByteMs: exit?.timings.firstByteMs ?? null,
      runMs: isServed ? exit.timings.runMs : null,
      outputBytes: exit === undefined ? 0 : exit.output.stdout.bytes + exit.output.stderr.bytes,
    };
    this.#ended += 1;
  }

  #histogramOf(lane: string): LatencyHistogram {
    const histogram = this.#latencies.get(lane) ?? new LatencyHistogram();
    this.#latencies.set(lane, histogram);
    return histogram;
  }
}
