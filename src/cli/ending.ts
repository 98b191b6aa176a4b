import type { ExitMessage } from "../protocol/exit.js";
import type { LaneLimits } from "../protocol/messages.js";
import { showDuration } from "./duration.js";

const MIB = 1024 * 1024;

export interface EndingContext {
  readonly lane: LaneLimits | undefined;
  /** The time-out that was asked for; undefined took the lane's. */
  readonly timeoutMs: number | undefined;
}

/** What a person should be told about an ending, a line each; nothing for a program that ended by itself. */
export function describeEnding(exit: ExitMessage, context: EndingContext): string[] {
  return [...describeReason(exit, context), ...describeTruncation(exit, context)];
}

function describeReason(exit: ExitMessage, { lane, timeoutMs }: EndingContext): string[] {
  switch (exit.reason) {
    case "exited":
      return [];
    case "signaled":
      return [`the program was ended by ${exit.signal ?? "a signal"}`];
    case "timed_out": {
      const limit = timeoutMs ?? lane?.timeoutMs;
      return [`timed out${limit === undefined ? "" : ` after ${showDuration(limit)}`}; ${describeKill(exit)}`];
    }
    case "out_of_memory": {
      const limit =
        lane === undefined
          ? ""
          : ` (the lane "${lane.name}" has ${Math.round(lane.memoryBytes / MIB)} MiB, files in the workspace included)`;
      return [`out of memory${limit}; the program was killed`];
    }
    case "output_limit":
      return ["the program wrote more than its output limit and was killed"];
    case "cancelled":
      return [`cancelled; ${describeKill(exit)}`];
    case "client_gone":
      return ["the daemon took this client for gone and killed the program"];
    case "shutdown":
      return ["the daemon stopped and killed the program"];
    case "lost":
      return ["the sandbox was lost before the program's end was known: whether it finished cannot be told"];
    default:
      throw new Error(`unexpected reason ${String(exit.reason satisfies never)}`);
  }
}

/** What came of a program whose run was over before it was. */
function describeKill({ grace, exitCode, signal }: ExitMessage): string {
  if (grace === undefined) return "the program was killed";
  if (grace.ended === "killed") return "the program was asked to end, did not in its grace, and was killed";
  const how = exitCode === null ? `was ended by ${signal ?? "a signal"}` : `exited with ${exitCode}`;
  return `the program was asked to end and ${how}`;
}

function describeTruncation(exit: ExitMessage, { lane }: EndingContext): string[] {
  const limit = lane === undefined ? "" : ` (the lane sends at most ${lane.maxOutputBytes})`;
  return Object.entries(exit.output)
    .filter(([, report]) => report.truncated)
    .map(([name, report]) => `${name} was cut: ${report.sent} of ${report.bytes} bytes were sent${limit}`);
}
