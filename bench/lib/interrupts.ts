import { constants } from "node:os";
import { CliError } from "../../src/cli/cli-error.js";
import { notice } from "../../src/cli/terminal.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/**
 * A second signal within this time is the first one again: npm and timeout(1) pass on what their whole group has got
 * already. Nobody who means it is that fast.
 */
const ECHO_MS = 1_000;

/**
 * Lets a measurement end early without leaving anything behind: the first Ctrl-C aborts its signal, so that it fails at
 * its next look and disposes of what it holds; another one, a second later or more, ends the process at once.
 * @throws CliError when it was interrupted, in place of whatever it failed with then: a daemon of the bench's own hears
 *   the same Ctrl-C, and what is under way fails because of that
 */
export async function interruptible<T>(
  measure: (signal: AbortSignal) => Promise<T>,
  now: () => number = () => performance.now(),
): Promise<T> {
  const controller = new AbortController();
  let first: { readonly name: NodeJS.Signals; readonly at: number } | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    if (first !== undefined) {
      if (now() - first.at >= ECHO_MS) process.exit(128 + constants.signals[name]);
      return;
    }
    first = { name, at: now() };
    if (process.stderr.isTTY) notice("tidying up; once more to leave without");
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await measure(controller.signal);
  } catch (error) {
    const interrupted = interruption(first?.name, error);
    throw interrupted ?? error;
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

function interruption(signal: NodeJS.Signals | undefined, cause: unknown): CliError | undefined {
  if (signal === undefined) return undefined;
  return new CliError(`The measurement was interrupted (${signal}).`, {
    exitCode: 128 + constants.signals[signal],
    cause,
  });
}
