import { RunnerError } from "./errors.js";

/** The frames between daemon and runner, as `sandbox/README.md` specifies them. */
export const FRAME_HEADER_BYTES = 5;
export const MAX_FRAME_PAYLOAD_BYTES = 65_536;
export const RUNNER_PROTOCOL_VERSION = 3;

export const ToRunner = {
  file: 0x01,
  data: 0x02,
  run: 0x03,
  stdin: 0x04,
  stdinEnd: 0x05,
  kill: 0x06,
  collect: 0x07,
  direct: 0x08,
} as const;

export const FromRunner = {
  ready: 0x81,
  stdout: 0x82,
  stderr: 0x83,
  stdinRoom: 0x84,
  collected: 0x85,
  data: 0x86,
  skipped: 0x87,
  exit: 0x88,
  failed: 0x89,
  log: 0x8a,
  direct: 0x8b,
  running: 0x8c,
} as const;

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

/** Puts the runner's byte stream back together into frames, however it was cut on the way. */
export class FrameDecoder {
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  /** What has come of a frame that was cut; made when there is one. */
  #cut: Buffer | undefined;
  #cutBytes = 0;
  #missing = -1;

  /**
   * Reads one chunk.
   * @param onFrame gets each whole frame, in order; its payload is the callback's until it returns
   * @throws RunnerError when a length is over the limit; the stream is of no use any more
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    let at = 0;
    while (at < chunk.length || this.#missing === 0) {
      if (this.#missing < 0) {
        const part = Math.min(FRAME_HEADER_BYTES - this.#headerBytes, chunk.length - at);
        chunk.copy(this.#header, this.#headerBytes, at, at + part);
        this.#headerBytes += part;
        at += part;
        if (this.#headerBytes < FRAME_HEADER_BYTES) return;
        this.#headerBytes = 0;
        this.#missing = this.#header.readUInt32BE(1);
        if (this.#missing > MAX_FRAME_PAYLOAD_BYTES) {
          throw new RunnerError(
            `The runner sent a frame of ${this.#missing} bytes; ${MAX_FRAME_PAYLOAD_BYTES} is the limit.`,
          );
        }
        continue;
      }
      const end = Math.min(at + this.#missing, chunk.length);
      const part = chunk.subarray(at, end);
      this.#missing -= part.length;
      at = end;
      const payload = this.#missing === 0 && this.#cutBytes === 0 ? part : this.#keep(part);
      if (this.#missing > 0) return;
      this.#cutBytes = 0;
      this.#missing = -1;
      onFrame({ type: this.#header[0] ?? 0, payload });
    }
  }

  /** @returns all that has come of the frame in hand */
  #keep(part: Buffer): Buffer {
    this.#cut ??= Buffer.allocUnsafeSlow(MAX_FRAME_PAYLOAD_BYTES);
    this.#cutBytes += part.copy(this.#cut, this.#cutBytes);
    return this.#cut.subarray(0, this.#cutBytes);
  }
}

export function encodeFrame(type: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  return encodeFrames([{ type, payload }]);
}

/** Frames one after the other, in one buffer. */
function encodeFrames(frames: readonly Frame[]): Buffer {
  const bytes = Buffer.allocUnsafe(
    frames.reduce((total, { payload }) => total + FRAME_HEADER_BYTES + payload.length, 0),
  );
  let at = 0;
  for (const { type, payload } of frames) {
    bytes[at] = type;
    bytes.writeUInt32BE(payload.length, at + 1);
    bytes.set(payload, at + FRAME_HEADER_BYTES);
    at += FRAME_HEADER_BYTES + payload.length;
  }
  return bytes;
}

/** Any number of bytes, as as many frames of one type as they need. */
function framesOf(type: number, bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; at += MAX_FRAME_PAYLOAD_BYTES) {
    frames.push({ type, payload: bytes.subarray(at, at + MAX_FRAME_PAYLOAD_BYTES) });
  }
  return frames;
}

export interface ProgramFile {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
}

