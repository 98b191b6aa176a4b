import { setTimeout as sleep } from "node:timers/promises";

/** Time, as a constructor argument, so that tests can hold it in their hands. */
export interface Clock {
  /** Monotonic, in ms, with fractions. */
  now(): number;
  /** @throws the signal's reason when it is aborted first */
  sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: async (ms, options = {}) => {
    try {
      await sleep(ms, undefined, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw error;
    }
  },
};

/** Milliseconds without digits that no clock has measured. */
export function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
