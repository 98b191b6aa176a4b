import { EXIT_MATCHBOX_FAILED } from "./cli-error.js";
import { exitCodeOfSignal } from "./exit-code.js";
import { notice } from "./terminal.js";

/**
 * Keeps Node from ending the process, with a stack, for an output that cannot be written; to be called before anything is.
 * What was to go to stdout is what a command is for: where that broke, its exit code says so, as other programs' does. Without
 * stderr a command goes on.
 */
export function outliveOutputs(): void {
  let failure: NodeJS.ErrnoException | undefined;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => (failure ??= error));
  process.stderr.on("error", () => undefined);
  process.on("exit", (code) => {
    if (failure === undefined) return;
    if (failure.code === "EPIPE") process.exitCode = exitCodeOfSignal("SIGPIPE");
    else if (code !== EXIT_MATCHBOX_FAILED) {
      // A command that failed has said why.
      notice(`The output cannot be written: ${failure.message}.`);
      process.exitCode = EXIT_MATCHBOX_FAILED;
    }
  });
}