/** Everything that a sandbox has to know to run one program. */
export interface Program {
  /** The program itself first, then what it brings along. */
  readonly files: readonly ProgramFile[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** From the signal that asks the program to end to the one that kills it; 0 kills at once. */
  readonly graceMs: number;
  readonly stdinOpen: boolean;
  readonly collect: readonly string[];
  readonly maxCollectBytes: number;
  readonly maxCollectFiles: number;
}

/** All frames that start a program, in one buffer: one write, one wake-up of the runner. */
export function encodeProgram(program: Program): Buffer {
  const frames: Frame[] = [];
  for (const file of program.files) {
    const payload = withHeader(2, file.path);
    payload.writeUInt16BE(file.mode);
    frames.push({ type: ToRunner.file, payload }, ...framesOf(ToRunner.data, file.content));
  }
  if (program.collect.length > 0) {
    const payload = withHeader(14, closed(program.collect));
    payload.writeBigUInt64BE(BigInt(program.maxCollectBytes), 0);
    payload.writeUInt32BE(program.maxCollectFiles, 8);
    payload.writeUInt16BE(program.collect.length, 12);
    frames.push({ type: ToRunner.collect, payload });
  }
  const variables = Object.entries(program.env).map(([name, value]) => `${name}=${value}`);
  const payload = withHeader(13, closed([...program.args, ...variables]));
  payload.writeUInt32BE(program.timeoutMs, 0);
  payload.writeUInt32BE(program.graceMs, 4);
  payload.writeUInt8(program.stdinOpen ? 1 : 0, 8);
  payload.writeUInt16BE(program.args.length, 9);
  payload.writeUInt16BE(variables.length, 11);
  frames.push({ type: ToRunner.run, payload });
  return encodeFrames(frames);
}

export function encodeStdin(bytes: Buffer): Buffer {
  return encodeFrames(framesOf(ToRunner.stdin, bytes));
}

/** @param graceMs from the signal that asks the program to end to the one that kills it; 0 kills at once */
export function encodeKill(cause: number, graceMs: number): Buffer {
  const payload = Buffer.alloc(5);
  payload.writeUInt8(cause, 0);
  payload.writeUInt32BE(graceMs, 1);
  return encodeFrame(ToRunner.kill, payload);
}

/** A payload: text, behind so many bytes that are still to be written. */
function withHeader(headerBytes: number, text: string): Buffer {
  const payload = Buffer.allocUnsafe(headerBytes + Buffer.byteLength(text));
  payload.write(text, headerBytes);
  return payload;
}

function closed(strings: readonly string[]): string {
  return strings.map((text) => `${text}\0`).join("");
}

/** One of the runner's pipes, by what finds it and by what tells it from all others of its machine. */
export interface PipeEnd {
  /** The runner's descriptor. */
  readonly fd: number;
  readonly inode: bigint;
}

/** Two pipes of the runner's own, past the engine. */
export interface PipeOffer {
  /** What the runner reads from. */
  readonly input: PipeEnd;
  /** What the runner writes to. */
  readonly output: PipeEnd;
}

const READY_PAYLOAD_BYTES = 25;

/**
 * @returns the pipes that the runner offers, undefined if it has none
 * @throws RunnerError when the runner speaks another version, or the payload has another size
 */
export function decodeReady(payload: Buffer): PipeOffer | undefined {
  if (payload[0] !== RUNNER_PROTOCOL_VERSION) {
    throw new RunnerError(
      `The runner in the image speaks version ${payload[0] ?? "?"} of its protocol, this daemon ${RUNNER_PROTOCOL_VERSION}. ` +
        "Build the image again with: npx matchbox build",
    );
  }
  requireBytes(payload, READY_PAYLOAD_BYTES, "readiness");
  const pipe = (at: number): PipeEnd => ({ fd: payload.readUInt32BE(at), inode: payload.readBigUInt64BE(at + 4) });
  const offer = { input: pipe(1), output: pipe(13) };
  return offer.input.inode === 0n || offer.output.inode === 0n ? undefined : offer;
}

/** The runner's account of how a run ended. */
export interface RunnerExit {
  readonly kind: "exited" | "signaled";
  /** Exit code or number of the signal. */
  readonly value: number;
  /** 0: by itself; 1: the time-out passed; from 16: the cause of our first kill. */
  readonly cause: number;
  /** The main process died of a SIGKILL that the runner did not send. */
  readonly foreignKill: boolean;
  /** It was asked to end before it was, or would have been, killed for `cause`. */
  readonly wasAsked: boolean;
  readonly oomKills: number;
  readonly cpuMs: number;
  readonly maxRssBytes: number;
  readonly runMs: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

const EXIT_PAYLOAD_BYTES = 60;

/** @throws RunnerError when the payload has another size */
export function decodeExit(payload: Buffer): RunnerExit {
  if (payload.length !== EXIT_PAYLOAD_BYTES) {
    throw new RunnerError(`The runner sent an exit of ${payload.length} bytes; ${EXIT_PAYLOAD_BYTES} is right.`);
  }
  const microseconds = (at: number): number => Number(payload.readBigUInt64BE(at)) / 1000;
  return {
    kind: payload.readUInt8(0) === 0 ? "exited" : "signaled",
    value: payload.readUInt8(1),
    cause: payload.readUInt8(2),
    foreignKill: (payload.readUInt8(3) & 1) !== 0,
    wasAsked: (payload.readUInt8(3) & 2) !== 0,
    oomKills: payload.readUInt32BE(4),
    cpuMs: microseconds(8),
    maxRssBytes: Number(payload.readBigUInt64BE(16)),
    runMs: microseconds(32),
    stdoutBytes: Number(payload.readBigUInt64BE(40)),
    stderrBytes: Number(payload.readBigUInt64BE(48)),
  };
}

/** As the runner writes it. */
export function encodeExit(exit: RunnerExit): Buffer {
  const payload = Buffer.alloc(EXIT_PAYLOAD_BYTES);
  const setMicroseconds = (ms: number, at: number): number =>
    payload.writeBigUInt64BE(BigInt(Math.round(ms * 1000)), at);
  payload.writeUInt8(exit.kind === "exited" ? 0 : 1, 0);
  payload.writeUInt8(exit.value, 1);
  payload.writeUInt8(exit.cause, 2);
  payload.writeUInt8((exit.foreignKill ? 1 : 0) | (exit.wasAsked ? 2 : 0), 3);
  payload.writeUInt32BE(exit.oomKills, 4);
  setMicroseconds(exit.cpuMs, 8);
  payload.writeBigUInt64BE(BigInt(exit.maxRssBytes), 16);
  setMicroseconds(exit.runMs, 32);
  payload.writeBigUInt64BE(BigInt(exit.stdoutBytes), 40);
  payload.writeBigUInt64BE(BigInt(exit.stderrBytes), 48);
  return payload;
}

const SKIP_REASONS = [undefined, "too_large", "too_many", "not_regular", "unreadable"] as const;
export type SkipReason = Exclude<(typeof SKIP_REASONS)[number], undefined>;

export interface CollectedHeader {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
}

export function decodeCollected(payload: Buffer): CollectedHeader {
  requireBytes(payload, 11, "file");
  return {
    size: Number(payload.readBigUInt64BE(0)),
    mode: payload.readUInt16BE(8),
    path: payload.toString("utf8", 10),
  };
}

export function decodeSkipped(payload: Buffer): {
  readonly why: SkipReason;
  readonly size: number;
  readonly path: string;
} {
  // Its path is empty where the search itself was cut short.
  requireBytes(payload, 9, "skipped file");
  const why = SKIP_REASONS[payload.readUInt8(0)] ?? "unreadable";
  return { why, size: Number(payload.readBigUInt64BE(1)), path: payload.toString("utf8", 9) };
}

export function decodeFailed(payload: Buffer): { readonly code: number; readonly text: string } {
  requireBytes(payload, 1, "failure");
  return { code: payload.readUInt8(0), text: payload.toString("utf8", 1) };
}

export function decodeStdinRoom(payload: Buffer): number {
  requireBytes(payload, 4, "stdin room");
  return payload.readUInt32BE(0);
}

function requireBytes(payload: Buffer, least: number, what: string): void {
  if (payload.length < least)
    throw new RunnerError(`The runner sent a ${what} of ${payload.length} bytes; ${least} is the least.`);
}
