import { constants } from "node:os";
import type { ExitMessage } from "../protocol/exit.js";
import { EXIT_MATCHBOX_FAILED } from "./cli-error.js";

/** As `timeout(1)` has it. */
export const EXIT_TIMED_OUT = 124;

/** What a shell reports for a process that a signal ended. */
export function exitCodeOfSignal(signal: string): number {
  // Signals without a name of their own, the real-time ones, are told by number.
  const number =
    new Map<string, number>(Object.entries(constants.signals)).get(signal) ?? numberOf(/^SIG(\d+)$/.exec(signal)?.[1]);
  return number === undefined ? EXIT_MATCHBOX_FAILED : 128 + number;
}

/**
 * The exit code of `matchbox run`: the program's own, or one that tells apart why it has none.
 *
 * @param interruptedBy the signal this process got; without one, a cancelled run is one that the daemon cancelled
 */
export function exitCodeOf(exit: Pick<ExitMessage, "reason" | "exitCode" | "signal">, interruptedBy?: string): number {
  switch (exit.reason) {
    case "exited":
      return exit.exitCode ?? EXIT_MATCHBOX_FAILED;
    case "signaled":
      return exit.signal === null ? EXIT_MATCHBOX_FAILED : exitCodeOfSignal(exit.signal);
    case "timed_out":
      return EXIT_TIMED_OUT;
    case "out_of_memory":
      return exitCodeOfSignal("SIGKILL");
    case "output_limit":
      // What a program gets that goes over a limit on file size; a plain 137 would look like running out of memory.
      return exitCodeOfSignal("SIGXFSZ");
    case "cancelled":
      return interruptedBy === undefined ? EXIT_MATCHBOX_FAILED : exitCodeOfSignal(interruptedBy);
    case "client_gone":
    case "shutdown":
    case "lost":
      return EXIT_MATCHBOX_FAILED;
    default:
      throw new Error(`unexpected reason ${String(exit.reason satisfies never)}`);
  }
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}
