import { MAX_RUN_ID_CHARS } from "./limits.js";

/**
 * What one message may hold. The largest run that the schemas take has fewer than 1,900 values, a nesting of 3, numbers of 8
 * digits and keys of 128 characters; beyond that `JSON.parse` and zod would work for seconds on a message of a few megabytes.
 */
export const MAX_MESSAGE_VALUES = 2_048;
export const MAX_MESSAGE_DEPTH = 16;
export const MAX_NUMBER_BYTES = 64;
export const MAX_KEY_BYTES = 1_024;

/** Of a key that a client chose, as it comes back in an error. */
const MAX_PLACE_CHARS = 64;

/** Bytes of a key, an id or a type that are kept: a character has 6 of them at most, as an escape. */
const KEPT_BYTES = 6 * MAX_RUN_ID_CHARS + 2;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What a look over a message's bytes has found. */
export interface Scanned {
  /** Place, value and what is allowed, of the first limit that is passed. */
  readonly problem: string | undefined;
  /** The message's own `id` and `type`, where they are short strings. */
  readonly id: string | undefined;
  readonly type: string | undefined;
}

/** Whether a byte belongs to a number or to one of the three words: anything but structure, a string and white space. */
function isLiteral(byte: number): boolean {
  return (
    byte > 0x20 &&
    byte !== QUOTE &&
    byte !== COMMA &&
    byte !== COLON &&
    byte !== OPEN_LIST &&
    byte !== CLOSE_LIST &&
    byte !== OPEN_OBJECT &&
    byte !== CLOSE_OBJECT
  );
}

/**
 * Counts what is in a JSON text before it is parsed, in one pass that allocates nothing. It does not say whether the text is
 * JSON: the parser does. What the scan lets through is parsed in a time that depends on the number of bytes alone.
 */
export function scanJson(bytes: Uint8Array): Scanned {
  const end = bytes.length;
  let at = 0;
  let depth = 0;
  let values = 0;
  let problem: string | undefined;
  /** The key of the message's own field that the scan is in, between its quotation marks. */
  let field: Uint8Array | undefined;
  const own = new Map<string, string>();
  const place = (): string =>
    field === undefined ? "message" : (textOf(field)?.slice(0, MAX_PLACE_CHARS) ?? "message");
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte <= 0x20 || byte === COMMA || byte === COLON) {
      at += 1;
      continue;
    }
    if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth -= 1;
      at += 1;
      continue;
    }
    values += 1;
    if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth += 1;
      at += 1;
      if (depth > MAX_MESSAGE_DEPTH)
        problem ??= `${place()}: is nested deeper than ${MAX_MESSAGE_DEPTH} levels; ${MAX_MESSAGE_DEPTH} is the most`;
    } else if (byte === QUOTE) {
      const begin = at + 1;
      at = endOfString(bytes, begin);
      const text = bytes.subarray(begin, at);
      at += 1;
      const next = afterSpace(bytes, at);
      if (bytes[next] === COLON) {
        // A key and its value count as one.
        values -= 1;
        at = next + 1;
        if (depth === 1) field = text.length <= KEPT_BYTES ? text : text.subarray(0, KEPT_BYTES);
        if (text.length > MAX_KEY_BYTES)
          problem ??= `${place()}: has a key of ${text.length} bytes; ${MAX_KEY_BYTES} is the most`;
      } else if (depth === 1 && field !== undefined && text.length <= KEPT_BYTES) {
        const name = textOf(field);
        if (name === "id" || name === "type") own.set(name, textOf(text) ?? "");
      }
    } else {
      const begin = at;
      while (at < end && isLiteral(bytes[at] ?? 0)) at += 1;
      if (at - begin > MAX_NUMBER_BYTES)
        problem ??= `${place()}: has a number or word of ${at - begin} bytes; ${MAX_NUMBER_BYTES} is the most`;
    }
    if (values > MAX_MESSAGE_VALUES)
      problem ??= `${place()}: makes the message hold more than ${MAX_MESSAGE_VALUES} values; ${MAX_MESSAGE_VALUES} is the most`;
  }
  return { problem, id: own.get("id"), type: own.get("type") };
}

/** Where the string that begins here has its closing quotation mark, or the end. */
function endOfString(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    at += byte === BACKSLASH ? 2 : 1;
  }
  return bytes.length;
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && (bytes[at] ?? 0) <= 0x20) at += 1;
  return at;
}

const decoder = new TextDecoder();

/** The text of a short string; undefined where it is none. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(`"${decoder.decode(bytes)}"`);
    return typeof value === "string" ? value : undefined;
  } catch {
    // Cut within an escape, or not JSON at all, which the parser will say.
    return undefined;
  }
}
