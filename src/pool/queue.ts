import type { Clock } from "../clock.js";
import { deferred } from "../deferred.js";
import { outwait } from "../patience.js";
import { QueueFullError, QueueTimeoutError } from "./errors.js";
import type { Sandbox } from "./sandbox.js";
import { type Asker, type Waiter, WaitingLine } from "./waiting-line.js";

/** When to try again, in ms, where nothing is known of how long it may take. */
const ASSUMED_ETA_MS = 1_000;
/** Between looks whether anybody still waits, in ms. */
const EMPTY_POLL_MS = 50;

/**
 * How often those that wait are told where they are by now, in ms, and how many of them at most each time: every departure
 * moves all that are behind it, and to tell each of a thousand of each is a million messages. The interval grows with the
 * line, so that counting through it takes a bounded share of the time.
 */
const PLACES_INTERVAL_MS = 250;
const PLACES_AT_ONCE = 100;
const WAITERS_PER_MS = 100;
/** A place is told anew when it has changed by a tenth; up to the tenth place, that is always. */
const NOTABLE_SHARE = 0.1;

/** Ends what waited beside a wait. Made once: an abort without a reason makes an exception each time, stack and all. */
const SERVED = new Error("the wait is over");

/** A run that has to wait for a sandbox, and on which terms. */
export interface QueuedRun extends Asker {
  /** How long it waits at most, in ms. */
  readonly queueMs: number;
  /** Aborting leaves the line at once. */
  readonly signal: AbortSignal;
  /** Hears of the place in the line, from 1, when the run has to wait and when that has changed notably. */
  readonly onQueued: (position: number, etaMs: number | null) => void;
}

export interface QueueOptions {
  readonly lane: string;
  /** Sandboxes of the lane in whatever state, at most. */
  readonly maxSandboxes: number;
  readonly startsInParallel: number;
  readonly clock: Clock;
  /** What it takes lately until a sandbox that was begun is ready, in ms; null before the first. */
  readonly refillMs: () => number | null;
  /** Somebody who waits may be served by now, who could not be before. */
  readonly onRoom: () => void;
}

/**
 * The runs that wait for a lane's sandboxes: bounded, each told its place, and none for longer than it may. Whose turn it
 * is, is the line's to say.
 */
export class Queue {
  readonly #options: QueueOptions;
  readonly #line: WaitingLine;
  /** Whether places are others than those that were told. */
  #hasMoved = false;
  /** Present while somebody waits: ends the looks at the line. */
  #watch: AbortController | undefined;

  constructor(options: QueueOptions) {
    const { maxSandboxes, clock } = options;
    this.#options = options;
    this.#line = new WaitingLine({ maxSandboxes, now: () => clock.now() });
  }

  get length(): number {
    return this.#line.length;
  }

  /** Those that wait for nothing but a sandbox: who has its share of them waits for others first. */
  get servable(): number {
    return this.#line.servable;
  }

  /** Whether a ready sandbox may go to this client, past all that wait. */
  mayTake(asker: Asker): boolean {
    return this.#line.mayTake(asker);
  }

