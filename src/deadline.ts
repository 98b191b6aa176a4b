import type { Clock } from "./clock.js";
import { abortReason } from "./errors.js";
import { outwait } from "./patience.js";

/** A call took longer than it may. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";

  constructor(ms: number) {
    super(`not done within ${ms} ms`);
  }
}

/**
 * Runs a call that may last so long and no longer, whether or not it heeds its signal. An answer that has arrived when the
 * time is over is read first, and time in which the process stood still is made up for (`patience.ts`).
 *
 * Own listeners and not `AbortSignal.any`: the signals here live as long as the daemon, and Node 20 keeps what was derived
 * from them.
 * @throws DeadlineError, the signal's reason, or what the call throws
 */
export async function withDeadline<T>(
  options: { clock: Clock; ms: number; signal?: AbortSignal },
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, ms, signal } = options;
  signal?.throwIfAborted();
  const inner = new AbortController();
  const done = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    inner.signal.addEventListener("abort", () => {
      reject(abortReason(inner.signal));
    });
  });
  const onAbort = (): void => {
    inner.abort(signal?.reason);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  outwait(ms, { clock, signal: done.signal }).then(
    () => {
      inner.abort(new DeadlineError(ms));
    },
    () => undefined,
  );
  try {
    return await Promise.race([call(inner.signal), aborted]);
  } finally {
    done.abort();
    signal?.removeEventListener("abort", onAbort);
  }
}
