import type { LaneReport, LanesReport } from "../../protocol/lanes.js";
import {
  ARRIVAL_BUCKET_MS,
  ARRIVAL_BUCKETS,
  type ArrivalCounts,
  type Arrivals,
  type EngineHealth,
  type Latencies,
  RECENT_RUNS,
  type RunSummary,
  type WatchAdvice,
  type WatchMessage,
} from "../../protocol/watch.js";

/** What the page knows, as of the last message. */
export interface Model {
  readonly report: LanesReport;
  readonly engine: EngineHealth;
  readonly latencies: Latencies;
  /** The last runs, oldest first. */
  readonly runs: readonly RunSummary[];
  readonly arrivals: Arrivals;
  readonly advice: WatchAdvice;
}

/** What the page knows after one more message. @returns undefined before the first snapshot */
export function apply(model: Model | undefined, message: WatchMessage): Model | undefined {
  if (message.type === "snapshot") {
    const { report, engine, latencies, runs, arrivals, advice } = message;
    return { report, engine, latencies, runs, arrivals, advice };
  }
  if (model === undefined) return undefined;
  switch (message.type) {
    case "lanes": {
      const now = new Map(message.lanes.map((lane) => [lane.name, lane]));
      const lanes = model.report.lanes.map((lane): LaneReport => ({ ...lane, ...now.get(lane.name) }));
      return { ...model, report: { ...model.report, lanes } };
    }
    case "figures":
      return { ...model, report: message.report, engine: message.engine, latencies: message.latencies };
    case "runs": {
      const last = model.runs.at(-1)?.n ?? -1;
      const fresh = message.runs.filter(({ n }) => n > last);
      return { ...model, runs: [...model.runs, ...fresh].slice(-RECENT_RUNS) };
    }
    case "arrivals":
      return { ...model, arrivals: joined(model.arrivals, message) };
    case "advice":
      return { ...model, advice: message.advice };
    default:
      message satisfies never;
      return model;
  }
}

/** Moves what is known along to where the news ends, and puts the news over its end. */
function joined(known: Arrivals, news: Arrivals): Arrivals {
  const passed = Math.round((news.endsAt - known.endsAt) / ARRIVAL_BUCKET_MS);
  const names = new Set([...Object.keys(known.lanes), ...Object.keys(news.lanes)]);
  const lanes = [...names].map((name): [string, ArrivalCounts[]] => {
    const before = known.lanes[name] ?? [];
    const latest = news.lanes[name] ?? [];
    const none: ArrivalCounts = [0, 0, 0];
    const whole = Array.from({ length: ARRIVAL_BUCKETS }, (_, index): ArrivalCounts => {
      const fromNews = index - (ARRIVAL_BUCKETS - latest.length);
      return latest[fromNews] ?? before[index + passed - (ARRIVAL_BUCKETS - before.length)] ?? none;
    });
    return [name, whole];
  });
  return { endsAt: news.endsAt, lanes: Object.fromEntries(lanes) };
}