  /** A client has got a sandbox. @returns what to call when that is gone */
  hold(asker: Asker): () => void {
    const release = this.#line.hold(asker);
    return () => {
      release();
      if (this.#line.length > 0) this.#options.onRoom();
    };
  }

  /**
   * Lets a run wait behind so many others, or refuses it. Where as many wait as may, a client that has fewer in the line
   * than another takes the place of that one's latest run.
   * @throws QueueTimeoutError when it may not wait at all, QueueFullError when as many wait as may
   */
  admit(run: QueuedRun, { behind, maxQueued }: { behind: number; maxQueued: number }): void {
    const { lane } = this.#options;
    const retryAfterMs = this.#retryAfterMs(behind + 1);
    if (run.queueMs === 0) throw new QueueTimeoutError(lane, 0, retryAfterMs);
    if (behind < maxQueued) return;
    const all = this.#line.length;
    const displaced = maxQueued === 0 ? undefined : this.#line.displaceFor(run);
    if (displaced === undefined)
      throw new QueueFullError(lane, { all, own: this.#line.waitingOf(run), isDisplaced: false }, retryAfterMs);
    displaced.waiter.reject(new QueueFullError(lane, { all, own: displaced.waiting, isDisplaced: true }, retryAfterMs));
    this.#hasMoved = true;
  }

  /**
   * Waits in the line for a sandbox.
   * @param onLate for a run to which a ready sandbox should come within this turn of the event loop, as it does to most:
   * only where it does not is this called, does its time begin, and is it told its place
   * @throws QueueTimeoutError, QueueFullError, what all that wait are refused with, or the signal's reason
   */
  async wait(run: QueuedRun, onLate?: () => void): Promise<Sandbox> {
    const { promise, resolve, reject } = deferred<Sandbox>();
    const waiter: Waiter = { client: run.client, party: run.party, resolve, reject, place: 0 };
    let isOver = false;
    let over: AbortController | undefined;
    const begin = (): void => {
      if (isOver) return;
      onLate?.();
      over = new AbortController();
      this.#watchOver(waiter, run, over.signal);
    };
    this.#line.join(waiter);
    if (onLate === undefined) begin();
    else setImmediate(begin);
    try {
      return await promise;
    } finally {
      isOver = true;
      over?.abort(SERVED);
    }
  }

  /** Gives a ready sandbox to whose turn it is. @returns whether anybody waited who may have it */
  serve(sandbox: Sandbox): boolean {
    const waiter = this.#line.next();
    if (waiter === undefined) return false;
    sandbox.markLeased(this.hold(waiter));
    waiter.resolve(sandbox);
    this.#moved();
    return true;
  }

  /** Sends all away that wait. */
  refuse(error: Error): void {
    for (const waiter of [...this.#line]) {
      this.#line.leave(waiter);
      waiter.reject(error);
    }
    this.#moved();
  }

  /** Settles when nobody waits any more. @throws the signal's reason */
  async emptied(signal: AbortSignal): Promise<void> {
    while (this.#line.length > 0) await this.#options.clock.sleep(EMPTY_POLL_MS, { signal });
  }

  /** Lets a run wait: told its place, out of the line when it is aborted or its time is up. */
  #watchOver(waiter: Waiter, { signal, queueMs, onQueued }: QueuedRun, over: AbortSignal): void {
    const { lane, clock } = this.#options;
    const leave = (error: Error): void => {
      if (this.#line.leave(waiter)) this.#moved();
      waiter.reject(error);
    };
    const onAbort = (): void => {
      leave(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { signal: over });
    waiter.onPlace = (place) => {
      waiter.place = place;
      onQueued(place, this.#etaMs(place));
    };
    waiter.onPlace(this.#line.placeOfLast(waiter));
    this.#moved();
    outwait(queueMs, { clock, signal: over }).then(
      () => {
        leave(new QueueTimeoutError(lane, queueMs, this.#retryAfterMs(1)));
      },
      () => undefined,
    );
  }

  /** The line has changed: who waits is told where it is now, a little later and all changes at once. */
  #moved(): void {
    this.#hasMoved = true;
    if (this.#line.length === 0) {
      this.#watch?.abort(SERVED);
      this.#watch = undefined;
    } else if (this.#watch === undefined) {
      this.#watch = new AbortController();
      this.#lookWhileTheyWait(this.#watch.signal).catch((error: unknown) => {
        if (error !== SERVED) throw error;
      });
    }
  }

  async #lookWhileTheyWait(signal: AbortSignal): Promise<void> {
    const { clock, onRoom } = this.#options;
    for (;;) {
      await clock.sleep(Math.max(PLACES_INTERVAL_MS, this.#line.length / WAITERS_PER_MS), { signal });
      if (this.#hasMoved) this.#tellPlaces();
      // Time alone may have made room: places are kept for a while only for clients that stay away.
      onRoom();
    }
  }

  /** Tells those who wait where they are now, where that has changed notably: the front first, and so many at once. */
  #tellPlaces(): void {
    this.#hasMoved = false;
    let [place, told] = [0, 0];
    for (const waiter of this.#line) {
      place += 1;
      if (waiter.onPlace === undefined || Math.abs(waiter.place - place) <= waiter.place * NOTABLE_SHARE) continue;
      if (told === PLACES_AT_ONCE) {
        this.#hasMoved = true;
        return;
      }
      told += 1;
      waiter.onPlace(place);
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
