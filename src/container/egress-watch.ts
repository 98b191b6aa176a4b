import type { Clock } from "../clock.js";
import { DeadlineError, withDeadline } from "../deadline.js";
import { deferred } from "../deferred.js";

/** What is watched: the rules of one bridge. */
export interface Watched {
  /** Whether the bridge is there and its packets pass the rules; costs next to nothing. */
  glance(): Promise<boolean>;
  /** Tells of changes as they happen; see `EgressHost.monitor`. */
  monitor(options: { onChange: () => void; onEnd: () => void }): Disposable;
}

/** Between glances, in ms; where nobody tells of changes, between looks at the tables too. */
const GLANCE_MS = 2_000;
/** Between looks that nothing asked for, and between attempts to find somebody who tells of changes, in ms. */
const LOOK_MS = 30_000;
/**
 * After a look, in ms: an engine that makes a network changes the tables ten times, and a host that bans addresses all the
 * time. A look costs two processes.
 */
const PAUSE_MS = 250;

/**
 * Calls `look` whenever the rules may have been undone: right after any change to the firewall, where the host tells of
 * changes, else every other second; and when the bridge is gone or its packets pass by the rules. One call at a time.
 * @returns when the signal is aborted; rejects with nothing
 */
export async function watchRules(
  watched: Watched,
  options: { clock: Clock; signal: AbortSignal; look: () => Promise<void> },
): Promise<void> {
  const { clock, signal, look } = options;
  let bell = deferred<undefined>();
  let monitor: Disposable | undefined;
  let monitoredAt = -Infinity;
  let lookedAt = -Infinity;
  const listen = (): void => {
    monitoredAt = clock.now();
    monitor = watched.monitor({
      onChange: () => {
        bell.resolve(undefined);
      },
      onEnd: () => {
        monitor = undefined;
        bell.resolve(undefined);
      },
    });
  };
  try {
    for (;;) {
      if (monitor === undefined && clock.now() - monitoredAt >= LOOK_MS) listen();
      const rung = await within(bell.promise, { clock, ms: GLANCE_MS, signal });
      // Changes from now on are for the look after this one.
      bell = deferred();
      const isDue = rung || monitor === undefined || clock.now() - lookedAt >= LOOK_MS;
      if (!isDue && (await watched.glance())) continue;
      lookedAt = clock.now();
      await look();
      await clock.sleep(PAUSE_MS, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    monitor?.[Symbol.dispose]();
  }
}

/** Waits, but not for longer than that. @returns whether it was worth the wait; @throws the signal's reason */
async function within(
  promise: Promise<unknown>,
  options: { clock: Clock; ms: number; signal: AbortSignal },
): Promise<boolean> {
  try {
    await withDeadline(options, () => promise);
    return true;
  } catch (error) {
    if (error instanceof DeadlineError) return false;
    throw error;
  }
}
