import { ByteQueue } from "../byte-queue.js";
import type { Clock } from "../clock.js";
import type { Encoding } from "../protocol/messages.js";
import { Gathered } from "./gathered.js";
import { orphanedBytes, unfinishedBytes } from "./characters.js";

export const OUTPUT_STREAMS = ["stdout", "stderr"] as const;
export type OutputStream = (typeof OUTPUT_STREAMS)[number];

interface StreamReport {
  bytes: number;
  sent: number;
  truncated: boolean;
}

export interface RunOutputOptions {
  readonly encoding: Encoding;
  /** What may be sent of both streams together. */
  readonly limitBytes: number;
  /** How much of that is kept for the last bytes; the rest goes to the first ones, as they come. */
  readonly tailBytes: number;
  readonly clock: Clock;
  /**
   * @param bytes the callback's until it returns
   * @param omittedBytes bytes of the stream that were left out right before this piece
   */
  readonly send: (stream: OutputStream, bytes: Buffer, omittedBytes: number) => void;
}

/**
 * After a piece has been sent, what comes within so many ms is put together into the next one. The first piece after a
 * silence never waits, and neither does the last before the end. Longer saves messages where a program writes byte by
 * byte; shorter is seen less by somebody who watches.
 */
const GATHER_MS = 2;
/** A piece of this size is sent at once: gathering more would save nothing. */
const PIECE_BYTES = 64 * 1024;

class Stream {
  readonly report: StreamReport = { bytes: 0, sent: 0, truncated: false };
  /** To be sent with the next piece; at least what has come of a character that is not whole yet. */
  readonly waiting = new Gathered();
  /** Last bytes, beyond those that are sent as they come. */
  readonly tail = new ByteQueue();
  /** Bytes left out between what is sent as it comes and the tail. */
  omittedBytes = 0;
}

/**
 * What a run has written, on its way to the client: counted, cut at its limit with the cut declared, put together where
 * it comes in crumbs. Where it is to be text, no piece splits a character.
 *
 * Its memory is bounded: one piece of each stream, and `tailBytes`.
 */
export class RunOutput {
  readonly #options: RunOutputOptions;
  readonly #streams = { stdout: new Stream(), stderr: new Stream() };
  #headLeft: number;
  #tailBytes: number;
  #lastSentAt = -Infinity;
  #gathering: AbortController | undefined;
  #isFinished = false;

  constructor(options: RunOutputOptions) {
    this.#options = options;
    this.#tailBytes = Math.min(options.tailBytes, options.limitBytes);
    this.#headLeft = options.limitBytes - this.#tailBytes;
  }

  get report(): Record<OutputStream, StreamReport> {
    const { stdout, stderr } = this.#streams;
    return { stdout: stdout.report, stderr: stderr.report };
  }

  /** Whether bytes have been left out. */
  get overLimit(): boolean {
    return OUTPUT_STREAMS.some((name) => this.#streams[name].report.truncated);
  }

  /**
   * Takes what the program has written; it is sent at once, or soon, or kept for the end, or left out.
   * @param bytes are copied where they are kept
   */
  take(name: OutputStream, bytes: Buffer): void {
    const stream = this.#streams[name];
    stream.report.bytes += bytes.length;
    if (this.#headLeft > 0 && !this.#isFinished) {
      const head = bytes.length <= this.#headLeft ? bytes : bytes.subarray(0, this.#headLeft);
      this.#headLeft -= head.length;
      this.#takeHead(name, head);
      if (head.length === bytes.length) return;
      this.#keepLast(stream, bytes.subarray(head.length));
    } else {
      this.#keepLast(stream, bytes);
    }
  }

  #takeHead(name: OutputStream, bytes: Buffer): void {
    const { waiting } = this.#streams[name];
    const isDue =
      waiting.length + bytes.length >= PIECE_BYTES || this.#options.clock.now() - this.#lastSentAt >= GATHER_MS;
    if (isDue && waiting.length === 0) {
      this.#sendWaiting();
      this.#sendPiece(name, bytes);
      return;
    }
    waiting.push(bytes);
    if (isDue) this.#sendWaiting();
    else this.#gather();
  }

  /** Everything that is taken from here on is left out, as what is over the limit is. */
  leaveOut(): void {
    this.#headLeft = 0;
    this.#tailBytes = 0;
  }

