import { closeSync, openSync, writeSync } from "node:fs";

/**
 * Whoever holds this open keeps Linux from letting idle processors sleep so deeply that waking takes longer than the number
 * written to it, in µs (Documentation/admin-guide/pm/cpuidle.rst, "Power Management Quality of Service for CPUs").
 */
const DEVICE = "/dev/cpu_dma_latency";

/** What Linux was asked for: how long an idle processor of this machine may take to wake. Ends with the process at the latest. */
export class CpuLatency implements Disposable {
  readonly #device: string;
  readonly #onRefused: (error: Error) => void;
  #held: { fd: number; us: number } | undefined;
  #isRefused = false;

  /** @param onRefused called once, should Linux not take it; it is not asked again then */
  constructor(onRefused: (error: Error) => void, device = DEVICE) {
    this.#onRefused = onRefused;
    this.#device = device;
  }

  /** @param us in microseconds, whole; null asks for nothing any more. Does nothing when it stands already. */
  ask(us: number | null): void {
    if (this.#isRefused || us === (this.#held?.us ?? null)) return;
    this[Symbol.dispose]();
    if (us === null) return;
    try {
      const fd = openSync(this.#device, "r+");
      this.#held = { fd, us };
      // A signed number of four bytes, in the order of the machine.
      writeSync(fd, Buffer.from(Int32Array.of(us).buffer));
    } catch (error) {
      this[Symbol.dispose]();
      this.#isRefused = true;
      this.#onRefused(error as Error);
    }
  }

  [Symbol.dispose](): void {
    if (this.#held !== undefined) closeSync(this.#held.fd);
    this.#held = undefined;
  }
}
