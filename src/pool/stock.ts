import { setMaxListeners } from "node:events";
import { createPool, type Pool } from "generic-pool";
import type { Clock } from "../clock.js";
import type { Sandbox } from "./sandbox.js";

/** For how long there may be more than the target because a line asked for it, in ms: long enough for the next burst. */
const SURPLUS_MS = 60_000;

declare module "generic-pool" {
  // Its minimum is read wherever it matters, but nothing of the public surface sets it: a lane's target changes while it lives.
  interface Pool<T> {
    readonly _config: { min: number };
    _ensureMinimum(this: Pool<T>): void;
  }
}

/** What the pool keeps. Empty only while closing: a creation may not reject (see below), so it ends with nothing. */
interface Slot {
  readonly sandbox: Sandbox | undefined;
}

export interface StockOptions {
  /** Ready sandboxes to keep. */
  readonly warm: number;
  /** Most sandboxes in stock or in creation. */
  readonly max: number;
  /** Makes one; keeps trying until it succeeds or the signal is aborted, and only then rejects. */
  readonly create: (signal: AbortSignal) => Promise<Sandbox>;
  /** Offers a ready sandbox. @returns whether somebody took it */
  readonly offer: (sandbox: Sandbox) => boolean;
  /**
   * Does what a run need not wait for. To forget a sandbox that was taken and to begin another takes 0.3 ms where caches are
   * cold, on the processor that the program's first line has to come through.
   */
  readonly later: (task: () => void) => void;
  readonly clock: Clock;
}

/**
 * The ready sandboxes of a lane, kept by generic-pool, which knows loans where we have consumption. Confined to this file:
 *
 * - A sandbox that is taken is destroyed, as far as the pool is concerned, at once: the pool counts loans toward its
 *   minimum, and would start the replacement only when the run ends.
 * - `create` never rejects: the pool retries a rejected creation without any pause while somebody waits, and never again
 *   when nobody does.
 * - One ready sandbox is always taken out in advance, so that most runs do not wait for the pool's own dealings.
 * - Its minimum follows the lane's target: the field behind it is set, and what is too many is evicted here, one at a time.
 *   The pool's own eviction counts only what it has idle, not the one that is taken out in advance, and would leave that many
 *   above the minimum for ever.
 * - Nobody waits in the pool's own line, which has no bound, no order among clients and no way out: waiting is the lane's.
 */
export class Stock {
  readonly #options: StockOptions;
  readonly #closing = new AbortController();
  readonly #pool: Pool<Slot>;
  #warmTarget: number;
  #hasStarted = false;
  /** There is more than the target, perhaps still in creation, and it is to go: the target has fallen, or no line came for it. */
  #hasSurplus = false;
  /** Whether more than the target is given its time. */
  #isWatchingSurplus = false;
  #isTrimming = false;
  readonly #warm = new Set<Sandbox>();
  /** Requests to the pool that it has not answered. */
  #outstanding = 0;
  /** The next to be taken: the pool has given it out already, because to ask it takes 0.3 ms (docs/performance.md). */
  #inHand: Slot | undefined;

  constructor(options: StockOptions) {
    this.#options = options;
    this.#warmTarget = options.warm;
    // Every creation listens to it, as many as there may be sandboxes: no leak, whatever Node's default of 10 says.
    setMaxListeners(0, this.#closing.signal);
    this.#pool = createPool<Slot>(
      {
        create: () => this.#create(),
        destroy: (slot) => {
          this.#destroy(slot);
          return Promise.resolve();
        },
        validate: (slot) => Promise.resolve(isUsable(slot)),
      },
      {
        min: options.warm,
        max: options.max,
        autostart: false,
        testOnBorrow: true,
        fifo: true,
        evictionRunIntervalMillis: 0,
      },
    );
  }

  /** Ready sandboxes that nobody has taken. */
  get ready(): number {
    return this.#warm.size;
  }

  start(): void {
    this.#hasStarted = true;
    this.#pool.start();
  }

