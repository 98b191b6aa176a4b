import type { OutputPiece } from "../run/run.js";
import { BufferPool } from "./buffer-pool.js";
import { JsonText } from "./json-text.js";

/** Below it the one way is as good as the other, and `JSON.stringify` is the one that all other messages keep warm. */
const MANY_BYTES = 4 * 1024;
const AFTER = '"}';

/** A `stdout` or `stderr` message as JSON. */
export interface OutputMessage {
  readonly json: string | Buffer;
  /** To be called when the system has it, or never: its memory is used again. */
  readonly release: (() => void) | undefined;
}

/** Writes a run's output as messages. A large piece of text becomes one without ever being a string. */
export class OutputEncoder {
  readonly #text = new JsonText();
  readonly #pool = new BufferPool();

  encode({ stream, id, seq, bytes, encoding, omittedBytes }: OutputPiece): OutputMessage {
    const about = { type: stream, id, seq, ...(omittedBytes === 0 ? {} : { omittedBytes }) };
    if (bytes.length >= MANY_BYTES) {
      const before = `${JSON.stringify(about).slice(0, -1)},"data":"`;
      const message = encoding === "utf8" ? this.#encodeText(bytes, before) : this.#encodeBase64(bytes, before);
      if (message !== undefined) return message;
    }
    // What is no UTF-8 has its invalid bytes replaced on its way through a string.
    return { json: JSON.stringify({ ...about, data: bytes.toString(encoding) }), release: undefined };
  }

  #encodeText(bytes: Buffer, before: string): OutputMessage | undefined {
    let memory: Buffer | undefined;
    const json = this.#text.encode(bytes, { before, after: AFTER }, (needed) => (memory = this.#pool.take(needed)));
    return json === undefined || memory === undefined ? undefined : this.#message(json, memory);
  }

  /** Nothing in base64 is to be escaped. */
  #encodeBase64(bytes: Buffer, before: string): OutputMessage {
    const data = bytes.toString("base64");
    const memory = this.#pool.take(Buffer.byteLength(before) + data.length + AFTER.length);
    let length = memory.write(before);
    length += memory.write(data, length, "latin1");
    length += memory.write(AFTER, length);
    return this.#message(memory.subarray(0, length), memory);
  }

  #message(json: Buffer, memory: Buffer): OutputMessage {
    return {
      json,
      release: () => {
        this.#pool.give(memory);
      },
    };
  }
}
