import { isDeepStrictEqual } from "node:util";
import type { WebSocket } from "ws";
import type { Clock } from "../clock.js";
import type { LanesReport } from "../protocol/lanes.js";
import { type LaneNow, RECENT_RUNS, WATCH_VERSION, type WatchAdvice, type WatchMessage } from "../protocol/watch.js";
import { Watcher } from "./watcher.js";
import type { WatchRecord } from "./watch-record.js";

/** Between two looks at what has changed, in ms: more often than people see, and often enough for a strip to look alive. */
const LOOK_MS = 250;
/** A full report sorts thousands of values: once in so many looks. */
const LOOKS_PER_REPORT = 4;
/** The one before the present is told as well: it may have grown after the last look at it. */
const TOLD_BUCKETS = 2;
/** Who may watch at once: each gets a copy of everything. */
export const MAX_WATCHERS = 50;

export interface WatchersOptions {
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly record: WatchRecord;
  /** The lanes as they are now; asked for often, so it must be cheap. */
  readonly lanes: () => LaneNow[];
  readonly report: () => LanesReport;
  readonly advice: () => WatchAdvice;
  /** How long a watcher may take nothing at all, in ms. */
  readonly slowClientMs: () => number;
}

/**
 * Who watches the daemon. Nothing is done while nobody does. Else one look, four times a second, makes the messages for
 * all: how many watch, and how many runs end, changes little of what it costs.
 */
export class Watchers implements Disposable {
  readonly #options: WatchersOptions;
  readonly #watchers = new Set<Watcher>();
  #looking: AbortController | undefined;
  #looks = 0;
  /** What was told last. */
  #lanes: LaneNow[] = [];
  #figures: unknown;
  #arrivals: unknown;
  #advice: WatchAdvice = { state: "off" };
  #toldRuns = 0;

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Tells this one everything, and from then on what changes. */
  add(socket: WebSocket): void {
    const watcher = new Watcher(socket, {
      clock: this.#options.clock,
      slowClientMs: this.#options.slowClientMs(),
      onClose: () => {
        this.#watchers.delete(watcher);
        if (this.#watchers.size === 0) this.#stop();
      },
    });
    this.#watchers.add(watcher);
    if (this.#looking === undefined) this.#start();
    watcher.sendSnapshot(JSON.stringify(this.#snapshot()));
  }

  ping(): void {
    for (const watcher of this.#watchers) watcher.ping();
  }

  /** Says good-bye to all. */
  close(code: number, reason: string): void {
    this.#stop();
    for (const watcher of this.#watchers) watcher.close(code, reason);
  }

  [Symbol.dispose](): void {
    this.#stop();
    for (const watcher of this.#watchers) watcher.terminate();
  }

  #start(): void {
    const { record, lanes, advice } = this.#options;
    this.#toldRuns = record.ended;
    this.#lanes = lanes();
    this.#advice = advice();
    this.#figures = undefined;
    this.#arrivals = record.arrivals(TOLD_BUCKETS);
    this.#looking = new AbortController();
    void this.#lookOften(this.#looking.signal);
  }

  #stop(): void {
    this.#looking?.abort(new Error("nobody watches"));
    this.#looking = undefined;
  }

  async #lookOften(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(LOOK_MS, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.#look();
    }
  }

  #look(): void {
    this.#looks += 1;
    const messages = [...this.#changes()].map((message) => JSON.stringify(message));
    let snapshot: string | undefined;
    for (const watcher of this.#watchers) {
      if (watcher.needsSnapshot) watcher.sendSnapshot((snapshot ??= JSON.stringify(this.#snapshot())));
      else for (const message of messages) watcher.send(message);
    }
  }

  *#changes(): Generator<WatchMessage> {
    const { record, advice } = this.#options;
    const lanes = this.#options.lanes();
    if (!isDeepStrictEqual(lanes.map(nameOf), this.#lanes.map(nameOf))) {
      // Others than before: nothing that was told still fits.
      for (const watcher of this.#watchers) watcher.forget();
    }
    if (!isDeepStrictEqual(lanes, this.#lanes)) yield { type: "lanes", lanes };
    this.#lanes = lanes;

    const runs = record.runsAfter(this.#toldRuns);
    if (runs.length > 0) yield { type: "runs", runs };
    this.#toldRuns = record.ended;

    const arrivals = record.arrivals(TOLD_BUCKETS);
    if (!isDeepStrictEqual(arrivals, this.#arrivals)) yield { type: "arrivals", ...arrivals };
    this.#arrivals = arrivals;

    const counsel = advice();
    if (counsel !== this.#advice) yield { type: "advice", advice: counsel };
    this.#advice = counsel;

    if (this.#looks % LOOKS_PER_REPORT === 0) yield* this.#changedFigures();
  }

  *#changedFigures(): Generator<WatchMessage> {
    const { record } = this.#options;
    // What it would tell changes with these, but for the time that the daemon is up.
    const depends = [record.ended, record.engine, this.#lanes];
    if (isDeepStrictEqual(depends, this.#figures)) return;
    this.#figures = depends;
    yield {
      type: "figures",
      report: this.#options.report(),
      engine: record.engine,
      latencies: record.latencies(),
    };
  }

  #snapshot(): WatchMessage {
    const { record, report, advice, epochMs } = this.#options;
    return {
      type: "snapshot",
      version: WATCH_VERSION,
      at: epochMs(),
      report: report(),
      engine: record.engine,
      latencies: record.latencies(),
      runs: record.runsAfter(record.ended - RECENT_RUNS),
      arrivals: record.arrivals(),
      advice: advice(),
    };
  }
}

function nameOf({ name }: LaneNow): string {
  return name;
}
