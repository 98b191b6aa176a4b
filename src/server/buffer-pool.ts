/**
 * What one buffer holds, and how many wait to be used again. The size is that of a whole piece of output with a few escapes;
 * larger ones would cost memory for each message that is on its way to a slow client.
 */
const POOLED_BYTES = 96 * 1024;
const MAX_IDLE = 8;

/** Buffers that are used again: what is allocated for each message is garbage soon, and looking for it takes its time. */
export class BufferPool {
  readonly #idle: Buffer[] = [];

  /** @returns at least so many bytes, with whatever is in them; to be given back, or not */
  take(bytes: number): Buffer {
    if (bytes > POOLED_BYTES) return Buffer.allocUnsafeSlow(bytes);
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES);
  }

  /** Takes back what `take` gave, and nobody uses any more. */
  give(buffer: Buffer): void {
    if (buffer.length === POOLED_BYTES && this.#idle.length < MAX_IDLE) this.#idle.push(buffer);
  }
}
