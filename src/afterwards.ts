/**
 * How long something may wait, in ms of the real clock: this is about processors, not about runs. By then a run that was handed
 * out has written, and one that has ended has been heard of by its client.
 */
const DELAY_MS = 5;

/**
 * What is to be done because of a run, but not while somebody waits for that run: counting it, writing its line of the log,
 * having its sandbox replaced. Where caches are cold each takes 0.2 to 0.4 ms, on a processor that the program's first line, or a client on
 * this machine, may need just then. Whoever asks for the accounts catches up first, so nobody sees them behind.
 */
export class Afterwards {
  #tasks: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param task is done within some ms, in the order of coming; must not throw */
  add(task: () => void): void {
    this.#tasks.push(task);
    this.#timer ??= setTimeout(() => {
      this.catchUp();
    }, DELAY_MS);
  }

  /** Does at once what waits. */
  catchUp(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
  }
}
