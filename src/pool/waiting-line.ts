import type { Sandbox } from "./sandbox.js";

/** A run that waits for a sandbox. */
export interface Waiter {
  /** Whoever asked; runs of one client wait behind each other, clients take turns. */
  readonly client: string;
  readonly resolve: (sandbox: Sandbox) => void;
  readonly reject: (error: Error) => void;
  /** The place last told, from 1; 0 before that. */
  place: number;
  /** Hears of its place; absent for a run that is served at once. */
  onPlace?: (place: number) => void;
}

/**
 * The line in front of a lane's stock: first come, first served within a client, and clients in turn, so that a client
 * with a hundred runs does not starve one with a single run.
 */
export class WaitingLine {
  /** Clients in the order of their turns; a Map keeps the order in which keys were set. */
  readonly #byClient = new Map<string, Waiter[]>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  join(waiter: Waiter): void {
    const own = this.#byClient.get(waiter.client);
    if (own === undefined) this.#byClient.set(waiter.client, [waiter]);
    else own.push(waiter);
    this.#length += 1;
  }

  /** Takes out whose turn it is. */
  next(): Waiter | undefined {
    for (const [client, own] of this.#byClient) {
      const waiter = own.shift();
      this.#byClient.delete(client);
      if (waiter === undefined) continue;
      // Behind all others now.
      if (own.length > 0) this.#byClient.set(client, own);
      this.#length -= 1;
      return waiter;
    }
    return undefined;
  }

  /** Takes one out before its turn. @returns whether it was still there */
  leave(waiter: Waiter): boolean {
    const own = this.#byClient.get(waiter.client);
    const at = own?.indexOf(waiter) ?? -1;
    if (own === undefined || at < 0) return false;
    own.splice(at, 1);
    if (own.length === 0) this.#byClient.delete(waiter.client);
    this.#length -= 1;
    return true;
  }

  /** All that wait, in the order of their turns. */
  *[Symbol.iterator](): Generator<Waiter> {
    const rows = [...this.#byClient.values()];
    for (let turn = 0; rows.some((row) => turn < row.length); turn += 1) {
      for (const row of rows) {
        const waiter = row[turn];
        if (waiter !== undefined) yield waiter;
      }
    }
  }
}