  /** Sends all that is left to send: what waits, the tail, and a replacement for a character that never became whole. */
  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#gathering?.abort(FINISHED);
    this.#sendWaiting();
    for (const name of OUTPUT_STREAMS) this.#sendTail(name);
  }

  /** Takes the runner's count, which includes what nobody read any more. */
  correct(counts: { stdoutBytes: number; stderrBytes: number }): void {
    for (const [name, bytes] of [
      ["stdout", counts.stdoutBytes],
      ["stderr", counts.stderrBytes],
    ] as const) {
      const { report } = this.#streams[name];
      report.bytes = Math.max(report.bytes, bytes);
      report.truncated ||= report.bytes > report.sent;
    }
  }

  /** For a run whose streams could not be read to their end. */
  declareCut(): void {
    for (const name of OUTPUT_STREAMS) this.#streams[name].report.truncated = true;
  }

  /** Sends what has gathered of both streams when the time for it is over. */
  #gather(): void {
    if (this.#gathering !== undefined) return;
    const gathering = new AbortController();
    this.#gathering = gathering;
    this.#options.clock.sleep(GATHER_MS, { signal: gathering.signal }).then(
      () => {
        this.#sendWaiting();
      },
      () => undefined, // The end came first, and has sent it.
    );
  }

  #sendWaiting(): void {
    this.#gathering?.abort(FINISHED);
    this.#gathering = undefined;
    for (const name of OUTPUT_STREAMS) {
      const { waiting } = this.#streams[name];
      if (waiting.length > 0) this.#sendPiece(name, waiting.take());
    }
  }

  /** What has come of a character that is not whole yet goes on waiting. */
  #sendPiece(name: OutputStream, bytes: Buffer): void {
    const whole = bytes.length - (this.#options.encoding === "utf8" ? unfinishedBytes(bytes) : 0);
    this.#send(name, bytes.subarray(0, whole), 0);
    if (whole < bytes.length) this.#streams[name].waiting.push(bytes.subarray(whole));
  }

  /**
   * Keeps the last bytes of both streams. Together they are never more than the room for them, and where they would be,
   * the stream that has more of it gives way: a flood on one does not push out the last words on the other.
   */
  #keepLast(stream: Stream, bytes: Buffer): void {
    if (this.#tailBytes === 0 || this.#isFinished) {
      stream.omittedBytes += bytes.length;
      stream.report.truncated = true;
      return;
    }
    const kept = bytes.length <= this.#tailBytes ? bytes : bytes.subarray(bytes.length - this.#tailBytes);
    if (kept.length < bytes.length) omit(stream, stream.tail.length, bytes.length - kept.length);
    stream.tail.push(kept);
    const { stdout, stderr } = this.#streams;
    const excess = stdout.tail.length + stderr.tail.length - this.#tailBytes;
    if (excess <= 0) return;
    const [longer, shorter] = stdout.tail.length >= stderr.tail.length ? [stdout, stderr] : [stderr, stdout];
    // Down to the length of the other; what is still too much then comes from both alike.
    const alone = Math.min(excess, longer.tail.length - shorter.tail.length);
    const each = Math.ceil((excess - alone) / 2);
    omit(longer, alone + each, 0);
    omit(shorter, excess - alone - each, 0);
  }

  #sendTail(name: OutputStream): void {
    const stream = this.#streams[name];
    const isText = this.#options.encoding === "utf8";
    let omittedBytes = 0;
    if (stream.omittedBytes > 0) {
      // What has come of a character whose rest was left out, and the rest of one whose beginning was.
      const orphaned = isText ? orphanedBytes((index) => stream.tail.at(index)) : 0;
      stream.tail.drop(orphaned);
      omittedBytes = stream.omittedBytes + stream.waiting.take().length + orphaned;
    }
    while (stream.tail.length > 0) {
      stream.waiting.push(stream.tail.take(PIECE_BYTES));
      const bytes = stream.waiting.take();
      const whole = bytes.length - (isText && stream.tail.length > 0 ? unfinishedBytes(bytes) : 0);
      this.#send(name, bytes.subarray(0, whole), omittedBytes);
      omittedBytes = 0;
      if (whole < bytes.length) stream.waiting.push(bytes.subarray(whole));
    }
    this.#send(name, stream.waiting.take(), omittedBytes);
  }

  #send(name: OutputStream, bytes: Buffer, omittedBytes: number): void {
    if (bytes.length === 0) return;
    const { clock, send } = this.#options;
    this.#lastSentAt = clock.now();
    this.#streams[name].report.sent += bytes.length;
    send(name, bytes, omittedBytes);
  }
}

/** Ends a wait. Made once: an abort without a reason makes an exception each time, stack and all. */
const FINISHED = new Error("there is nothing left to gather");

/** Leaves out the first bytes of a stream's tail, and some that never got there. */
function omit(stream: Stream, fromTail: number, besides: number): void {
  if (fromTail + besides === 0) return;
  stream.tail.drop(fromTail);
  stream.omittedBytes += fromTail + besides;
  stream.report.truncated = true;
}
