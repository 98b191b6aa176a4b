/** Time in one turn of the event loop for the messages of all clients together, in ms; then everybody else has a turn. */
const TURN_MS = 4;

/**
 * Shares the event loop's turns out among connections. Whoever finds a turn used up waits for the next one, in the order of
 * asking, so that neither many small messages in one packet nor many clients at once keep other requests waiting.
 */
export class Turns {
  #spentMs = 0;
  #isOver = false;
  #waiting: (() => void)[] = [];

  /** @param again is called in a later turn if this one has no time left @returns whether there is time now */
  ask(again: () => void): boolean {
    if (!this.#isOver) return true;
    this.#waiting.push(again);
    return false;
  }

  /** Accounts for work that was done in this turn. */
  spend(ms: number): void {
    this.#spentMs += ms;
    if (this.#isOver || this.#spentMs < TURN_MS) return;
    this.#isOver = true;
    setImmediate(() => {
      this.#spentMs = 0;
      this.#isOver = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const again of waiting) again();
    });
  }
}
