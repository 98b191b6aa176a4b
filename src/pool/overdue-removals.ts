import type { DaemonError } from "../errors.js";
import type { Sandbox } from "./sandbox.js";

/** A removal that has failed and lasts longer than this counts as one that cannot be done, in ms. */
const OVERDUE_MS = 5_000;

/** What stands in a lane's way that the engine does not remove. */
export interface OverdueRemovals {
  readonly count: number;
  readonly words: string;
}

/** The sandboxes of a lane that are on their way out, and those of them that the engine fails to remove. */
export class Removals {
  readonly #now: () => number;
  /** Since when; in that order. */
  readonly #since = new Map<Sandbox, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(sandbox: Sandbox): void {
    this.#since.set(sandbox, this.#now());
  }

  end(sandbox: Sandbox): void {
    this.#since.delete(sandbox);
  }

  /** Undefined where all goes well. */
  get overdue(): OverdueRemovals | undefined {
    const before = this.#now() - OVERDUE_MS;
    let count = 0;
    let fault: DaemonError | undefined;
    for (const [sandbox, since] of this.#since) {
      if (since > before) break;
      if (sandbox.removalFault === undefined) continue;
      count += 1;
      fault = sandbox.removalFault;
    }
    if (fault === undefined) return undefined;
    const what =
      count === 1
        ? "1 sandbox cannot be removed and keeps its place"
        : `${count} sandboxes cannot be removed and keep their places`;
    return { count, words: `${what} among maxSandboxes: ${fault.message}` };
  }
}
