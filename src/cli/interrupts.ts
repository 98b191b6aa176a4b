import { constants } from "node:os";
import { notice } from "./terminal.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The wish of a person, or of the system, that this process end. */
export interface Interrupts extends Disposable {
  /** Aborts with the first signal. */
  readonly signal: AbortSignal;
  readonly first: NodeJS.Signals | undefined;
}

/**
 * Turns the first signal into an abort, so that the run is cancelled and its ending is waited for; a second one ends the
 * process at once, and the daemon kills the program when the connection is gone.
 */
export function catchInterrupts(): Interrupts {
  const controller = new AbortController();
  let first: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (first !== undefined) process.exit(128 + constants.signals[signal]);
    first = signal;
    if (process.stderr.isTTY) notice("cancelling; once more to leave without waiting");
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    get first() {
      return first;
    },
    [Symbol.dispose]() {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
