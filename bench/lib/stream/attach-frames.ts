/** Header of the engine's attach stream: 1 byte for the stream, 3 of zeros, and 4 for the length, big-endian. */
const HEADER_BYTES = 8;
const STDOUT = 1;

/** Counts the bytes of stdout in the engine's multiplexed attach stream, wherever its pieces are cut. */
export class StdoutCounter {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #remaining = 0;

  /** @returns how many bytes of the piece are stdout's */
  count(piece: Buffer): number {
    let counted = 0;
    for (let at = 0; at < piece.length;) {
      if (this.#remaining > 0) {
        const part = Math.min(this.#remaining, piece.length - at);
        if (this.#header[0] === STDOUT) counted += part;
        this.#remaining -= part;
        at += part;
        continue;
      }
      const part = piece.copy(this.#header, this.#headerBytes, at, at + HEADER_BYTES - this.#headerBytes);
      this.#headerBytes += part;
      at += part;
      if (this.#headerBytes < HEADER_BYTES) break;
      this.#headerBytes = 0;
      this.#remaining = this.#header.readUInt32BE(4);
    }
    return counted;
  }
}
