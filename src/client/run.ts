import type { ExitMessage } from "../protocol/exit.js";
import type { ClientMessageInput, Encoding, ErrorMessage, StartedMessage } from "../protocol/messages.js";
import { toBase64 } from "./bytes.js";
import { MatchboxError } from "./errors.js";
import type { DestroyedMessage, Inbox, RunEvent } from "./inbox.js";
import { type Assembly, type CollectedFile, collectedFile, type Gap, type RunOutput } from "./output.js";

/** What a run needs of its connection. */
export interface RunPort {
  send(message: ClientMessageInput): void;
  /** Settles when the connection can take more, or is closed. */
  writable(): Promise<void>;
  /** How much input of a run may wait at the daemon, in bytes; infinite where the daemon does not say when it waits no more. */
  readonly stdinWindowBytes: number;
}

export interface RunResult<Data> extends RunOutput<Data> {
  readonly exit: ExitMessage;
  /** Undefined when the run was cancelled while it waited for a sandbox. */
  readonly started: StartedMessage | undefined;
  /** What the daemon objected to while the run went on, such as input for a run that keeps none open. */
  readonly complaints: readonly ErrorMessage[];
  /** Where something is missing within a stream. What is missing at its end is in `exit.output` only. */
  readonly gaps: readonly Gap[];
}

/** How a run's streams are encoded and put together again. */
export interface OutputForm<Data> {
  readonly encoding: Encoding;
  readonly assembly: () => Assembly<Data>;
}

/** Characters, or bytes, of input in one message: some hundredth of the message that a daemon takes by default. */
const WRITE_UNITS = 64 * 1024;

/**
 * One run under way. Read it in one of two ways:
 *
 * - `await run.result()` collects everything, in memory bounded by the lane's output limit;
 * - `for await (const message of run)` streams. Messages that are not taken hold the connection back, and with it the
 *   program. The loop ends after `exit`; it throws the MatchboxError that ended the run instead. Leaving it early drops
 *   the rest of the messages but lets the run go on: `cancel` ends it.
 *
 * `exit` and `destroyed` are there in both cases. Disposing cancels a run that has not ended and waits for its ending.
 */
export class Run<Data extends string | Uint8Array = string> implements AsyncIterable<RunEvent>, AsyncDisposable {
  readonly id: string;
  /** How the program ended. @throws MatchboxError when Matchbox failed the run */
  readonly exit: Promise<ExitMessage>;
  /**
   * The daemon's word that the sandbox is gone; comes after `exit`, and until then the id stays taken. Undefined when
   * the run never had a sandbox.
   * @throws ConnectionError when the connection ended first
   */
  readonly destroyed: Promise<DestroyedMessage | undefined>;

  readonly #inbox: Inbox;
  readonly #port: RunPort;
  readonly #form: OutputForm<Data>;
  #reading: "nobody" | "loop" | "result" = "nobody";
  #result: Promise<RunResult<Data>> | undefined;
  /** Input sent so far, in bytes. */
  #written = 0;

  constructor(inbox: Inbox, port: RunPort, form: OutputForm<Data>) {
    this.id = inbox.id;
    this.exit = inbox.exit;
    this.destroyed = inbox.destroyed;
    this.#inbox = inbox;
    this.#port = port;
    this.#form = form;
  }

  /**
   * Collects the whole run. Every call returns the same promise.
   * @throws MatchboxError when Matchbox failed the run; its `partial` has what came until then
   */
  result(): Promise<RunResult<Data>> {
    if (this.#reading === "loop") throw new TypeError("this run is read with `for await`; its ending is in `run.exit`");
    this.#reading = "result";
    this.#result ??= this.#collect();
    return this.#result;
  }

  /** Asks for the run to be ended; the ending still comes, as an `exit` with the reason `cancelled` or as it was already. */
  cancel(): void {
    if (!this.#inbox.hasEnded) this.#port.send({ type: "cancel", id: this.id });
  }

  /**
   * Sends input to a run that was requested with `stdin: true`.
   * @param input text, which is sent as UTF-8, or bytes, which arrive as they are
   * @returns false when the run had ended and the input went nowhere; settles once the connection can take more, and the
   *   program has read enough of what was sent before
   */
  async write(input: string | Uint8Array): Promise<boolean> {
    for (const { bytes, ...message } of typeof input === "string" ? textPieces(input) : bytePieces(input)) {
      if (this.#inbox.hasEnded) return false;
      this.#port.send({ type: "stdin", id: this.id, ...message });
      this.#written += bytes;
      await this.#port.writable();
      await this.#inbox.stdinTaken(this.#written - this.#port.stdinWindowBytes / 2);
    }
    return !this.#inbox.hasEnded;
  }

  /** Ends the program's input. */
  end(): void {
    if (!this.#inbox.hasEnded) this.#port.send({ type: "stdin_end", id: this.id });
  }

  [Symbol.asyncIterator](): AsyncIterator<RunEvent, undefined> {
    if (this.#reading !== "nobody") {
      throw new TypeError(
        this.#reading === "loop" ? "this run has a reader already" : "this run is being collected by `result()`",
      );
    }
    this.#reading = "loop";
    this.#inbox.stream();
    return this.#events();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    // How it ended does not matter to somebody who leaves; that it ended does.
    await this.exit.then(ignore, ignore);
  }

  async *#events(): AsyncGenerator<RunEvent, undefined, undefined> {
    try {
      for (let event = await this.#inbox.next(); event !== undefined; event = await this.#inbox.next()) yield event;
    } finally {
      this.#inbox.discard();
    }
    return undefined;
  }

  async #collect(): Promise<RunResult<Data>> {
    const stdout = this.#form.assembly();
    const stderr = this.#form.assembly();
    const files: CollectedFile[] = [];
    const complaints: ErrorMessage[] = [];
    const gaps: Gap[] = [];
    let started: StartedMessage | undefined;
    try {
      for (let event = await this.#inbox.next(); event !== undefined; event = await this.#inbox.next()) {
        if (event.type === "started") started = event;
        else if (event.type === "stdout" || event.type === "stderr") {
          const { type: stream, data, omittedBytes } = event;
          const assembly = stream === "stdout" ? stdout : stderr;
          if (omittedBytes !== undefined) gaps.push({ stream, at: assembly.length, omittedBytes });
          assembly.add(data);
        } else if (event.type === "file") files.push(collectedFile(event, this.#form.encoding));
        else if (event.type === "error") complaints.push(event);
      }
      const exit = await this.exit;
      return { exit, started, complaints, gaps, stdout: stdout.whole(), stderr: stderr.whole(), files };
    } catch (error) {
      if (error instanceof MatchboxError) error.partial = { stdout: stdout.whole(), stderr: stderr.whole(), files };
      throw error;
    }
  }
}

interface InputPiece {
  readonly data: string;
  readonly encoding?: "base64";
  readonly bytes: number;
}

/** Cuts text without cutting a character in half. */
function* textPieces(text: string): Generator<InputPiece> {
  let start = 0;
  while (start < text.length) {
    let end = Math.min(start + WRITE_UNITS, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    const data = text.slice(start, end);
    yield { data, bytes: new TextEncoder().encode(data).length };
    start = end;
  }
}

function* bytePieces(bytes: Uint8Array): Generator<InputPiece> {
  for (let start = 0; start < bytes.length; start += WRITE_UNITS) {
    const piece = bytes.subarray(start, start + WRITE_UNITS);
    yield { data: toBase64(piece), encoding: "base64", bytes: piece.length };
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function ignore(): void {
  // A continuation for endings that nobody asks about.
}
