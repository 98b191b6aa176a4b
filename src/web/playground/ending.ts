import type { MatchboxError } from "../../client/errors.js";
import type { ExitMessage } from "../../protocol/exit.js";
import type { LaneLimits } from "../../protocol/messages.js";
import { formatBytes, formatCount, formatLimit, formatMemory, formatMs } from "../shared/format.js";

/** How a run ended, in words. */
export interface Ending {
  readonly tone: "good" | "bad" | "neutral";
  readonly headline: string;
  /** Sentences that say more. */
  readonly details: readonly string[];
}

export interface EndingContext {
  readonly lane: LaneLimits | undefined;
  /** The time-out that was asked for; undefined took the lane's. */
  readonly timeoutMs: number | undefined;
}

export function describeExit(exit: ExitMessage, context: EndingContext): Ending {
  const { tone, headline, details } = describeReason(exit, context);
  return { tone, headline, details: [...details, ...describeMemory(exit), ...describeTruncation(exit, context)] };
}

function describeReason(exit: ExitMessage, { lane, timeoutMs }: EndingContext): Ending {
  switch (exit.reason) {
    case "exited":
      return {
        tone: exit.exitCode === 0 ? "good" : "bad",
        headline: `exited ${exit.exitCode ?? "?"}`,
        details: [],
      };
    case "signaled":
      return { tone: "bad", headline: `ended by ${exit.signal ?? "a signal"}`, details: [] };
    case "timed_out": {
      const limit = timeoutMs ?? lane?.timeoutMs;
      const after = limit === undefined ? "" : ` after ${formatLimit(limit)}`;
      return { tone: "bad", headline: `timed out${after}`, details: [describeKill(exit)] };
    }
    case "out_of_memory":
      return {
        tone: "bad",
        headline: "out of memory",
        details: [
          lane === undefined
            ? "The program was killed."
            : `The program was killed: a sandbox of this lane has ${formatMemory(lane.memoryBytes)}, files included.`,
        ],
      };
    case "output_limit":
      return { tone: "bad", headline: "wrote too much", details: ["The program was killed at its output limit."] };
    case "cancelled":
      return { tone: "neutral", headline: "cancelled", details: [describeKill(exit)] };
    case "client_gone":
      return {
        tone: "bad",
        headline: "taken for gone",
        details: ["The daemon lost sight of this page and killed it."],
      };
    case "shutdown":
      return { tone: "bad", headline: "the daemon stopped", details: ["It killed the program on its way out."] };
    case "lost":
      return {
        tone: "bad",
        headline: "sandbox lost",
        details: ["It was lost before the program's end was known: whether it finished cannot be told."],
      };
    default:
      throw new Error(`unexpected reason ${String(exit.reason satisfies never)}`);
  }
}

/** What came of a program whose run was over before it was. */
function describeKill({ grace, exitCode, signal }: ExitMessage): string {
  if (grace === undefined) return "The program was killed.";
  if (grace.ended === "killed") return "The program was asked to end, did not in its grace, and was killed.";
  return exitCode === null
    ? `The program was asked to end, and was ended by ${signal ?? "a signal"}.`
    : `The program was asked to end, and exited with ${exitCode}.`;
}

/** Of a program that went on although some process of it was killed, and then ended in a way of its own. */
function describeMemory({ reason, usage: { oomKills } }: ExitMessage): string[] {
  if (reason === "out_of_memory" || oomKills === null || oomKills === 0) return [];
  return [oomKills === 1 ? "A process of it ran out of memory." : `${oomKills} processes of it ran out of memory.`];
}

function describeTruncation({ output }: ExitMessage, { lane }: EndingContext): string[] {
  const limit = lane === undefined ? "" : ` This lane sends at most ${formatBytes(lane.maxOutputBytes)}.`;
  return Object.entries(output)
    .filter(([, report]) => report.truncated)
    .map(
      ([name, report]) =>
        `${name} was cut: ${formatCount(report.sent)} of ${formatCount(report.bytes)} bytes were sent.${limit}`,
    );
}

/**
 * What is known of a run that Matchbox, or the way to it, failed.
 * @param hasStarted whether the program may have run
 */
export function describeFailure(error: MatchboxError, hasStarted: boolean): Ending {
  const retry =
    error.retryAfterMs === undefined
      ? error.retryable
        ? ["Trying again may succeed."]
        : []
      : [`Try again in ${formatMs(error.retryAfterMs)}.`];
  if (error.code === "connection_lost" || error.code === "connection_closed" || error.code === "connection_failed") {
    const known = hasStarted
      ? "The program was running; how it ended is not known. The daemon kills the programs of a connection that is lost."
      : "Whether the program was started is not known. If it was, the daemon has killed it.";
    return { tone: "bad", headline: "connection lost", details: [error.message, known] };
  }
  return { tone: "bad", headline: error.code, details: [error.message, ...retry] };
}

/** A lane's limits in a line. */
export function describeLane(lane: LaneLimits): string {
  return [
    lane.network ? "network" : "no network",
    `${formatLimit(lane.timeoutMs)}${lane.maxTimeoutMs > lane.timeoutMs ? `, at most ${formatLimit(lane.maxTimeoutMs)}` : ""}`,
    formatMemory(lane.memoryBytes),
    `${lane.cpus} CPU`,
    `${formatBytes(lane.maxOutputBytes)} of output`,
  ].join(" · ");
}
