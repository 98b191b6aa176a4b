import type { ErrorCode } from "./protocol/error-codes.js";

/** A failure of Matchbox's own that a client is told about: its code decides status, close code and whether to retry. */
export abstract class DaemonError extends Error {
  abstract readonly code: ErrorCode;
  /** When trying again makes sense, in ms; undefined where that is not known. */
  readonly retryAfterMs: number | undefined = undefined;

  override get name(): string {
    return this.constructor.name;
  }
}

/** The daemon is stopping. */
export class ShuttingDownError extends DaemonError {
  readonly code = "shutting_down";

  constructor() {
    super("The daemon is stopping and takes no new runs.");
  }
}

/** The process, or the machine, has no file descriptors left: no fault of the engine, and it passes. */
export class DescriptorsError extends DaemonError {
  readonly code = "lane_degraded";

  constructor(what: string, options: ErrorOptions) {
    super(
      `The daemon cannot ${what}: it has as many files and connections open as it may have. ` +
        "Raise the limit (LimitNOFILE= of its systemd unit, `ulimit -n` in a shell, --ulimit nofile= of a container).",
      options,
    );
  }
}

/** Whether something failed because no file descriptor was left, however it is wrapped. */
export function wantsDescriptors(error: unknown): boolean {
  if (hasCode(error, "EMFILE", "ENFILE")) return true;
  if (error instanceof AggregateError) return error.errors.some(wantsDescriptors);
  return error instanceof Error && error.cause !== undefined && wantsDescriptors(error.cause);
}

/** A configuration that cannot be used; the message has a line for each thing that is wrong. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Whether it is an error of the system, or of Node, with one of these codes, such as `ENOENT`. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.some((code) => code === error.code);
}

/** What a wait that a signal cut short rejects with: the signal's reason, where that is an error. */
export function abortReason(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error("aborted");
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
