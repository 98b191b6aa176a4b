import { z } from "zod";
import { laneLimits } from "./messages.js";

const count = z.int().nonnegative();
const milliseconds = z.number().nonnegative();

export const LANE_STATES = ["starting", "ready", "degraded", "closing"] as const;

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
    warmTarget: count,
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
    byReason: z.record(z.string(), count).describe("How runs ended: exit reasons, and error codes."),
  }),
  hitRate: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("Share of runs that found a ready sandbox; null before the first."),
  handoutMs: percentiles.describe(
    "From a request (after any wait) to the program's release, over the last 1,024 runs.",
  ),
  firstByteMs: percentiles.describe("From a request to the first output, over the last 1,024 runs."),
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
