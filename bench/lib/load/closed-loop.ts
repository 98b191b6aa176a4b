/** No loop takes longer to come to its rate, in ms; one that does is stuck. */
const DEADLINE_MS = 120_000;

export interface ClosedLoop {
  /** How many are under way at any moment: the next begins when one is over. */
  readonly inFlight: number;
  /** So many are completed before what counts begins: a stock that was full at first is spent then. */
  readonly leadIn: number;
  /** How long it is measured then. */
  readonly windowMs: number;
  /** Begins one, settles when the next may begin, and calls `onCompleted` when nothing of this one is left. */
  readonly once: (onCompleted: () => void) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * How many a second can be completed, with so many under way.
 * @throws the first failure; the signal's reason; Error when the measurement is not over within two minutes
 */
export async function closedLoopRate({ inFlight, leadIn, windowMs, once, signal }: ClosedLoop): Promise<number> {
  const begin = performance.now();
  const completedMs: number[] = [];
  let rate: number | undefined;
  let hasFailed = false;
  const onCompleted = (): void => {
    completedMs.push(performance.now() - begin);
    rate ??= ratePerS(completedMs, leadIn, windowMs);
  };
  const keepGoing = async (): Promise<void> => {
    try {
      while (rate === undefined && !hasFailed) {
        signal.throwIfAborted();
        if (performance.now() - begin > DEADLINE_MS) {
          throw new Error(`only ${completedMs.length} were completed within ${DEADLINE_MS / 1_000} s`);
        }
        await once(onCompleted);
      }
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: inFlight }, keepGoing));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  if (rate === undefined) throw new Error("the loop has ended without a rate");
  return rate;
}

/**
 * The rate between two completions, the last of the lead-in and the first after the window: from event to event, so that
 * what is half done at either end does not count for or against it.
 * @param completedMs moments of completion in ms, ascending
 * @returns completions a second; undefined while the window is not over
 */
export function ratePerS(completedMs: readonly number[], leadIn: number, windowMs: number): number | undefined {
  const from = completedMs[leadIn - 1];
  if (from === undefined) return undefined;
  const last = completedMs.findIndex((ms, index) => index >= leadIn && ms - from >= windowMs);
  const to = completedMs[last];
  return to === undefined ? undefined : ((last - leadIn + 1) / (to - from)) * 1_000;
}
