import { concatBytes } from "../client/bytes.js";
import type { MatchboxError } from "../client/errors.js";
import type { CollectedFile } from "../client/output.js";
import type { ExitMessage } from "../protocol/exit.js";
import type { StartedMessage } from "../protocol/messages.js";
import type { Saved } from "./collected-files.js";
import { printableJson } from "./terminal.js";

/** Gathers what `matchbox run --json` prints. */
export class RunReport {
  readonly #lane: string;
  readonly #pieces: Record<"stdout" | "stderr", Uint8Array[]> = { stdout: [], stderr: [] };
  readonly #files: object[] = [];
  #started: StartedMessage | undefined;
  #ending: object = {};

  constructor(lane: string) {
    this.#lane = lane;
  }

  started(message: StartedMessage): void {
    this.#started = message;
  }

  output(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    this.#pieces[stream].push(bytes);
  }

  file({ path, size }: Pick<CollectedFile, "path" | "size">, saved: Saved): void {
    this.#files.push({ path, size, ...saved });
  }

  ended(id: string, { reason, exitCode, signal, grace, timings, usage, output }: ExitMessage): void {
    this.#ending = { id, reason, exitCode, signal, ...(grace === undefined ? {} : { grace }), timings, usage, output };
  }

  failed({ code, message, retryable, retryAfterMs, runId }: MatchboxError): void {
    this.#ending = { id: runId, error: { code, message, retryable, retryAfterMs } };
  }

  /** One line. Either `reason` is there, or `error`. */
  toJson(): string {
    const report = {
      lane: this.#lane,
      sandbox: this.#started?.sandbox,
      launch: this.#started?.launch,
      ...this.#ending,
      ...textOrBytes("stdout", concatBytes(this.#pieces.stdout)),
      ...textOrBytes("stderr", concatBytes(this.#pieces.stderr)),
      files: this.#files,
    };
    return printableJson(JSON.stringify(report));
  }
}

/** Text with what is not UTF-8 replaced; then the exact bytes as well. */
function textOrBytes(name: string, bytes: Uint8Array): Record<string, string> {
  try {
    return { [name]: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    // Not UTF-8: both forms are given.
    return {
      [name]: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
      [`${name}Base64`]: Buffer.from(bytes).toString("base64"),
    };
  }
}
