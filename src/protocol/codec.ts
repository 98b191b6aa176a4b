import type { z } from "zod";
import { ERROR_FACTS, type ErrorCode } from "./error-codes.js";
import { scanJson } from "./json-scan.js";
import { MAX_RUN_ID_CHARS } from "./limits.js";
import { type ClientMessage, clientMessage, type ErrorMessage, type ServerMessage, serverMessage } from "./messages.js";
import { asProgramAlone } from "./usual-messages.js";

/** What came of reading a client's frame: a message, or the error to send back. */
export type Decoded =
  | { readonly ok: true; readonly message: ClientMessage }
  /** `isRun`: the frame meant to start a run, so the error is that run's ending. */
  | { readonly ok: false; readonly error: ErrorMessage; readonly isRun: boolean };

/** Messages of fewer bytes cannot hold enough to be worth a look of its own. */
const SCANNED_BYTES = 2 * 1024;
/** How many things that are wrong an error names. */
const MAX_TOLD = 5;
/** Keys, and parts of a place, that a client chose come back cut to so many characters. */
const MAX_ECHO_CHARS = 64;
/** What the words of an error may take as JSON, in bytes: with an id of the longest kind the frame has less than 4 KiB. */
const MAX_ERROR_BYTES = 2 * 1024;

/**
 * Looks at a client's frame before it is parsed.
 * @returns the refusal of one that holds more than any message may; undefined for one that `decodeClientMessage` may read
 */
export function refuseUnread(bytes: Uint8Array): Decoded | undefined {
  if (bytes.length < SCANNED_BYTES) return undefined;
  const { problem, id, type } = scanJson(bytes);
  return problem === undefined ? undefined : refuse(problem, { id, type });
}

/** Reads one text frame of a client. Never throws: whatever is wrong becomes an error that names the place. */
export function decodeClientMessage(text: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse(`The message is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const program = asProgramAlone(value);
  if (program !== undefined) return { ok: true, message: program };
  const parsed = clientMessage.safeParse(value);
  return parsed.success ? { ok: true, message: parsed.data } : refuse(describeIssues(parsed.error, value), value);
}

/** Reads one text frame of the daemon. @throws Error when it is not a message of this protocol. */
export function decodeServerMessage(text: string): ServerMessage {
  return serverMessage.parse(JSON.parse(text));
}

export function makeError(
  code: ErrorCode,
  message: string,
  about: { id?: string | undefined; retryAfterMs?: number | undefined } = {},
): ErrorMessage {
  return {
    type: "error",
    ...(about.id === undefined ? {} : { id: about.id }),
    code,
    message: boundedText(message),
    retryable: ERROR_FACTS[code].retryable,
    ...(about.retryAfterMs === undefined ? {} : { retryAfterMs: about.retryAfterMs }),
  };
}

/** Words of an error, cut so that they are never long, whatever they repeat. */
export function boundedText(text: string): string {
  // Six bytes is the most that a character takes in JSON.
  if (text.length * 6 <= MAX_ERROR_BYTES) return text;
  let cut = text.slice(0, MAX_ERROR_BYTES);
  while (encoder.encode(JSON.stringify(cut)).length > MAX_ERROR_BYTES) cut = cut.slice(0, Math.floor(cut.length * 0.8));
  return cut === text ? text : `${cut}...`;
}

const encoder = new TextEncoder();

function refuse(message: string, value?: unknown): Decoded {
  const isRun = typeof value === "object" && value !== null && "type" in value && value.type === "run";
  return { ok: false, error: makeError("bad_message", message, { id: idOf(value) }), isRun };
}

/** The id under which a client looks for the answer, if its broken message has a usable one. */
function idOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("id" in value)) return undefined;
  const { id } = value;
  return typeof id === "string" && id.length > 0 && id.length <= MAX_RUN_ID_CHARS ? id : undefined;
}

/** One line for each thing that is wrong: place, received value, what is allowed. */
export function describeIssues(error: z.ZodError, value: unknown): string {
  return error.issues
    .slice(0, MAX_TOLD)
    .map((issue) => {
      const place = issue.path.length === 0 ? "message" : issue.path.map((key) => echo(String(key))).join(".");
      // The place says which key it is; the value behind a key that is refused is nobody's business.
      if (issue.code === "invalid_key") return `${place}: ${issue.issues[0]?.message ?? issue.message}`;
      if (issue.code === "unrecognized_keys") return `${place}: ${unknownKeys(issue.keys)}`;
      return `${place}: ${issue.message} (got ${preview(valueAt(value, issue.path))})`;
    })
    .join("; ");
}

/** The first unknown keys, each cut; how many there are more. */
function unknownKeys(keys: readonly string[]): string {
  const told = keys.slice(0, MAX_TOLD).map((key) => JSON.stringify(echo(key)));
  const more = keys.length > MAX_TOLD ? ` and ${keys.length - MAX_TOLD} more` : "";
  return `Unrecognized ${keys.length === 1 ? "key" : "keys"}: ${told.join(", ")}${more}`;
}

/** A text of the client's as it may come back to it. */
function echo(text: string): string {
  return text.length > MAX_ECHO_CHARS ? `${text.slice(0, MAX_ECHO_CHARS - 3)}...` : text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Reflect.get(current, key);
  }
  return current;
}

/** A short picture of a value; long text is cut so that nobody's program is sent back or logged whole. */
function preview(value: unknown): string {
  if (value === undefined) return "nothing";
  const text =
    typeof value === "object" && value !== null
      ? Array.isArray(value)
        ? "a list"
        : "an object"
      : // Cut before it is quoted: the whole of it may be megabytes.
        JSON.stringify(typeof value === "string" ? value.slice(0, MAX_ECHO_CHARS) : value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
