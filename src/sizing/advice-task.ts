import { z } from "zod";
import type { PackedArrivals } from "./arrival-memory.js";
import type { WatchAdvice } from "../protocol/watch.js";

const whole = z.number().nonnegative();

/** What the thread that replays the record is given. */
export const adviceTask = z.object({
  /** The record: a file, or what was kept in memory. */
  record: z.union([z.string(), z.custom<PackedArrivals>((value) => typeof value === "object" && value !== null)]),
  lanes: z.record(
    z.string(),
    z.object({
      warm: z.union([
        whole,
        z.object({
          min: whole,
          max: whole,
          target: z.number(),
          sandboxBytes: whole,
          windowMs: whole,
          holdMs: whole,
        }),
      ]),
      maxSandboxes: whole,
      maxQueued: whole,
      queueTimeoutMs: whole,
      refillMs: whole,
      removeMs: whole,
    }),
  ),
  maxConcurrentStarts: whole,
  memoryBudgetBytes: whole.nullable(),
  targetHitRate: z.number(),
});

export type AdviceTask = z.infer<typeof adviceTask>;

type Ready = Extract<WatchAdvice, { state: "ready" }>;

/** What it answers. */
export type WorkerAnswer = Pick<Ready, "hours" | "lanes"> | { readonly problem: string };
