import { forEachBounded } from "../bounded.js";
import { running } from "../containers.js";
import type { Engine } from "../engine.js";

const LABEL = "matchbox-bench-sleeper";
/** Not `infinity`: should the bench be killed, they end by themselves after an hour, and the engine removes them. */
const SLEEP_S = 3_600;
/** More gains nothing, as in the daemon. */
const STARTS_AT_ONCE = 2;

/** Plain containers that sleep; gone when disposed of. */
export class Sleepers implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #image: string;
  readonly #owner = String(process.pid);

  constructor(engine: Engine, image: string) {
    this.#engine = engine;
    this.#image = image;
  }

  /** @returns their ids @throws the signal's reason */
  async start(count: number, signal: AbortSignal): Promise<string[]> {
    const ids: string[] = [];
    await forEachBounded(Array.from({ length: count }), STARTS_AT_ONCE, async () => {
      signal.throwIfAborted();
      const id = await this.#engine.create({
        ...running(this.#image, ["sleep", String(SLEEP_S)]),
        Labels: { [LABEL]: this.#owner },
        HostConfig: { AutoRemove: true },
      });
      await this.#engine.start(id);
      ids.push(id);
    });
    return ids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ids = await this.#engine.labelled(LABEL, this.#owner);
    await forEachBounded(ids, STARTS_AT_ONCE, (id) => this.#engine.remove(id));
  }
}
