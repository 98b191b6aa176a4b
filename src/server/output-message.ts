import type { OutputPiece } from "../run/run.js";
import { JsonText } from "./json-text.js";

/** Below it the one way is as good as the other, and `JSON.stringify` is the one that all other messages keep warm. */
const MANY_BYTES = 4 * 1024;

/** Writes a run's output as messages. A piece of text becomes one without ever being a string. */
export class OutputEncoder {
  readonly #text = new JsonText();

  /** @returns the JSON of a `stdout` or `stderr` message */
  encode({ stream, id, seq, bytes, encoding, omittedBytes }: OutputPiece): string | Buffer {
    const about = { type: stream, id, seq, ...(omittedBytes === 0 ? {} : { omittedBytes }) };
    if (bytes.length < MANY_BYTES) return JSON.stringify({ ...about, data: bytes.toString(encoding) });
    const before = `${JSON.stringify(about).slice(0, -1)},"data":"`;
    const after = '"}';
    // Nothing in base64 is to be escaped.
    if (encoding === "base64") return before + bytes.toString("base64") + after;
    // What is no UTF-8 has its invalid bytes replaced on its way through a string.
    return this.#text.encode(bytes, before, after) ?? JSON.stringify({ ...about, data: bytes.toString("utf8") });
  }
}
