import { setMaxListeners } from "node:events";
import { DaemonError } from "../errors.js";
import type { Lane } from "./lane.js";

/** A request names a lane that is not configured. */
export class UnknownLaneError extends DaemonError {
  readonly code = "unknown_lane";

  constructor(name: string, known: readonly string[]) {
    super(`There is no lane ${JSON.stringify(name.slice(0, 64))}; there are: ${known.join(", ")}.`);
  }
}

/** The daemon's lanes by name. */
export class Lanes implements AsyncDisposable {
  #lanes: ReadonlyMap<string, Lane>;
  /** Lanes that take nothing new; their last runs still wait in them. */
  readonly #retiring = new Set<Lane>();

  constructor(lanes: Iterable<Lane>) {
    this.#lanes = byName(lanes);
  }

  /** Puts these in the place of all there are. Those that are not among them serve who waits in them, and are closed then. */
  replace(lanes: readonly Lane[]): void {
    for (const lane of this.#lanes.values()) {
      if (lanes.includes(lane)) continue;
      this.#retiring.add(lane);
      void lane.retire().finally(() => this.#retiring.delete(lane));
    }
    this.#lanes = byName(lanes);
  }

  has(name: string): boolean {
    return this.#lanes.has(name);
  }

  /** @throws UnknownLaneError */
  get(name: string): Lane {
    const lane = this.#lanes.get(name);
    if (lane === undefined) throw new UnknownLaneError(name, [...this.#lanes.keys()]);
    return lane;
  }

  [Symbol.iterator](): Iterator<Lane> {
    return this.#lanes.values();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#lanes.values(), ...this.#retiring].map((lane) => lane[Symbol.asyncDispose]()));
  }
}

/** Settles when each is full or degraded. @throws the signal's reason */
export async function settled(lanes: Iterable<Lane>, signal: AbortSignal): Promise<void> {
  // Every lane listens to it, as many as there may be: no leak, whatever Node's default of 10 says.
  setMaxListeners(0, signal);
  await Promise.all([...lanes].map((lane) => lane.settled(signal)));
}

function byName(lanes: Iterable<Lane>): ReadonlyMap<string, Lane> {
  return new Map([...lanes].map((lane) => [lane.name, lane]));
}
