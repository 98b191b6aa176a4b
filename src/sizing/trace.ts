import { readFile } from "node:fs/promises";
import { z } from "zod";
import { hasCode, messageOf } from "../errors.js";

/** A day, in ms: how much of a trace counts, counted back from its last arrival. */
const DAY_MS = 86_400_000;

/** The first line of a trace. */
export const TRACE_HEADER = `${JSON.stringify({ trace: "matchbox arrivals", version: 1 })}\n`;

const header = z.strictObject({ trace: z.literal("matchbox arrivals"), version: z.int() });

/** One arrival. Nothing of the client's: no code, no id, no address. */
const traceLine = z.strictObject({
  t: z.number().nonnegative().describe("When the run asked for a sandbox, in ms since 1970."),
  lane: z.string().min(1).max(63).describe("The lane's name."),
  ms: z.number().nonnegative().nullable().describe("How long its program ran; null where the run got no sandbox."),
});

export type TraceLine = z.infer<typeof traceLine>;

/** One line of a trace's file. */
export function traceLineOf({ t, lane, ms }: TraceLine): string {
  return `${JSON.stringify({ t: Math.round(t), lane, ms: ms === null ? null : Math.round(ms) })}\n`;
}

/** A trace that cannot be read; the message names file and line. */
export class TraceError extends Error {
  override readonly name = "TraceError";
}

/** Where an `ArrivalLog` keeps what it wrote before its present file. */
export function earlierSegment(path: string): string {
  return `${path}.1`;
}

/**
 * Reads the last day of a trace, the segment before it included, in the order of arrival.
 * @throws TraceError
 */
export async function readTrace(path: string): Promise<TraceLine[]> {
  const lines = parseTrace(await readText(path), path);
  const earlier = earlierSegment(path);
  const before = await readText(earlier).catch((error: unknown) => {
    if (error instanceof TraceError && hasCode(error.cause, "ENOENT")) return undefined; // Nothing was rotated yet.
    throw error;
  });
  const all = before === undefined ? lines : [...parseTrace(before, earlier), ...lines];
  // Lines are written when runs end, and runs do not end in the order in which they came.
  all.sort((one, other) => one.t - other.t);
  const fromMs = (all.at(-1)?.t ?? 0) - DAY_MS;
  return all.filter(({ t }) => t >= fromMs);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new TraceError(`${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** The time that a trace spans, in hours. */
export function hoursOf(trace: readonly TraceLine[]): number {
  return ((trace.at(-1)?.t ?? 0) - (trace[0]?.t ?? 0)) / 3_600_000;
}

/**
 * Reads the text of a trace. A last line without its end was torn when the daemon died, and does not count.
 * @param name of the file, for errors
 * @throws TraceError
 */
export function parseTrace(text: string, name: string): TraceLine[] {
  const [first = "", ...rest] = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  const parsed = header.safeParse(fromJson(first));
  if (!parsed.success) throw new TraceError(`${name}:1: is not a trace: it must begin with ${TRACE_HEADER.trimEnd()}`);
  if (parsed.data.version !== 1)
    throw new TraceError(`${name}:1: has version ${parsed.data.version}; this Matchbox reads version 1`);
  return rest.slice(0, -1).map((line, index) => {
    const arrival = traceLine.safeParse(fromJson(line));
    if (arrival.success) return arrival.data;
    const [issue] = arrival.error.issues;
    const key = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    throw new TraceError(
      `${name}:${index + 2}: ${key}${issue?.message ?? ""}; a line looks like {"t":1767225600000,"lane":"python","ms":41}`,
    );
  });
}

/** @returns undefined for what is not JSON, which no schema takes */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Told by the schema, with the line.
  }
}
