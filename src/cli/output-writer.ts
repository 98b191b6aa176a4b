import type { Writable } from "node:stream";

/** Writes a program's output to this process's streams, no faster than they take it, and remembers if one broke. */
export class OutputWriter {
  readonly #streams: Readonly<Record<"stdout" | "stderr", Writable>>;
  #failure: NodeJS.ErrnoException | undefined;

  constructor(stdout: Writable, stderr: Writable) {
    this.#streams = { stdout, stderr };
    // Every failed write is reported to its callback too; without a listener the event would end the process.
    for (const stream of [stdout, stderr]) stream.on("error", (error) => (this.#failure ??= error));
  }

  /** The first thing that went wrong; nothing is written after it. */
  get failure(): NodeJS.ErrnoException | undefined {
    return this.#failure;
  }

  /** @returns false when a stream has broken; settles when the bytes have been taken */
  async write(name: "stdout" | "stderr", bytes: Uint8Array): Promise<boolean> {
    if (this.#failure !== undefined) return false;
    const error = await new Promise<Error | null | undefined>((resolve) => {
      this.#streams[name].write(bytes, resolve);
    });
    if (error) this.#failure ??= error;
    return this.#failure === undefined;
  }
}
