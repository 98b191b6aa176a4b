import type { Config } from "../config/schema.js";
import type { SizedLane } from "../sizing/advise.js";
import type { RefillTimes } from "./refill-times.js";

const MIB = 1024 * 1024;

/** What a simulation has to know to size lanes as they are configured. */
export interface SizedLanes {
  readonly lanes: Readonly<Record<string, SizedLane>>;
  readonly maxConcurrentStarts: number;
  readonly memoryBudgetBytes: number | null;
}

/** The lanes of a configuration, as a simulation takes them. @param timesOf what making and removing a sandbox of a lane takes */
export function sizedLanes({ lanes, engine, sizing }: Config, timesOf: (lane: string) => RefillTimes): SizedLanes {
  const { windowMs, holdMs, memoryBudgetMiB } = sizing;
  return {
    lanes: Object.fromEntries(
      Object.entries(lanes).map(([name, { warm: configured, maxSandboxes, maxQueued, queueTimeoutMs }]) => {
        const warm =
          typeof configured === "number"
            ? configured
            : { ...configured, sandboxBytes: configured.idleMiB * MIB, windowMs, holdMs };
        return [name, { warm, maxSandboxes, maxQueued, queueTimeoutMs, ...timesOf(name) }];
      }),
    ),
    maxConcurrentStarts: engine.maxConcurrentStarts,
    memoryBudgetBytes: memoryBudgetMiB === null ? null : memoryBudgetMiB * MIB,
  };
}
