import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type EngineAddress, describeAddress } from "./engine-address.js";

/**
 * Sees to it that nothing of this daemon's is left when it is killed between creating a container and starting it: those
 * that run end by themselves, because their stdin closes, but one that never ran has nobody to end it.
 *
 * A shell waits on a pipe from the daemon: a line is an orderly stop and ends it, the pipe's end is a death, and turns it
 * into `remove-after-death.ts`. It costs less than a megabyte, in a session of its own so that a signal to the daemon's
 * process group does not reach it. Network and rules it leaves to the next daemon of this instance, which may be there already.
 */
export class Watchdog implements Disposable {
  readonly #line: NodeJS.WritableStream;

  private constructor(line: NodeJS.WritableStream) {
    this.#line = line;
  }

  /** @param daemon what the daemon's containers are labelled with, and no other's */
  static start(address: EngineAddress, daemon: string): Watchdog {
    const cleaner = fileURLToPath(new URL("./remove-after-death.js", import.meta.url));
    const child = spawn(
      "/bin/sh",
      [
        "-c",
        'read -r line && exit 0; exec "$@"',
        "matchbox-watchdog",
        process.execPath,
        cleaner,
        describeAddress(address),
        daemon,
      ],
      { detached: true, stdio: ["pipe", "ignore", "ignore"], env: {} },
    );
    child.unref();
    // A watchdog that could not be started or has died takes nothing with it: the sweep at the next start is left.
    child.on("error", () => undefined);
    child.stdin.on("error", () => undefined);
    return new Watchdog(child.stdin);
  }

  /** The daemon stops in order and leaves nothing to remove. */
  [Symbol.dispose](): void {
    this.#line.end("stopped\n");
  }
}
