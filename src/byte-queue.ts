/**
 * Sizes of the blocks that bytes are copied into. A larger least one wastes memory where little waits; a smaller one costs
 * more objects where much waits in small pieces.
 */
const MIN_BLOCK_BYTES = 4 * 1024;
const MAX_BLOCK_BYTES = 64 * 1024;

/**
 * Bytes that wait, first in, first out. They are copied into blocks: a million pieces of one byte cost what a megabyte
 * costs, and no piece keeps the larger buffer alive that it was cut from.
 */
export class ByteQueue {
  readonly #blocks: Buffer[] = [];
  /** Where the first block's bytes begin and the last block's end. */
  #start = 0;
  #end = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Buffer): void {
    this.#length += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const last = this.#blocks.at(-1);
      if (last === undefined || this.#end === last.length) {
        const missing = bytes.length - at;
        this.#blocks.push(Buffer.allocUnsafeSlow(Math.min(Math.max(missing, MIN_BLOCK_BYTES), MAX_BLOCK_BYTES)));
        this.#end = 0;
        continue;
      }
      const copied = bytes.copy(last, this.#end, at);
      this.#end += copied;
      at += copied;
    }
  }

  /** Takes the first bytes out, as many as there are up to `count`. */
  take(count: number): Buffer {
    const taken = Buffer.allocUnsafe(Math.min(count, this.#length));
    this.#pass(taken.length, (part, at) => part.copy(taken, at));
    return taken;
  }

  /** Throws the first bytes away. */
  drop(count: number): void {
    this.#pass(Math.min(count, this.#length), () => undefined);
  }

  /** A byte that waits, counted from the first; undefined beyond the last. */
  at(index: number): number | undefined {
    if (index >= this.#length) return undefined;
    let left = this.#start + index;
    for (const block of this.#blocks) {
      if (left < block.length) return block[left];
      left -= block.length;
    }
    return undefined;
  }

  #pass(count: number, onPart: (part: Buffer, at: number) => void): void {
    this.#length -= count;
    for (let at = 0; at < count;) {
      const [block] = this.#blocks;
      if (block === undefined) return;
      const part = block.subarray(this.#start, Math.min(this.#start + count - at, block.length));
      onPart(part, at);
      at += part.length;
      this.#start += part.length;
      if (this.#start < block.length) continue;
      this.#blocks.shift();
      this.#start = 0;
    }
  }
}
