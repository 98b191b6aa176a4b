import type { LanesReport } from "../protocol/lanes.js";
import { HEADWAY_MS } from "./headway.js";

/** How long a lane takes to make a ready sandbox, and to have a used one gone. */
export interface RefillTimes {
  readonly refillMs: number;
  readonly removeMs: number;
}

/** What is assumed where nobody measured: a sandbox in a lane with a network, on two cores that do other things too. */
export const ASSUMED_TIMES: RefillTimes = { refillMs: 250, removeMs: 100 };

/**
 * A lane's times from its report: the medians of the steps, and the moment that the run before has to itself.
 * @returns undefined before the first refill
 */
export function measuredTimes({ lanes }: LanesReport, name: string): RefillTimes | undefined {
  const steps = lanes.find((lane) => lane.name === name)?.refillMs;
  const { create, attach, start, ready, remove } = steps ?? {};
  if (!create || !attach || !start || !ready) return undefined;
  const refillMs = Math.round(HEADWAY_MS + create.p50 + attach.p50 + start.p50 + ready.p50);
  return { refillMs, removeMs: Math.round(remove?.p50 ?? ASSUMED_TIMES.removeMs) };
}
