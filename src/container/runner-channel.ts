import type { Readable, Writable } from "node:stream";
import { ByteQueue } from "../byte-queue.js";
import { messageOf } from "../errors.js";
import { RunnerError } from "./errors.js";
import {
  decodeCollected,
  decodeExit,
  decodeFailed,
  decodeReady,
  decodeSkipped,
  decodeStdinRoom,
  encodeFrame,
  encodeKill,
  encodeProgram,
  encodeStdin,
  type Frame,
  FrameDecoder,
  FromRunner,
  type PipeOffer,
  type Program,
  type RunnerExit,
  type SkipReason,
  ToRunner,
} from "./runner-frames.js";
import type { RunningSandbox } from "./runtime.js";

/** What a run hears from its sandbox, in the order in which it happened. Exactly one of the last two comes, once, at the end. */
export interface RunnerListener {
  /** The bytes are the listener's until it returns. */
  onOutput(stream: "stdout" | "stderr", bytes: Buffer): void;
  /** Input has gone on to the sandbox. */
  onStdinTaken(bytes: number): void;
  onFile(file: { path: string; mode: number; content: Buffer }): void;
  onSkipped(file: { path: string; size: number; why: SkipReason }): void;
  onExit(exit: RunnerExit): void;
  /** The sandbox is gone, or its runner broke off, without an account of the run. */
  onLost(cause: RunnerError): void;
}

/** FAILED's code for a file that could not be written: the request's fault or the workspace's size, not a broken runner. */
export const FAILED_FILE = 2;

/** Of what an interpreter says before it is ready, in characters: enough for the end of a traceback. */
const MAX_LAST_WORDS = 1_024;

/**
 * A chunk of this many bytes means that more is waiting. Node would go on reading, up to 32 chunks in one go, and a few
 * sandboxes that flood would keep everybody else's runs waiting for a tenth of a second.
 */
const TURN_BYTES = 32 * 1_024;

/**
 * The conversation with one runner: waits for its READY, then carries one program and its ending.
 *
 * Nothing here trusts the bytes to make sense: a frame that does not fit ends the conversation as `onLost`.
 */
export class RunnerChannel {
  /** Settles with READY; rejects with a RunnerError when that cannot come any more. */
  readonly ready: Promise<void>;
  /** Settles when nothing more can be had from the runner: after its EXIT, its failure, or the end of the sandbox. */
  readonly over: Promise<void>;
  #settleOver: () => void = () => undefined;
  readonly #sandbox: RunningSandbox;
  /** Where frames go to and come from: the sandbox's own streams, later the runner's pipes where they can be had. */
  #input: Writable;
  #output: Readable;
  #hasAskedForPipes = false;
  /** Whether reading is stopped because whoever reads the run's output is behind, and until the others have had their turn. */
  #isPaused = false;
  #isYielding = false;
  readonly #onLog: (text: string) => void;
  #lastWords = "";
  #settleReady: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #listener: RunnerListener | undefined;
  #hasSpoken = false;
  #hearings = 0;
  #ended: RunnerError | undefined;
  #collecting: { path: string; mode: number; missing: number; parts: Buffer[] } | undefined;
  /** Bytes of files that may still come back. */
  #collectRoom = 0;
  /** Bytes of stdin that the runner has room for, those that wait for room, and whether the end comes after them. */
  #stdinRoom = 0;
  readonly #stdinQueue = new ByteQueue();
  #stdinEnding = false;

  constructor(sandbox: RunningSandbox, options: { onLog: (text: string) => void }) {
    this.#sandbox = sandbox;
    this.#input = sandbox.input;
    this.#output = sandbox.output;
    this.#onLog = options.onLog;
    this.over = new Promise((resolve) => {
      this.#settleOver = resolve;
    });
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Whoever waits gets the rejection; a sandbox that dies while nobody waits is no unhandled one.
    this.ready.catch(() => undefined);
    this.#listenTo(sandbox.output);
    void sandbox.closed.then(() => {
      this.#end(new RunnerError("The sandbox ended without a word from its runner."));
    });
  }

  /** The end of what the interpreter wrote before any program ran: why it is not ready, if it is not. */
  get lastWords(): string {
    return this.#lastWords;
  }

  /** Whether the runner has said anything since a program was sent to it: then it has taken the program. */
  get hasBegun(): boolean {
    return this.#hasSpoken;
  }

  /** Whether nobody listens to the runner at present. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Counts what has been read and every pause: while it stays, the runner was listened to and has said nothing. */
  get hearings(): number {
    return this.#hearings;
  }

  /** Whether a program can still be begun. */
  get usable(): boolean {
    return this.#ended === undefined;
  }

