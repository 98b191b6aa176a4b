import { z } from "zod";
import { laneLimits } from "./messages.js";

const count = z.int().nonnegative();
const milliseconds = z.number().nonnegative();

export const LANE_STATES = ["starting", "ready", "degraded", "closing"] as const;

/** Percentiles and histograms are taken over so many values each, the last ones; descriptions and documents name the number. */
export const STATISTICS_WINDOW = 1_024;

/** Steps of a sandbox's life whose times are measured: how long each call to the engine takes, and the way to `ready`. */
export const REFILL_STEPS = ["create", "attach", "start", "ready", "remove"] as const;
export type RefillStep = (typeof REFILL_STEPS)[number];

/**
 * Why a run finds no ready sandbox, the first that holds:
 *
 * - `creating_fails`: the last attempt to make one failed.
 * - `held`: nothing is handed out, because what sandboxes rely on, such as the network's rules, is being mended.
 * - `starting`: the stock has not been full since the lane began.
 * - `saturated`: all sandboxes that the lane may have are in use, or on their way out.
 * - `refill_behind`: the stock has not been full for longer than filling it takes: more runs come than sandboxes can be made.
 * - `stock_empty`: more runs came at once than the stock holds, which may be none.
 */
export const MISS_REASONS = [
  "creating_fails",
  "held",
  "starting",
  "saturated",
  "refill_behind",
  "stock_empty",
] as const;
export type MissReason = (typeof MISS_REASONS)[number];

/**
 * What decided how many sandboxes an adaptive lane keeps ready:
 *
 * - `rate`: so many runs come that this takes, on average.
 * - `burst`: so many come within the time of one refill.
 * - `min`, `max`: its own bounds.
 * - `memory`: its share of what the stocks of all adaptive lanes may weigh.
 */
export const WARM_REASONS = ["rate", "burst", "min", "max", "memory"] as const;
export type WarmReason = (typeof WARM_REASONS)[number];

/** Percentiles over the last runs of a lane; null before the first. */
const percentiles = z.object({ p50: milliseconds, p90: milliseconds, p99: milliseconds }).nullable();

export const laneReport = z.object({
  name: z.string(),
  state: z.enum(LANE_STATES),
  reason: z
    .string()
    .nullable()
    .describe("Why the lane cannot make sandboxes, and the fix; null unless it is degraded."),
  limits: laneLimits,
  stock: z.object({
    warm: count.describe("Ready sandboxes."),
    warmTarget: count.describe("Ready sandboxes that the lane keeps at present."),
    sizing: z
      .object({ min: count, max: count, target: z.number(), reason: z.enum(WARM_REASONS) })
      .nullable()
      .describe("Bounds, wanted hit rate, and what decided `warmTarget`; null where the size is fixed."),
    creating: count,
    leased: count,
    evicting: count,
    max: count,
  }),
  waiting: count.describe("Runs that wait for a sandbox."),
  runs: z.object({
    total: count,
    warm: count.describe("Runs that found a ready sandbox."),
    cold: count,
    refused: count.describe("Runs that got no sandbox at all."),
    misses: z
      .record(z.enum(MISS_REASONS), count)
      .describe("Runs that found no ready sandbox, whether they got one later or not, by why there was none."),
    byReason: z.record(z.string(), count).describe("How runs ended: exit reasons, and error codes."),
  }),
  hitRate: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("Share of runs that found a ready sandbox; null before the first."),
  queueMs: percentiles.describe("Wait for a sandbox, over the last 1,024 runs that got one."),
  handoutMs: percentiles.describe(
    "From a request (after any wait) to the program's release, over the last 1,024 runs.",
  ),
  firstByteMs: percentiles.describe("From a request to the first output, over the last 1,024 runs."),
  refillMs: z
    .record(z.enum(REFILL_STEPS), percentiles)
    .describe("Steps of making a sandbox, and of removing one, over the last 1,024 of each."),
});

/** The answer of `GET /v1/lanes`. */
export const lanesReport = z.object({
  server: z.string(),
  uptimeMs: milliseconds,
  connections: count,
  lanes: z.array(laneReport),
});

export type LaneReport = z.infer<typeof laneReport>;
export type LanesReport = z.infer<typeof lanesReport>;
