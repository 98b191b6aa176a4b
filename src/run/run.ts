import { isUtf8 } from "node:buffer";
import { ByteQueue } from "../byte-queue.js";
import type { RunnerChannel } from "../container/runner-channel.js";
import type { MissReason } from "../protocol/lanes.js";
import { MAX_STDIN_WAITING_BYTES, STDIN_REPORT_BYTES } from "../protocol/limits.js";
import type { Encoding, FileMessage, RunMessage, ServerMessage, Text } from "../protocol/messages.js";
import { bytesOf } from "../text-bytes.js";
import type { OutputStream } from "./output.js";
import { BadRunError, decodeField, TooLargeError } from "./program.js";
import { Termination } from "./termination.js";

/** A message about a run, before it gets the run's id and its place in the sequence. */
type WithoutIdentity<M> = M extends { type: "hello" | "ping" | OutputStream } ? never : Omit<M, "id" | "seq">;
type RunEvent = WithoutIdentity<ServerMessage>;

/** A `stdout` or `stderr` message whose bytes are still what the program wrote. */
export interface OutputPiece {
  readonly stream: OutputStream;
  readonly id: string;
  readonly seq: number;
  readonly bytes: Buffer;
  readonly encoding: Encoding;
  /** Bytes of the stream that were left out right before these. */
  readonly omittedBytes: number;
}

export interface RunOptions {
  readonly request: RunMessage;
  /** Whoever sent it: its runs wait behind each other. */
  readonly client: string;
  /** Whom that client is counted with when sandboxes are shared out; nobody else where this is left out. */
  readonly party?: string;
  /** When the request came in, on the daemon's clock, in ms. */
  readonly receivedAt: number;
  readonly send: (message: ServerMessage) => void;
  /** Sends a piece of output, in its order among the messages. */
  readonly sendOutput: (piece: OutputPiece) => void;
  /** Whether what an ended run has left to say may be kept for a client that does not read at present; absent, it may. */
  readonly hasRoom?: () => boolean;
}

/** A client's request from its arrival to its last message: what goes out about it, and what comes in for it. */
export class Run {
  readonly request: RunMessage;
  readonly client: string;
  readonly party: string;
  readonly receivedAt: number;
  readonly termination = new Termination();
  /** Why no sandbox was ready for it, if none was. */
  miss: MissReason | undefined;
  readonly #options: RunOptions;
  #seq = 0;
  #ended = false;
  #channel: RunnerChannel | undefined;
  /** The client does not read. */
  #paused = false;
  /** The program is over, as far as the daemon knows: what is left to read is bounded. */
  #readsOn = false;
  #leavesOut = false;
  /** Input that came before the sandbox did. */
  readonly #early = new ByteQueue();
  #inputEnded = false;
  /** Input that has gone on to the sandbox, and as much of it as the client has been told of, in bytes. */
  #inputTaken = 0;
  #inputReported = 0;

  constructor(options: RunOptions) {
    this.request = options.request;
    this.client = options.client;
    this.party = options.party ?? options.client;
    this.receivedAt = options.receivedAt;
    this.#options = options;
    const { stdin, stdinEncoding } = options.request;
    if (stdin !== undefined && stdin !== true) {
      // Of what is not base64 this makes something: such a run is refused before it gets a sandbox.
      this.#early.push(bytesOf(stdin, stdinEncoding));
      this.#inputEnded = true;
    }
  }

  /** Whether somebody may still want to hear how it ends: its client is there, and the daemon is not stopping. */
  get isWanted(): boolean {
    const { reason } = this.termination;
    return reason !== "client_gone" && reason !== "shutdown";
  }

  /** Whether what the sandbox says now cannot be kept for the client any more. */
  get leavesOut(): boolean {
    return this.#leavesOut && !this.#hasRoom();
  }

  /** Whether the terminal message has been sent. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends the next message about this run. */
  emit(event: RunEvent): void {
    if (event.type === "exit" || event.type === "error") this.#ended = true;
    this.#options.send({ ...event, id: this.request.id, seq: this.#nextSeq() });
  }

