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
  readonly #lanes: ReadonlyMap<string, Lane>;

  constructor(lanes: Iterable<Lane>) {
    this.#lanes = new Map([...lanes].map((lane) => [lane.name, lane]));
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
    await Promise.all([...this.#lanes.values()].map((lane) => lane[Symbol.asyncDispose]()));
  }
}
