import type { Clock } from "../clock.js";
import { deferred } from "../deferred.js";
import { QueueFullError, QueueTimeoutError } from "./errors.js";
import type { Sandbox } from "./sandbox.js";
import { type Waiter, WaitingLine } from "./waiting-line.js";

/** When to try again, in ms, where nothing is known of how long it may take. */
const ASSUMED_ETA_MS = 1_000;
/** Between looks whether anybody still waits, in ms. */
const EMPTY_POLL_MS = 50;

/** Ends what waited beside a wait. Made once: an abort without a reason makes an exception each time, stack and all. */
const SERVED = new Error("the wait is over");

/** A run that has to wait for a sandbox, and on which terms. */
export interface QueuedRun {
  /** Whoever asks: clients take turns in the line. */
  readonly client: string;
  /** How long it waits at most, in ms. */
  readonly queueMs: number;
  /** Aborting leaves the line at once. */
  readonly signal: AbortSignal;
  /** Hears of the place in the line, from 1, when the run has to wait and whenever it moves up. */
  readonly onQueued: (position: number, etaMs: number | null) => void;
}

export interface QueueOptions {
  readonly lane: string;
  readonly startsInParallel: number;
  readonly clock: Clock;
  /** What it takes lately until a sandbox that was begun is ready, in ms; null before the first. */
  readonly refillMs: () => number | null;
}

/**
 * The runs that wait for a lane's sandboxes: bounded, each told its place, and none for longer than it may. Whose turn it
 * is, is the line's to say.
 */
export class Queue {
  readonly #options: QueueOptions;
  readonly #line = new WaitingLine();

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#line.length;
  }

  /**
   * Lets a run wait behind so many others, or refuses it.
   * @throws QueueTimeoutError when it may not wait at all, QueueFullError when as many wait as may
   */
  admit({ queueMs }: QueuedRun, { behind, maxQueued }: { behind: number; maxQueued: number }): void {
    const { lane } = this.#options;
    if (queueMs === 0) throw new QueueTimeoutError(lane, 0, this.#retryAfterMs(behind + 1));
    if (behind >= maxQueued) throw new QueueFullError(lane, this.#line.length, this.#retryAfterMs(behind + 1));
  }

  /**
   * Waits in the line for a sandbox.
   * @param onLate for a run to which a ready sandbox should come within this turn of the event loop, as it does to most:
   * only where it does not is this called, does its time begin, and is it told its place
   * @throws QueueTimeoutError, what all that wait are refused with, or the signal's reason
   */
  async wait(run: QueuedRun, onLate?: () => void): Promise<Sandbox> {
    const { promise, resolve, reject } = deferred<Sandbox>();
    const waiter: Waiter = { client: run.client, resolve, reject, place: 0 };
    let isServed = false;
    let served: AbortController | undefined;
    const begin = (): void => {
      if (isServed) return;
      onLate?.();
      served = new AbortController();
      this.#watchOver(waiter, run, served.signal);
    };
    this.#line.join(waiter);
    if (onLate === undefined) begin();
    else setImmediate(begin);
    try {
      return await promise;
    } finally {
      isServed = true;
      served?.abort(SERVED);
    }
  }

  /** Gives a ready sandbox to whose turn it is. @returns whether anybody waited */
  serve(sandbox: Sandbox): boolean {
    const waiter = this.#line.next();
    if (waiter === undefined) return false;
    sandbox.markLeased();
    waiter.resolve(sandbox);
    this.#tellPlaces();
    return true;
  }

  /** Sends all away that wait. */
  refuse(error: Error): void {
    for (let waiter = this.#line.next(); waiter !== undefined; waiter = this.#line.next()) waiter.reject(error);
  }

  /** Settles when nobody waits any more. @throws the signal's reason */
  async emptied(signal: AbortSignal): Promise<void> {
    while (this.#line.length > 0) await this.#options.clock.sleep(EMPTY_POLL_MS, { signal });
  }

  /** Lets a run wait: told its place, out of the line when it is aborted or its time is up. */
  #watchOver(waiter: Waiter, { signal, queueMs, onQueued }: QueuedRun, served: AbortSignal): void {
    const { lane, clock } = this.#options;
    const leave = (error: Error): void => {
      if (this.#line.leave(waiter)) this.#tellPlaces();
      waiter.reject(error);
    };
    const onAbort = (): void => {
      leave(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { signal: served });
    waiter.onPlace = (place) => {
      onQueued(place, this.#etaMs(place));
    };
    this.#tellPlaces();
    clock.sleep(queueMs, { signal: served }).then(
      () => {
        leave(new QueueTimeoutError(lane, queueMs, this.#retryAfterMs(1)));
      },
      () => undefined,
    );
  }

  /** Tells those who wait where they are now, where that has changed. */
  #tellPlaces(): void {
    let place = 0;
    for (const waiter of this.#line) {
      place += 1;
      if (waiter.place === place) continue;
      waiter.place = place;
      waiter.onPlace?.(place);
    }
  }

  #etaMs(place: number): number | null {
    const { startsInParallel, refillMs } = this.#options;
    const ms = refillMs();
    return ms === null ? null : Math.round(Math.ceil(place / startsInParallel) * ms);
  }

  #retryAfterMs(place: number): number {
    return this.#etaMs(place) ?? ASSUMED_ETA_MS;
  }
}
