import { ByteQueue } from "../byte-queue.js";
import type { Clock } from "../clock.js";
import type { Encoding } from "../protocol/messages.js";
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
  /** @param omittedBytes bytes of the stream that were left out right before this piece */
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
  waiting: Buffer[] = [];
  waitingBytes = 0;
  /** Last bytes, beyond those that are sent as they come. */
  readonly tail = new ByteQueue();
  /** Bytes left out between what is sent as it comes and the tail. */
  omittedBytes = 0;

  wait(bytes: Buffer): void {
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
  }

  takeWaiting(): Buffer {
    const [first = Buffer.alloc(0), ...others] = this.waiting;
    const bytes = others.length === 0 ? first : Buffer.concat(this.waiting, this.waitingBytes);
    this.waiting = [];
    this.waitingBytes = 0;
    return bytes;
  }
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
  readonly #tailBytes: number;
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

  /** Takes what the program has written; it is sent at once, or soon, or kept for the end, or left out. */
  take(name: OutputStream, bytes: Buffer): void {
    const stream = this.#streams[name];
    stream.report.bytes += bytes.length;
    if (this.#headLeft > 0 && !this.#isFinished) {
      const head = bytes.length <= this.#headLeft ? bytes : bytes.subarray(0, this.#headLeft);
      this.#headLeft -= head.length;
      stream.wait(head);
      if (stream.waitingBytes >= PIECE_BYTES || this.#options.clock.now() - this.#lastSentAt >= GATHER_MS) {
        this.#sendWaiting();
      } else {
        this.#gather();
      }
      if (head.length === bytes.length) return;
      this.#keepLast(stream, bytes.subarray(head.length));
    } else {
      this.#keepLast(stream, bytes);
    }
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
      const stream = this.#streams[name];
      if (stream.waitingBytes === 0) continue;
      const bytes = stream.takeWaiting();
      const unfinished = this.#options.encoding === "utf8" ? unfinishedBytes(bytes) : 0;
      this.#send(name, bytes.subarray(0, bytes.length - unfinished), 0);
      if (unfinished > 0) stream.wait(Buffer.from(bytes.subarray(bytes.length - unfinished)));
    }
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
      omittedBytes = stream.omittedBytes + stream.takeWaiting().length + orphaned;
    }
    while (stream.tail.length > 0) {
      stream.wait(stream.tail.take(PIECE_BYTES));
      const bytes = stream.takeWaiting();
      const unfinished = isText && stream.tail.length > 0 ? unfinishedBytes(bytes) : 0;
      this.#send(name, bytes.subarray(0, bytes.length - unfinished), omittedBytes);
      omittedBytes = 0;
      if (unfinished > 0) stream.wait(bytes.subarray(bytes.length - unfinished));
    }
    this.#send(name, stream.takeWaiting(), omittedBytes);
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
