import type { Clock } from "../clock.js";
import type { RunnerChannel } from "../container/runner-channel.js";
import { dealtWith } from "../patience.js";

/** How often is looked whether the runner was listened to, in ms. */
const LOOK_MS = 100;

export interface SilenceOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long nobody may listen, because the client does not read, in ms. */
  readonly unreadMs: number;
  /** Called once when that is over: something has to give way. */
  readonly onUnread: () => void;
}

/**
 * Settles when a runner that was listened to for so long has said nothing in all that time.
 *
 * Only time in which its words were read counts: not while the client holds the run back, not while words still come, and
 * not while the whole process stood still.
 * @throws the signal's reason when it is aborted first
 */
export async function outlastSilence(
  channel: Pick<RunnerChannel, "hearings" | "isPaused">,
  ms: number,
  { clock, signal, unreadMs, onUnread }: SilenceOptions,
): Promise<void> {
  let unreadLeft: number | undefined = unreadMs;
  for (let left = ms; left > 0;) {
    if (channel.isPaused && unreadLeft !== undefined && unreadLeft <= 0) {
      unreadLeft = undefined;
      onUnread();
    }
    const step = Math.min(left, LOOK_MS);
    const { hearings, isPaused } = channel;
    await clock.sleep(step, { signal });
    // A timer fires before what has arrived is read, if the process stood still.
    await dealtWith();
    signal.throwIfAborted();
    if (isPaused) unreadLeft = unreadLeft === undefined ? undefined : unreadLeft - step;
    else if (channel.hearings === hearings) left -= step;
  }
}