  /** Starts the program; the listener hears everything from here on. */
  begin(program: Program, listener: RunnerListener): void {
    if (this.#ended !== undefined) {
      listener.onLost(this.#ended);
      return;
    }
    this.#listener = listener;
    this.#collectRoom = program.maxCollectBytes;
    this.#input.write(encodeProgram(program));
  }

  /**
   * Gives the program input; what the runner has no room for waits here.
   * @returns bytes that wait, so that the caller can bound them
   */
  writeStdin(bytes: Buffer): number {
    this.#stdinQueue.push(bytes);
    this.#flushStdin();
    return this.#stdinQueue.length;
  }

  endStdin(): void {
    this.#stdinEnding = true;
    this.#flushStdin();
  }

  /**
   * Asks the runner to kill the program and all its descendants; the first cause wins.
   * @param cause 16 to 255
   * @param graceMs how long the program has to end by itself, once it has been asked to; 0 kills at once
   */
  kill(cause: number, graceMs: number): void {
    this.#write(encodeKill(cause, graceMs));
  }

  /** Stops reading: the runner's pipe fills, and the program blocks in its next write. */
  pause(): void {
    this.#isPaused = true;
    this.#hearings += 1;
    this.#output.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isYielding) this.#output.resume();
  }

  /** Reads no more in this turn of the event loop. */
  #yield(): void {
    this.#isYielding = true;
    this.#output.pause();
    setImmediate(() => {
      this.#isYielding = false;
      if (!this.#isPaused) this.#output.resume();
    });
  }

  #listenTo(output: Readable): void {
    const decoder = new FrameDecoder();
    output.on("data", (chunk: Buffer) => {
      this.#hearings += 1;
      if (chunk.length >= TURN_BYTES) this.#yield();
      try {
        decoder.push(chunk, (frame) => {
          this.#onFrame(frame);
        });
      } catch (error) {
        this.#end(error instanceof RunnerError ? error : new RunnerError(messageOf(error), { cause: error }));
      }
    });
  }

  /** Leaves the engine out of what follows, if the runner's pipes can be had; its answer through them is the readiness. */
  async #getReady(offer: PipeOffer | undefined): Promise<void> {
    const pipes = offer === undefined ? undefined : await this.#sandbox.openPipes(offer);
    if (this.#ended !== undefined) return;
    if (pipes === undefined) {
      this.#settleReady?.resolve();
      this.#settleReady = undefined;
      return;
    }
    this.#hasAskedForPipes = true;
    this.#write(encodeFrame(ToRunner.direct));
    this.#input = pipes.input;
    this.#output = pipes.output;
    this.#listenTo(pipes.output);
  }

  #write(bytes: Buffer): void {
    if (this.#ended === undefined) this.#input.write(bytes);
  }

  #flushStdin(): void {
    const bytes = this.#stdinQueue.take(this.#stdinRoom);
    this.#stdinRoom -= bytes.length;
    if (bytes.length > 0) {
      this.#write(encodeStdin(bytes));
      this.#listener?.onStdinTaken(bytes.length);
    }
    if (this.#stdinEnding && this.#stdinQueue.length === 0) {
      this.#stdinEnding = false;
      this.#write(encodeFrame(ToRunner.stdinEnd));
    }
  }

  #onFrame({ type, payload }: Frame): void {
    if (this.#ended !== undefined) return;
    const listener = this.#listener;
    // The log may have been written before the program was sent.
    if (listener !== undefined && type !== FromRunner.log) this.#hasSpoken = true;
    switch (type) {
      case FromRunner.ready:
        void this.#getReady(decodeReady(payload));
        return;
      case FromRunner.direct:
        if (!this.#hasAskedForPipes) throw new RunnerError("The runner took to its pipes without being asked.");
        this.#settleReady?.resolve();
        this.#settleReady = undefined;
        return;
      case FromRunner.log:
        this.#lastWords = (this.#lastWords + payload.toString()).slice(-MAX_LAST_WORDS);
        this.#onLog(payload.toString());
        return;
      case FromRunner.stdinRoom:
        this.#stdinRoom += decodeStdinRoom(payload);
        this.#flushStdin();
        return;
      case FromRunner.failed: {
        const { code, text } = decodeFailed(payload);
        this.#end(code === FAILED_FILE ? new FileRefusedError(text) : new RunnerError(`The runner failed: ${text}`));
        return;
      }
    }
    if (listener === undefined)
      throw new RunnerError(`The runner sent a frame of type ${type} before any program ran.`);
    switch (type) {
      case FromRunner.running:
        return;
      case FromRunner.stdout:
        listener.onOutput("stdout", payload);
        return;
      case FromRunner.stderr:
        listener.onOutput("stderr", payload);
        return;
      case FromRunner.collected: {
        const { path, mode, size } = decodeCollected(payload);
        this.#collectRoom -= size;
        if (this.#collectRoom < 0) throw new RunnerError("The runner sent more files than it was asked for.");
        this.#collecting = { path, mode, missing: size, parts: [] };
        this.#finishFile(listener);
        return;
      }
      case FromRunner.data:
        if (this.#collecting === undefined || payload.length > this.#collecting.missing) {
          throw new RunnerError("The runner sent bytes of no file.");
        }
        this.#collecting.parts.push(Buffer.from(payload));
        this.#collecting.missing -= payload.length;
        this.#finishFile(listener);
        return;
      case FromRunner.skipped:
        listener.onSkipped(decodeSkipped(payload));
        return;
      case FromRunner.exit: {
        const exit = decodeExit(payload);
        this.#ended = new RunnerError("The run has ended.");
        this.#settleOver();
        this.#listener = undefined;
        listener.onExit(exit);
        return;
      }
      default:
        throw new RunnerError(`The runner sent a frame of unknown type ${type}.`);
    }
  }

  #finishFile(listener: RunnerListener): void {
    const file = this.#collecting;
    if (file === undefined || file.missing > 0) return;
    this.#collecting = undefined;
    listener.onFile({ path: file.path, mode: file.mode, content: Buffer.concat(file.parts) });
  }

  #end(cause: RunnerError): void {
    if (this.#ended !== undefined) return;
    this.#ended = cause;
    this.#settleOver();
    this.#settleReady?.reject(cause);
    this.#settleReady = undefined;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onLost(cause);
  }
}

/** A file of the run could not be written: its path is taken, or the workspace is full. */
export class FileRefusedError extends RunnerError {}
