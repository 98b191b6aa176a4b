import { ERROR_FACTS, type ErrorCode } from "../protocol/error-codes.js";
import type { ErrorMessage } from "../protocol/messages.js";
import type { RunOutput } from "./output.js";

/** What can go wrong between the client and the daemon without the daemon having said so. */
export const CLIENT_ERROR_CODES = [
  "connection_failed",
  "connection_lost",
  "connection_closed",
  "protocol_violation",
] as const;
export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

export type MatchboxErrorCode = ErrorCode | ClientErrorCode;

export interface ErrorContext {
  readonly runId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Every failure of Matchbox that a client sees. How a program ended is never one: that is the `exit` message of its run. */
export abstract class MatchboxError extends Error {
  abstract readonly code: MatchboxErrorCode;
  /** Whether the same request may succeed later without being changed. */
  abstract readonly retryable: boolean;
  /** When trying again makes sense, in ms; undefined where that is not known. */
  readonly retryAfterMs: number | undefined;
  /** The run it is about; undefined when it is about the connection. */
  readonly runId: string | undefined;
  /** What the run had sent until then; only on errors that `Run.result` rejects with. */
  partial: RunOutput<string | Uint8Array> | undefined;

  constructor(message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.retryAfterMs = context.retryAfterMs;
    this.runId = context.runId;
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** The daemon's own word: it could not take or could not finish a run, or refused the connection. */
export class RemoteError extends MatchboxError {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(message: Pick<ErrorMessage, "code" | "message" | "retryable" | "retryAfterMs" | "id">) {
    super(message.message, { runId: message.id, retryAfterMs: message.retryAfterMs });
    this.code = message.code;
    this.retryable = message.retryable;
  }
}

/**
 * The connection could not be made, broke, or was closed by this side. A run that was under way may have had any ending;
 * trying it again is safe for the daemon, and for the caller as long as the program changed nothing outside its sandbox.
 */
export class ConnectionError extends MatchboxError {
  readonly code: Exclude<ClientErrorCode, "protocol_violation">;
  readonly retryable: boolean;

  constructor(code: ConnectionError["code"], message: string, context: ErrorContext = {}) {
    super(message, context);
    this.code = code;
    this.retryable = code !== "connection_closed";
  }
}

/** The daemon broke the protocol: a message is missing, unreadable or out of place. What was received cannot be trusted. */
export class ProtocolError extends MatchboxError {
  readonly code = "protocol_violation";
  readonly retryable = false;
}

/** A second run under an id that is still live on this connection; nothing was sent. */
export class DuplicateRunError extends MatchboxError {
  readonly code = "duplicate_run";
  readonly retryable = ERROR_FACTS.duplicate_run.retryable;
}
