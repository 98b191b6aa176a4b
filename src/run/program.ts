import type { LaneConfig } from "../config/schema.js";
import type { Program, ProgramFile } from "../container/runner-frames.js";
import { base64Problem } from "../base64.js";
import { bytesOf } from "../text-bytes.js";
import { DaemonError } from "../errors.js";
import { mainFileOf } from "../pool/spec.js";
import { MAX_ARGS_AND_ENV_BYTES } from "../protocol/limits.js";
import type { Encoding, ReceivedFile, RunMessage, Text } from "../protocol/messages.js";

/** A run asks for what its lane does not give, or contradicts itself. */
export class BadRunError extends DaemonError {
  readonly code = "bad_message";
}

/** A part of a run is over its limit. */
export class TooLargeError extends DaemonError {
  readonly code = "too_large";
}

/**
 * What the runner gets for a request: checked against the lane before any sandbox is touched.
 * @throws BadRunError, TooLargeError with place, value and what is allowed
 */
export function programOf(request: RunMessage, lane: LaneConfig): Program {
  const code = bytesOf(request.code);
  if (code.length > lane.maxCodeBytes) {
    throw new TooLargeError(`code: has ${code.length} bytes; lane ${request.lane} takes ${lane.maxCodeBytes} at most`);
  }
  const timeoutMs = request.timeoutMs ?? lane.timeoutMs;
  if (timeoutMs > lane.maxTimeoutMs) {
    throw new BadRunError(`timeoutMs: is ${timeoutMs}; lane ${request.lane} allows 1 to ${lane.maxTimeoutMs}`);
  }
  const graceMs = request.graceMs ?? lane.graceMs;
  if (graceMs > lane.maxGraceMs) {
    throw new BadRunError(`graceMs: is ${graceMs}; lane ${request.lane} allows 0 to ${lane.maxGraceMs}`);
  }
  requireAllowed(request, lane);
  requireRoom(request);
  requireInput(request);
  const mainFile = mainFileOf(lane);
  return {
    files: [{ path: mainFile, mode: 0o644, content: code }, ...filesOf(request.files, mainFile)],
    args: request.args,
    env: request.env,
    timeoutMs,
    graceMs,
    stdinOpen: request.stdin !== undefined,
    collect: request.collect,
    maxCollectBytes: lane.maxCollectBytes,
    maxCollectFiles: lane.maxCollectFiles,
  };
}

/**
 * The bytes of a field that is text or base64.
 * @param place the field, for the error
 * @throws BadRunError that says what is wrong where
 */
export function decodeField(text: Text, encoding: Encoding, place: string): Buffer {
  if (encoding === "base64" && typeof text === "string") requireBase64(text, place);
  return bytesOf(text, encoding);
}

function requireBase64(text: string, place: string): void {
  const problem = base64Problem(text);
  if (problem !== undefined) throw new BadRunError(`${place}: is not base64: ${problem}`);
}

/** How many bytes of output the request lets be sent: never more than its lane. @throws BadRunError */
export function outputLimitOf(request: RunMessage, lane: LaneConfig): number {
  const asked = request.limits.outputBytes ?? lane.maxOutputBytes;
  if (asked > lane.maxOutputBytes) {
    throw new BadRunError(`limits.outputBytes: is ${asked}; lane ${request.lane} allows 0 to ${lane.maxOutputBytes}`);
  }
  return asked;
}

/** Names that no lane allows have been refused by the protocol already. */
function requireAllowed(request: RunMessage, lane: LaneConfig): void {
  const isAllowed = (name: string): boolean =>
    lane.allowedEnv.some((allowed) =>
      allowed.endsWith("*") ? name.startsWith(allowed.slice(0, -1)) : name === allowed,
    );
  for (const name of Object.keys(request.env)) {
    if (isAllowed(name)) continue;
    const allowed = lane.allowedEnv.length === 0 ? "none" : lane.allowedEnv.join(", ");
    throw new BadRunError(`env.${name}: lane ${request.lane} lets a run set: ${allowed}`);
  }
}

function requireRoom(request: RunMessage): void {
  const strings = [...request.args, ...Object.entries(request.env).map(([name, value]) => `${name}=${value}`)];
  const bytes = strings.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
  if (bytes > MAX_ARGS_AND_ENV_BYTES) {
    throw new TooLargeError(`args and env: have ${bytes} bytes together; ${MAX_ARGS_AND_ENV_BYTES} is the most`);
  }
}

function requireInput({ stdin, stdinEncoding }: RunMessage): void {
  if (stdinEncoding === undefined) return;
  if (stdin === undefined || stdin === true) {
    throw new BadRunError(
      'stdinEncoding: is for a stdin that is a string; with "stdin": true each stdin message has an encoding of its own',
    );
  }
  // What is bytes already has been decoded.
  if (stdinEncoding === "base64" && typeof stdin === "string") requireBase64(stdin, "stdin");
}

function filesOf(files: readonly ReceivedFile[], mainFile: string): ProgramFile[] {
  const taken = new Set([mainFile]);
  return files.map((file, index) => {
    if (taken.has(file.path))
      throw new BadRunError(`files.${index}.path: ${JSON.stringify(file.path)} is taken already`);
    taken.add(file.path);
    return {
      path: file.path,
      mode: file.mode,
      content: decodeField(file.content, file.encoding, `files.${index}.content`),
    };
  });
}
