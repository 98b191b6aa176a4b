import { Transform, type TransformCallback } from "node:stream";
import { RunnerError } from "./errors.js";

/** Header of the engine's attach stream: u8 stream, 3 zero bytes, u32 length, big-endian (Engine API, ContainerAttach). */
const HEADER_BYTES = 8;
const STDOUT = 1;
const STDERR = 2;

/**
 * Takes the engine's multiplexed attach stream apart: stdout comes out, stderr goes to a callback.
 *
 * It loops over the frames of a chunk instead of calling itself, so a chunk of tiny frames costs no stack, and as a
 * Transform it hands backpressure through.
 */
export class Demux extends Transform {
  readonly #onStderr: (bytes: Buffer) => void;
  /** The part of a header that arrived so far. */
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #stream = 0;
  /** What is still missing of the frame in hand. */
  #remaining = 0;

  constructor(onStderr: (bytes: Buffer) => void) {
    super({ readableHighWaterMark: 256 * 1024 });
    this.#onStderr = onStderr;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining === 0) {
        const part = Math.min(HEADER_BYTES - this.#headerBytes, chunk.length - at);
        chunk.copy(this.#header, this.#headerBytes, at, at + part);
        this.#headerBytes += part;
        at += part;
        if (this.#headerBytes < HEADER_BYTES) break;
        this.#headerBytes = 0;
        this.#stream = this.#header[0] ?? 0;
        this.#remaining = this.#header.readUInt32BE(4);
        if ((this.#stream !== STDOUT && this.#stream !== STDERR) || this.#header.readUIntBE(1, 3) !== 0) {
          done(new RunnerError(`The engine's stream has a broken header: ${this.#header.toString("hex")}`));
          return;
        }
        continue;
      }
      const end = Math.min(at + this.#remaining, chunk.length);
      const payload = chunk.subarray(at, end);
      this.#remaining -= payload.length;
      at = end;
      if (this.#stream === STDOUT) this.push(payload);
      else this.#onStderr(payload);
    }
    done();
  }
}