  /** @param omittedBytes bytes of the stream that were left out right before these */
  emitOutput(stream: OutputStream, bytes: Buffer, omittedBytes: number): void {
    const { id, encoding } = this.request;
    this.#options.sendOutput({ stream, id, seq: this.#nextSeq(), bytes, encoding, omittedBytes });
    this.#regulate();
  }

  #nextSeq(): number {
    const seq = this.#seq;
    this.#seq += 1;
    return seq;
  }

  /** Sends one collected file; text that is no text goes as exact bytes whatever was asked for. */
  emitFile(file: { path: string; mode: number; content: Buffer }): void {
    if (this.leavesOut) {
      this.emitSkipped({ path: file.path, size: file.content.length, why: "unread" });
      return;
    }
    const encoding = this.request.encoding === "utf8" && isUtf8(file.content) ? "utf8" : "base64";
    const { path, mode, content } = file;
    this.emit({ type: "file", path, size: content.length, mode, content: content.toString(encoding), encoding });
    this.#regulate();
  }

  emitSkipped(file: { path: string; size: number; why: NonNullable<FileMessage["skipped"]> }): void {
    this.emit({ type: "file", path: file.path, size: file.size, mode: 0, skipped: file.why });
  }

  /** Connects input and flow control to the sandbox that the run got. */
  connect(channel: RunnerChannel): void {
    this.#channel = channel;
    if (this.#early.length > 0) channel.writeStdin(this.#early.take(this.#early.length));
    if (this.#inputEnded) channel.endStdin();
    this.#regulate();
  }

  /**
   * Input for the program.
   * @throws BadRunError when the run's input is not open or the data is not base64, TooLargeError when too much of it waits
   *   to be read
   */
  writeStdin(data: Text, encoding: Encoding = "utf8"): void {
    if (this.request.stdin !== true || this.#inputEnded)
      throw new BadRunError("stdin: the input of this run is not open");
    const bytes = decodeField(data, encoding, "data");
    let waiting: number;
    if (this.#channel === undefined) {
      this.#early.push(bytes);
      waiting = this.#early.length;
    } else {
      waiting = this.#channel.writeStdin(bytes);
    }
    if (waiting > MAX_STDIN_WAITING_BYTES) {
      this.termination.request("cancelled");
      throw new TooLargeError(
        `stdin: ${waiting} bytes wait to be read; ${MAX_STDIN_WAITING_BYTES} is the most. The run is cancelled.`,
      );
    }
  }

  /** So many bytes of input wait no more. Who sends much is told, so that it can wait itself. */
  inputTaken(bytes: number): void {
    this.#inputTaken += bytes;
    if (this.request.stdin !== true || this.#inputTaken - this.#inputReported < STDIN_REPORT_BYTES) return;
    this.#inputReported = this.#inputTaken;
    this.emit({ type: "stdin_taken", bytes: this.#inputTaken });
  }

  endStdin(): void {
    if (this.request.stdin !== true || this.#inputEnded)
      throw new BadRunError("stdin_end: the input of this run is not open");
    this.#inputEnded = true;
    this.#channel?.endStdin();
  }

  /** Holds the program back, because the client does not read. */
  pause(): void {
    this.#paused = true;
    this.#regulate();
  }

  resume(): void {
    this.#paused = false;
    this.#regulate();
  }

  /** From now on what the sandbox has left to say is read though the client does not read, as far as there is room for it. */
  readOn(): void {
    this.#readsOn = true;
    this.#regulate();
  }

  /** From now on what there is no room for is left out, and said to be, so that the run's ending is reached. */
  leaveOut(): void {
    this.#leavesOut = true;
    this.#regulate();
  }

  /** Whether more may be kept for the client. */
  #hasRoom(): boolean {
    return !this.#paused || this.#options.hasRoom?.() !== false;
  }

  #regulate(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    const mayRead = !this.#paused || (this.#readsOn && (this.#leavesOut || this.#hasRoom()));
    if (mayRead === !channel.isPaused) return;
    if (mayRead) channel.resume();
    else channel.pause();
  }
}
