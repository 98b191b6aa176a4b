import { appendFile, open, rename, truncate } from "node:fs/promises";
import type { Clock } from "../clock.js";
import { ConfigError, hasCode, messageOf } from "../errors.js";
import type { Log } from "../log.js";
import { earlierSegment, parseTrace, TRACE_HEADER, TraceError, type TraceLine, traceLineOf } from "./trace.js";

/** Between writes, in ms: what a daemon that is killed loses, against one write for each run. */
const WRITE_INTERVAL_MS = 1_000;
/** Lines that may wait for a disk that hangs; those beyond are lost. */
const MAX_WAITING_LINES = 100_000;
/** A segment that began longer ago is closed, in ms: with the one before it there is always a day. */
const SEGMENT_AGE_MS = 86_400_000;

export interface ArrivalLogOptions {
  readonly path: string;
  /** Of both segments together. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly log: Log;
}

/**
 * Records arrivals for `matchbox advise`: the last day at least, where that many bytes hold it. Two segments take turns, so
 * nothing is ever rewritten: `path`, and `path.1`, which the full one becomes. A run only adds its line to a list; one write
 * a second takes them to the disk. Where the disk fails, arrivals are lost, and no run is.
 */
export class ArrivalLog implements AsyncDisposable {
  readonly #options: ArrivalLogOptions;
  readonly #closing = new AbortController();
  #waiting: string[] = [];
  /** Present while lines wait to be written. */
  #writing: Promise<void> | undefined;
  #bytes: number;
  #beganMs: number;
  #isFailing = false;

  private constructor(options: ArrivalLogOptions, segment: { bytes: number; beganMs: number }) {
    this.#options = options;
    this.#bytes = segment.bytes;
    this.#beganMs = segment.beganMs;
  }

  /**
   * Opens the file, or makes it, for its owner only. What a killed daemon left half-written at its end is cut off.
   * @throws ConfigError when it cannot be written, or is something else than a trace
   */
  static async open(options: ArrivalLogOptions): Promise<ArrivalLog> {
    const { path, epochMs } = options;
    try {
      await using file = await open(path, "a+", 0o600);
      const text = await file.readFile("utf8");
      const whole = text.slice(0, text.lastIndexOf("\n") + 1);
      if (whole === "" && TRACE_HEADER.startsWith(text)) {
        await file.truncate(0);
        await file.appendFile(TRACE_HEADER);
        return new ArrivalLog(options, { bytes: TRACE_HEADER.length, beganMs: epochMs() });
      }
      const [first] = parseTrace(text, path);
      await file.truncate(Buffer.byteLength(whole));
      return new ArrivalLog(options, { bytes: Buffer.byteLength(whole), beganMs: first?.t ?? epochMs() });
    } catch (error) {
      const reason = error instanceof TraceError ? error.message : `${path}: ${messageOf(error)}`;
      throw new ConfigError(`sizing.traceFile: ${reason}`, { cause: error });
    }
  }

  /** Notes a run; its line is written within a second. */
  add(line: TraceLine): void {
    if (this.#closing.signal.aborted || this.#waiting.length >= MAX_WAITING_LINES) return;
    this.#waiting.push(traceLineOf(line));
    this.#writing ??= this.#writeSoon();
  }

  async #writeSoon(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    while (this.#waiting.length > 0) {
      // At the end without the wait.
      await clock.sleep(WRITE_INTERVAL_MS, { signal }).catch(() => undefined);
      await this.#write();
    }
    this.#writing = undefined;
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { path, log, epochMs } = this.#options;
    const text = this.#waiting.join("");
    this.#waiting = [];
    try {
      const bytes = Buffer.byteLength(text);
      if (this.#isFull(bytes)) {
        await rename(path, earlierSegment(path)).catch((error: unknown) => {
          if (!hasCode(error, "ENOENT")) throw error; // Somebody took it away; a new one begins all the same.
        });
        this.#bytes = 0;
        this.#beganMs = epochMs();
      }
      const whole = this.#bytes === 0 ? TRACE_HEADER + text : text;
      await appendFile(path, whole, { mode: 0o600 });
      this.#bytes += Buffer.byteLength(whole);
      this.#isFailing = false;
    } catch (error) {
      // A disk that was full in the middle of a line would leave half of it.
      await truncate(path, this.#bytes).catch(() => undefined);
      // Once, not every second.
      if (!this.#isFailing) log.warn({ path, reason: messageOf(error) }, "arrivals cannot be recorded");
      this.#isFailing = true;
    }
  }

  #isFull(moreBytes: number): boolean {
    const { maxBytes, epochMs } = this.#options;
    if (this.#bytes <= TRACE_HEADER.length) return false;
    return this.#bytes + moreBytes > maxBytes / 2 || epochMs() - this.#beganMs > SEGMENT_AGE_MS;
  }

  /** Writes what waits, and takes nothing more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the daemon is stopping"));
    await this.#writing;
  }
}
