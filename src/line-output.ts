import { constants, fstatSync, openSync, type Stats, write, writeSync } from "node:fs";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";

/** Characters that may wait for a descriptor which takes none: some 1,500 lines of runs. Those beyond are dropped, and counted. */
const MAX_WAITING_CHARS = 1024 * 1024;
/** Of what waits, so many characters are written at once: what a pipe holds. */
const CHUNK_CHARS = 64 * 1024;
/** Between attempts while a descriptor takes nothing, in ms, doubling: a reader that is merely slow is not kept waiting. */
const RETRY_MIN_MS = 10;
const RETRY_MAX_MS = 1_000;

/**
 * Writes text to a descriptor of this process that may be full, unread, closed or gone at any time, as stdout and stderr of a
 * daemon are: never throws, never waits, and holds no more than a bound. What cannot be written is tried again, from the very
 * byte, for as long as the process lives: disks get room again, and readers go on. From the first text that is
 * dropped to the last one that waited before it, all are dropped, so that there is one gap and not many.
 *
 * pino's own destination retries for ever, within the turn of the event loop, where a disk is full (`EAGAIN` and `EBUSY` of
 * every kind likewise), and keeps all that a reader leaves; streams of Node end for good with their first error.
 */
export class LineOutput {
  readonly #descriptor: Descriptor;
  #onGap: ((dropped: number) => void) | undefined;
  #waiting: string[] = [];
  #waitingChars = 0;
  /** Taken out of what waits, and not yet written. */
  #rest: Buffer | undefined;
  #isUnderWay = false;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MIN_MS;
  #dropped = 0;
  /** Since the last gap that was told; there is a gap while it is not 0. */
  #missing = 0;

  private constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
  }

  /** stdout and stderr; one and the same where both are one file, so that no line ends up within another. */
  static standard(): { readonly stdout: LineOutput; readonly stderr: LineOutput } {
    const [one, two] = [tryStat(1), tryStat(2)];
    const stdout = new LineOutput(openDescriptor(1));
    const isSame = one !== undefined && one.dev === two?.dev && one.ino === two.ino;
    return { stdout, stderr: isSame ? stdout : new LineOutput(openDescriptor(2)) };
  }

  get isTerminal(): boolean {
    return this.#descriptor.isTerminal;
  }

  /** Texts that were never written, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param onGap is called where texts are missing, once others are written again: what it writes stands in their place */
  tellGaps(onGap: (dropped: number) => void): void {
    this.#onGap = onGap;
  }

  /** @param text whole lines */
  write(text: string): void {
    if (this.#missing > 0 || (this.#waitingChars > 0 && this.#waitingChars + text.length > MAX_WAITING_CHARS)) {
      this.#missing += 1;
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(text);
    this.#waitingChars += text.length;
    if (!this.#isUnderWay && this.#retry === undefined) this.#advance();
  }

  /** Waits until all is written, but no longer than so many ms. */
  async flush(ms: number): Promise<void> {
    for (const until = performance.now() + ms; this.#hasWork && performance.now() < until;) {
      if (!this.#isUnderWay) this.#advance();
      await sleep(RETRY_MIN_MS);
    }
  }

  /** Whether the system still has a write of ours, which holds up an orderly exit of the process until it is over. */
  get isStuck(): boolean {
    return this.#isUnderWay;
  }

  get #hasWork(): boolean {
    return this.#rest !== undefined || this.#waiting.length > 0 || this.#isUnderWay;
  }

  /** Writes until nothing waits, or the descriptor takes no more for now. */
  #advance(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const { fd, mayBlock } = this.#descriptor;
    while (!this.#isUnderWay) {
      const bytes = this.#next();
      if (bytes === undefined) return;
      if (mayBlock) {
        this.#isUnderWay = true;
        write(fd, bytes, (error, written) => {
          this.#isUnderWay = false;
          if (this.#took(bytes, error === null ? written : 0)) this.#advance();
        });
      } else if (!this.#took(bytes, tryWrite(fd, bytes))) {
        return;
      }
    }
  }

  /** What is to be written next; undefined when there is nothing. */
  #next(): Buffer | undefined {
    if (this.#rest !== undefined) return this.#rest;
    if (this.#waiting.length === 0) this.#tellGap();
    if (this.#waiting.length === 0) return undefined;
    let [count, chars] = [0, 0];
    for (const text of this.#waiting) {
      if (count > 0 && chars + text.length > CHUNK_CHARS) break;
      count += 1;
      chars += text.length;
    }
    this.#waitingChars -= chars;
    this.#rest = Buffer.from(count === 1 ? (this.#waiting.shift() ?? "") : this.#waiting.splice(0, count).join(""));
    return this.#rest;
  }

  /** What is written of it joins what waits, and whoever calls this goes on with that. */
  #tellGap(): void {
    const missing = this.#missing;
    if (missing === 0) return;
    this.#missing = 0;
    this.#isUnderWay = true;
    this.#onGap?.(missing);
    this.#isUnderWay = false;
  }

  /** @returns whether to go on at once */
  #took(bytes: Buffer, written: number): boolean {
    this.#rest = written === bytes.length ? undefined : bytes.subarray(written);
    if (written > 0) {
      this.#retryMs = RETRY_MIN_MS;
      return true;
    }
    // A write of nothing is a success, too; no text is empty.
    this.#retry = setTimeout(() => {
      this.#advance();
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
    return false;
  }
}

/** @returns how many bytes were taken: 0 where there is no room (`EAGAIN`, `ENOSPC`), no reader (`EPIPE`, `EIO`), or no way at all */
function tryWrite(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch {
    return 0;
  }
}

interface Descriptor {
  readonly fd: number;
  /** Whether a write may have to wait for a disk or a reader, so that it takes a thread of its own. */
  readonly mayBlock: boolean;
  readonly isTerminal: boolean;
}

/** Where writes can be kept from waiting, they are: a line costs a hundred times as much by way of a thread. */
function openDescriptor(fd: 1 | 2): Descriptor {
  const isTerminal = isatty(fd);
  const stats = tryStat(fd);
  if (isTerminal || stats?.isFIFO() === true) {
    const own = reopen(fd);
    if (own !== undefined) return { fd: own, mayBlock: false, isTerminal };
  }
  if (stats?.isFIFO() === true || stats?.isSocket() === true) {
    // Node makes the descriptor of a pipe or a socket one that does not wait, when it makes its stream.
    const stream = fd === 1 ? process.stdout : process.stderr;
    return { fd, mayBlock: !(stream instanceof Socket), isTerminal };
  }
  return { fd, mayBlock: isTerminal || stats?.isFile() === true || stats?.isBlockDevice() === true, isTerminal };
}

/** The same pipe or terminal, opened anew, so that who shares the old one with us does not find it changed. */
function reopen(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined; // Another user's, a pipe whose reader has gone, or no /proc.
  }
}

function tryStat(fd: number): Stats | undefined {
  try {
    return fstatSync(fd);
  } catch {
    return undefined; // Closed.
  }
}
