const MIN_ROOM_BYTES = 4 * 1024;

/** Bytes that are put together from pieces. The room for them is used again, for as long as its owner lives. */
export class Gathered {
  #room: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param bytes are copied; what `take` gave last may be among them */
  push(bytes: Buffer): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#room.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(MIN_ROOM_BYTES, 2 ** Math.ceil(Math.log2(needed))));
      this.#room.copy(larger, 0, 0, this.#length);
      this.#room = larger;
    }
    bytes.copy(this.#room, this.#length);
    this.#length = needed;
  }

  /** Takes everything out. @returns bytes that stay what they are until the next `push` */
  take(): Buffer {
    const bytes = this.#room.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }
}