  /** Keeps another number ready: what is missing is begun at once; what is too many is evicted, one after the other. */
  resize(warm: number): void {
    this.#warmTarget = warm;
    this.#pool._config.min = warm;
    if (!this.#hasStarted || this.#closing.signal.aborted) return;
    this.#pool._ensureMinimum();
    this.#hasSurplus = this.#pool.size > warm;
    void this.#trim();
  }

  /** Hands out a ready sandbox at once, if there is one in hand; its replacement begins a little later. */
  take(): Sandbox | undefined {
    let taken: Sandbox | undefined;
    this.#give((sandbox) => {
      taken = sandbox;
      return true;
    });
    return taken;
  }

  /** Sees to it that as many sandboxes will be offered as are wanted now, creating more where the stock is too small. */
  request(wanted: number): void {
    const missing = wanted > 0 && this.#give(this.#options.offer) ? wanted - 1 : wanted;
    while (this.#outstanding < missing && !this.#closing.signal.aborted) {
      this.#outstanding += 1;
      void this.#take();
    }
  }

  /** More than the target was made, for a line that did not take it: it goes where nobody has come for it after a while. */
  #watchSurplus(): void {
    const { signal } = this.#closing;
    if (this.#isWatchingSurplus || this.#pool.size <= this.#warmTarget || signal.aborted) return;
    this.#isWatchingSurplus = true;
    this.#options.clock.sleep(SURPLUS_MS, { signal }).then(
      () => {
        this.#isWatchingSurplus = false;
        this.#hasSurplus = this.#pool.size > this.#warmTarget;
        void this.#trim();
      },
      () => undefined, // Closing, which evicts everything.
    );
  }

  /** Evicts what the target does not cover. */
  async #trim(): Promise<void> {
    if (this.#isTrimming) return;
    this.#isTrimming = true;
    while (this.#hasSurplus && this.#warm.size > this.#warmTarget && !this.#closing.signal.aborted) {
      if (this.#pool.available > 0) await this.#evictNext();
      else if (this.#inHand !== undefined) this.#evictInHand(this.#inHand);
      else break;
    }
    if (this.#pool.size <= this.#warmTarget) this.#hasSurplus = false;
    this.#isTrimming = false;
  }

  /** The pool has no other way to one of its own than to ask for it. */
  async #evictNext(): Promise<void> {
    const slot = await this.#pool.acquire().catch(() => undefined); // Draining.
    if (slot?.sandbox === undefined) return;
    this.#warm.delete(slot.sandbox);
    if (!isUsable(slot) || !this.#options.offer(slot.sandbox)) void slot.sandbox.evict();
    await this.#pool.destroy(slot);
  }

  #evictInHand({ sandbox }: Slot): void {
    if (sandbox === undefined) return;
    this.#warm.delete(sandbox);
    this.#letGo();
    void sandbox.evict();
  }

  /** Evicts all that is ready; the pool makes others. */
  empty(): void {
    for (const sandbox of this.#warm) void sandbox.evict();
    this.#warm.clear();
    this.#letGo();
    this.#purge();
  }

  /**
   * Ends creations, and evicts all that is in stock. Settles when nothing is created any more; the removals, which an
   * engine may hold up, are the runtime's to wait for.
   */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the stock is closing"));
    for (const sandbox of this.#warm) void sandbox.evict();
    this.#warm.clear();
    this.#letGo();
    await this.#pool.drain();
    await this.#pool.clear();
  }

  async #take(): Promise<void> {
    let slot: Slot;
    try {
      slot = await this.#pool.acquire();
    } catch {
      // The pool is draining.
      return;
    } finally {
      this.#outstanding -= 1;
    }
    const { sandbox } = slot;
    if (sandbox !== undefined && !this.#closing.signal.aborted && isUsable(slot)) {
      // Out of the count first: whoever takes it may ask for the stock's size.
      this.#warm.delete(sandbox);
      if (this.#options.offer(sandbox)) {
        this.#consumeSoon(slot);
        return;
      }
      this.#warm.add(sandbox);
      if (this.#inHand === undefined) this.#inHand = slot;
      else await this.#pool.release(slot);
      if (this.#hasSurplus) void this.#trim();
      else this.#watchSurplus();
      return;
    }
    await this.#consume(slot);
  }

  /** Gives what is in hand to whom takes it. @returns whether somebody did */
  #give(offer: (sandbox: Sandbox) => boolean): boolean {
    const slot = this.#inHand;
    if (slot?.sandbox === undefined || !isUsable(slot)) return false;
    // Out of the count first: whoever takes it may ask for the stock's size.
    this.#warm.delete(slot.sandbox);
    this.#inHand = undefined;
    if (offer(slot.sandbox)) {
      this.#consumeSoon(slot);
      return true;
    }
    this.#warm.add(slot.sandbox);
    this.#inHand = slot;
    return false;
  }

  #consumeSoon(slot: Slot): void {
    this.#options.later(() => void this.#consume(slot));
  }

  /** The pool forgets a sandbox that was taken, and begins another. */
  async #consume(slot: Slot): Promise<void> {
    await this.#pool.destroy(slot);
    this.#reach();
  }

  /** Takes the next one in hand, if there is one; nothing is created for that. */
  #reach(): void {
    if (this.#inHand === undefined && this.#outstanding === 0 && this.#pool.available > 0) this.request(1);
  }

  /** Gives what is in hand back, which is of no use any more. */
  #letGo(): void {
    const slot = this.#inHand;
    this.#inHand = undefined;
    if (slot !== undefined) void this.#pool.destroy(slot);
  }

  async #create(): Promise<Slot> {
    let sandbox: Sandbox;
    try {
      sandbox = await this.#options.create(this.#closing.signal);
    } catch {
      // Only a closing stock ends a creation so.
      return { sandbox: undefined };
    }
    if (this.#closing.signal.aborted) {
      void sandbox.evict();
      return { sandbox: undefined };
    }
    this.#warm.add(sandbox);
    void sandbox.channel.over.then(() => {
      if (!this.#warm.delete(sandbox)) return;
      void sandbox.evict();
      if (this.#inHand?.sandbox === sandbox) this.#letGo();
      this.#purge();
    });
    // Once the pool has it.
    setImmediate(() => {
      this.#reach();
      if (this.#hasSurplus) void this.#trim();
      else this.#watchSurplus();
    });
    return { sandbox };
  }

  /** The pool removes a dead sandbox only when it comes across it: everything in stock is asked for once, and goes back. */
  #purge(): void {
    if (!this.#closing.signal.aborted) this.request(this.#outstanding + this.#pool.available);
  }

  #destroy({ sandbox }: Slot): void {
    // A leased one belongs to its run.
    if (sandbox === undefined || sandbox.state === "leased") return;
    this.#warm.delete(sandbox);
    // Not awaited: the pool has no use for the outcome, and would wait for it at `clear`.
    void sandbox.evict();
  }
}

/** Whether a sandbox can still be handed out. An empty slot counts, so that a closing pool does not replace it for ever. */
function isUsable({ sandbox }: Slot): boolean {
  return sandbox === undefined || sandbox.state === "warm";
}
