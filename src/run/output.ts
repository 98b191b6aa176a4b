import { StringDecoder } from "node:string_decoder";
import type { Encoding } from "../protocol/messages.js";

export const OUTPUT_STREAMS = ["stdout", "stderr"] as const;
export type OutputStream = (typeof OUTPUT_STREAMS)[number];

interface StreamReport {
  bytes: number;
  sent: number;
  truncated: boolean;
}

/**
 * What a run has written: counted, cut at its limit with the cut declared, and made into text without ever splitting a
 * character.
 */
export class RunOutput {
  readonly report: Record<OutputStream, StreamReport> = {
    stdout: { bytes: 0, sent: 0, truncated: false },
    stderr: { bytes: 0, sent: 0, truncated: false },
  };
  readonly #decoders: Record<OutputStream, StringDecoder> | undefined;
  #left: number;

  /** @param limitBytes what may be sent of both streams together */
  constructor(options: { encoding: Encoding; limitBytes: number }) {
    this.#left = options.limitBytes;
    this.#decoders =
      options.encoding === "utf8"
        ? { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") }
        : undefined;
  }

  /** Whether bytes have been left out. */
  get overLimit(): boolean {
    return OUTPUT_STREAMS.some((stream) => this.report[stream].truncated);
  }

  /** @returns what to send now; empty when the bytes only begin a character, or the limit is reached */
  take(stream: OutputStream, bytes: Buffer): string {
    const report = this.report[stream];
    report.bytes += bytes.length;
    const part = bytes.length <= this.#left ? bytes : bytes.subarray(0, this.#left);
    if (part.length < bytes.length) report.truncated = true;
    this.#left -= part.length;
    report.sent += part.length;
    return this.#decoders === undefined ? part.toString("base64") : this.#decoders[stream].write(part);
  }

  /** @returns what is left of a character that never became whole, as its replacement */
  finish(stream: OutputStream): string {
    return this.#decoders?.[stream].end() ?? "";
  }

  /** Takes the runner's count, which includes what nobody read any more. */
  correct(counts: { stdoutBytes: number; stderrBytes: number }): void {
    for (const [stream, bytes] of [
      ["stdout", counts.stdoutBytes],
      ["stderr", counts.stderrBytes],
    ] as const) {
      const report = this.report[stream];
      report.bytes = Math.max(report.bytes, bytes);
      report.truncated ||= report.bytes > report.sent;
    }
  }

  /** For a run whose streams could not be read to their end. */
  declareCut(): void {
    for (const stream of OUTPUT_STREAMS) this.report[stream].truncated = true;
  }
}
