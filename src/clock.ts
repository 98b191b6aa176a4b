import { abortReason } from "./errors.js";

/** Time, as a constructor argument, so that tests can hold it in their hands. */
export interface Clock {
  /** Monotonic, in ms, with fractions. */
  now(): number;
  /** @throws the signal's reason when it is aborted first */
  sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, { signal } = {}) => {
    // Not Node's own: that makes an exception of its own for every sleep that is cut short, and most of a run's are.
    return new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        clearTimeout(timer);
        reject(abortReason(signal));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", wake);
        resolve();
      }, ms);
      if (signal?.aborted === true) wake();
      else signal?.addEventListener("abort", wake, { once: true });
    });
  },
};

/** Milliseconds without digits that no clock has measured. */
export function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
