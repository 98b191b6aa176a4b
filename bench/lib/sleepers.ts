import { forEachBounded } from "./bounded.js";
import type { Engine } from "./engine.js";
import { onInterrupt } from "./on-interrupt.js";

const LABEL = "matchbox-bench-sleeper";
/** Not `infinity`: should the bench be killed, they end by themselves after an hour, and the engine removes them. */
const SLEEP_S = 3_600;
/** More gains nothing, as in the daemon. */
const STARTS_AT_ONCE = 2;

/** Plain containers that sleep; gone when disposed of, or when the process is told to stop. */
export class Sleepers implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #image: string;
  readonly #owner = String(process.pid);
  readonly #interrupt: Disposable;
  #isClosing = false;

  constructor(engine: Engine, image: string) {
    this.#engine = engine;
    this.#image = image;
    this.#interrupt = onInterrupt(() => this.#removeAll());
  }

  /** @returns their ids */
  async start(count: number): Promise<string[]> {
    const ids: string[] = [];
    await forEachBounded(Array.from({ length: count }), STARTS_AT_ONCE, async () => {
      if (this.#isClosing) throw new Error("the containers are being removed");
      ids.push(await this.#engine.start(this.#image, ["sleep", String(SLEEP_S)], { [LABEL]: this.#owner }));
    });
    return ids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#removeAll();
    this.#interrupt[Symbol.dispose]();
  }

  /** Twice: one that was being started when a signal came is there a moment later. */
  async #removeAll(): Promise<void> {
    this.#isClosing = true;
    for (let round = 0; round < 2; round += 1) {
      const ids = await this.#engine.labelled(LABEL, this.#owner);
      await forEachBounded(ids, STARTS_AT_ONCE, (id) => this.#engine.remove(id));
    }
  }
}
