import type { Encoding, Text } from "./protocol/messages.js";

/**
 * A text of a message as the bytes that a program gets; one that is bytes already has been decoded, and is not copied. Of
 * what is not base64 something is made all the same: `base64Problem` has been asked before.
 */
export function bytesOf(text: Text, encoding: Encoding = "utf8"): Buffer {
  return typeof text === "string"
    ? Buffer.from(text, encoding)
    : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
}
