import { constants } from "node:os";
import type { RunnerExit } from "../container/runner-frames.js";
import type { SandboxEnd } from "../container/runtime.js";
import type { ExitMessage, ExitReason } from "../protocol/exit.js";
import { killReason, type KillReason } from "./termination.js";

/** What is known when a run is over: the runner's account, or that there is none and why. */
export type Ending =
  | { readonly kind: "reported"; readonly exit: RunnerExit }
  /** The sandbox went away under the run. */
  | { readonly kind: "lost"; readonly end: SandboxEnd }
  /**
   * The runner said nothing within the grace after the time-out or a kill, while it was listened to; the sandbox is removed
   * regardless. Where it has said nothing at all since the program was sent, the program may never have begun.
   */
  | { readonly kind: "unresponsive"; readonly hasBegun: boolean };

export interface Verdict {
  readonly reason: ExitReason;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** There where the program was asked to end before it was killed. */
  readonly grace?: NonNullable<ExitMessage["grace"]>;
}

/** The runner's own cause for a time-out (`sandbox/README.md`, EXIT). */
const TIMED_OUT = 1;
const SIGKILL = constants.signals.SIGKILL;

/** Some numbers have several names, SIGABRT and SIGIOT for one; the usual one comes first in Node's list, and stays. */
const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/**
 * Decides how a run ended. The runner's word comes first, because it alone sees whether the program ended before the
 * kill reached it; `requested`, what the daemon asked for, counts only where the runner cannot speak any more.
 */
export function decide(ending: Ending, requested: KillReason | undefined): Verdict {
  switch (ending.kind) {
    case "reported":
      return decideReported(ending.exit);
    case "lost":
      if (requested !== undefined) return without(requested);
      // Only the kernel's out-of-memory killer takes PID 1 away and leaves this mark.
      return ending.end.oomKilled ? { reason: "out_of_memory", exitCode: null, signal: "SIGKILL" } : without("lost");
    case "unresponsive":
      return without(requested ?? (ending.hasBegun ? "timed_out" : "lost"));
    default:
      return ending satisfies never;
  }
}

function decideReported(exit: RunnerExit): Verdict {
  const signal = exit.kind === "signaled" ? signalName(exit.value) : null;
  const kill = exit.cause === 0 ? undefined : exit.cause === TIMED_OUT ? "timed_out" : killReason(exit.cause);
  if (kill !== undefined)
    return { reason: kill, exitCode: exit.wasAsked && signal === null ? exit.value : null, signal, ...graceOf(exit) };
  if (signal === null) return { reason: "exited", exitCode: exit.value, signal: null };
  // A SIGKILL that nobody sent, while the kernel counted an out-of-memory kill. The counter alone would also be up for a
  // child's death, the signal alone for a program that kills itself.
  if (exit.value === SIGKILL && exit.foreignKill && exit.oomKills > 0)
    return { reason: "out_of_memory", exitCode: null, signal };
  return { reason: "signaled", exitCode: null, signal };
}

function graceOf({ wasAsked, value, kind, foreignKill }: RunnerExit): Pick<Verdict, "grace"> {
  if (!wasAsked) return {};
  return { grace: { ended: kind === "signaled" && value === SIGKILL && !foreignKill ? "killed" : "by_itself" } };
}

function without(reason: ExitReason): Verdict {
  return { reason, exitCode: null, signal: null };
}

/** The name of a signal by its number; real-time signals have none of their own. */
function signalName(number: number): string {
  return SIGNAL_NAMES.get(number) ?? `SIG${number}`;
}
