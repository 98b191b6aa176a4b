import type { Encoding } from "../protocol/messages.js";

const encoder = new TextEncoder();

/** The bytes behind a `data` or `content` field. */
export function decodeData(data: string, encoding: Encoding): Uint8Array {
  return encoding === "utf8" ? encoder.encode(data) : fromBase64(data);
}

function fromBase64(text: string): Uint8Array {
  // Browsers have no Buffer, Node's atob is some ten times slower than it.
  if (typeof Buffer === "function") return Buffer.from(text, "base64");
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Few enough for the arguments of one call. */
const CHUNK_BYTES = 0x8000;

/** Bytes as base64, whatever they are. */
export function toBase64(bytes: Uint8Array): string {
  if (typeof Buffer === "function") {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  }
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(text);
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
