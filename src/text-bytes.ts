import type { Text } from "./protocol/messages.js";

/** A text of a message as the bytes that a program gets; one that is bytes already is not copied. */
export function bytesOf(text: Text): Buffer {
  return typeof text === "string" ? Buffer.from(text) : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
}

/** @returns undefined for what is not base64: Node skips it, and a damaged file would become a shorter one */
export function base64Bytes(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return withoutPadding(bytes.toString("base64")) === withoutPadding(text) ? bytes : undefined;
}

/** A pattern such as `/=+$/` would take a time that grows with the square of the signs in the middle. */
function withoutPadding(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "=") end -= 1;
  return text.slice(0, end);
}
