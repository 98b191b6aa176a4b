import { messageOf } from "./errors.js";

type Step = () => Promise<void> | void;

/**
 * Teardown in reverse order of set-up: every step runs, once, whatever the others do, and all that failed is told at the
 * end. A step that is added after the start runs at once, so nothing made during a shutdown is left behind.
 */
export class Cleanup implements AsyncDisposable {
  readonly #steps: { name: string; step: Step }[] = [];
  #running: Promise<void> | undefined;

  /** Adds a step; it runs before all those added earlier. */
  async add(name: string, step: Step): Promise<void> {
    if (this.#running === undefined) this.#steps.push({ name, step });
    else await step();
  }

  /** Runs all steps. Every call returns the same promise. @throws AggregateError when steps failed */
  async run(): Promise<void> {
    return (this.#running ??= this.#runAll());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run();
  }

  async #runAll(): Promise<void> {
    const failures: Error[] = [];
    for (let next = this.#steps.pop(); next !== undefined; next = this.#steps.pop()) {
      try {
        await next.step();
      } catch (error) {
        failures.push(new Error(`${next.name}: ${messageOf(error)}`, { cause: error }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map((failure) => failure.message).join("; "));
  }
}
