import { z } from "zod";
import { ERROR_CODES } from "./error-codes.js";
import { EXIT_REASONS } from "./exit.js";
import { laneReport, lanesReport, MISS_REASONS } from "./lanes.js";
import { LAUNCHES } from "./messages.js";

/** Version of what `GET /v1/watch` sends, told in every snapshot. It changes only when a message changes its meaning. */
export const WATCH_VERSION = 1;

/** Finished runs that a snapshot brings along. */
export const RECENT_RUNS = 200;

/** Arrivals are counted over so many ms each, and kept for so many counts: ten minutes. */
export const ARRIVAL_BUCKET_MS = 5_000;
export const ARRIVAL_BUCKETS = 120;

/** The bins of a histogram of latencies: ten for each power of ten from 0.1 ms to 100 s. The last has all beyond. */
export const LATENCY_BINS = 60;
const BINS_PER_DECADE = 10;
const FIRST_EDGE_MS = 0.1;

/** Which bin a latency falls into. */
export function latencyBin(ms: number): number {
  const bin = Math.floor(BINS_PER_DECADE * Math.log10(Math.max(ms, FIRST_EDGE_MS) / FIRST_EDGE_MS));
  return Math.min(bin, LATENCY_BINS - 1);
}

/** Where a bin begins, in ms. */
export function latencyBinEdge(bin: number): number {
  return FIRST_EDGE_MS * 10 ** (bin / BINS_PER_DECADE);
}

const count = z.int().nonnegative();
const milliseconds = z.number().nonnegative();
const epochMs = z.number().describe("In ms since 1970, by the daemon's clock.");

/** A run that is over. Nothing of the client's: no id, no code, no output, no names. */
export const runSummary = z.object({
  n: count.describe("Counts the runs of this daemon, from 0."),
  at: epochMs,
  lane: z.string().nullable().describe("Null where the client named one that does not exist."),
  outcome: z.enum([...EXIT_REASONS, ...ERROR_CODES]),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  sandbox: z.string().nullable(),
  launch: z.enum(LAUNCHES).nullable(),
  miss: z.enum(MISS_REASONS).nullable(),
  queueMs: milliseconds,
  handoutMs: milliseconds,
  firstByteMs: milliseconds.nullable(),
  runMs: milliseconds.nullable().describe("Null for a run that got no sandbox."),
  outputBytes: count,
});

const arrivalCounts = z
  .tuple([count, count, count])
  .describe("Runs that found a ready sandbox, that had to wait for one, and that got none.");

const arrivals = z.object({
  endsAt: epochMs.describe("The end of the last bucket, in ms since 1970."),
  lanes: z.record(z.string(), z.array(arrivalCounts)).describe("Counts for each bucket, oldest first."),
});

const engineHealth = z.object({
  calls: count.describe("Calls to the engine since the daemon's start."),
  failed: count.describe("Those that got no answer, or none in time."),
  isAnswering: z.boolean().describe("Whether the last call got an answer."),
  lastFailure: z.object({ call: z.string(), at: epochMs }).nullable(),
});

const latencies = z
  .record(z.string(), z.array(count))
  .describe("For each lane, how many of its last 1,024 first bytes fell into each bin.");

const laneAdvice = z.object({
  lane: z.string(),
  runs: count,
  present: count
    .nullable()
    .describe("Sandboxes that the lane is configured to keep ready; null where that follows the runs."),
  recommended: count,
  isReached: z.boolean().describe("Whether any size reaches the target."),
  reason: z.string().describe("One sentence."),
});

export const watchAdvice = z.discriminatedUnion("state", [
  z
    .object({ state: z.literal("off") })
    .describe("Nothing is recorded. Daemons of this version always record, in memory where no file is configured."),
  z.object({ state: z.literal("pending") }),
  z.object({ state: z.literal("failed"), message: z.string() }),
  z.object({
    state: z.literal("ready"),
    at: epochMs,
    targetHitRate: z.number(),
    hours: z.number().nonnegative().describe("Time that the record spans."),
    lanes: z.array(laneAdvice),
  }),
]);

const laneNow = laneReport.pick({ name: true, state: true, reason: true, stock: true, waiting: true });

/** Everything as it is now: the first message, and again when a watcher has missed something or the lanes are others. */
export const watchSnapshot = z.object({
  type: z.literal("snapshot"),
  version: z.int(),
  at: epochMs,
  report: lanesReport,
  engine: engineHealth,
  latencies,
  runs: z.array(runSummary).describe("The last runs that ended, oldest first."),
  arrivals,
  advice: watchAdvice,
});

/** Everything that the daemon sends to who watches it. */
export const watchMessage = z.discriminatedUnion("type", [
  watchSnapshot,
  z.object({ type: z.literal("lanes"), lanes: z.array(laneNow) }),
  z.object({ type: z.literal("runs"), runs: z.array(runSummary) }),
  z.object({ type: z.literal("figures"), report: lanesReport, engine: engineHealth, latencies }),
  z
    .object({ type: z.literal("arrivals"), ...arrivals.shape })
    .describe(
      "The last two buckets of each lane. Comes with every new bucket, so a daemon is never silent for longer.",
    ),
  z.object({ type: z.literal("advice"), advice: watchAdvice }),
]);

export type RunSummary = z.infer<typeof runSummary>;
export type ArrivalCounts = z.infer<typeof arrivalCounts>;
export type Arrivals = z.infer<typeof arrivals>;
export type EngineHealth = z.infer<typeof engineHealth>;
export type Latencies = z.infer<typeof latencies>;
export type LaneNow = z.infer<typeof laneNow>;
export type WatchAdvice = z.infer<typeof watchAdvice>;
export type WatchSnapshot = z.infer<typeof watchSnapshot>;
export type WatchMessage = z.infer<typeof watchMessage>;
