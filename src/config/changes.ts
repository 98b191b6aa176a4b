import { isDeepStrictEqual } from "node:util";
import type { Config } from "./schema.js";

/** One key that differs between two configurations; undefined on the side that does not have it. */
export interface Change {
  /** Dotted, such as `lanes.python.warm`; a lane that comes or goes is one change, `lanes.python`. */
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** What a running daemon cannot change: its claim on an instance, what all of its sandboxes rely on, the file that it records in. */
const FIXED = ["server.listen", "engine", "egress", "sizing.traceFile", "sizing.traceMaxBytes"] as const;
/** Never shown. */
const SECRET = "server.tokens";

/** What differs, key by key; lists count as one value. */
export function changesBetween(before: Config, after: Config): Change[] {
  return differences("", before, after);
}

function differences(key: string, before: unknown, after: unknown): Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isSection(before) || !isSection(after)) return [{ key, before, after }];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) =>
    differences(key === "" ? name : `${key}.${name}`, before[name], after[name]),
  );
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a change takes effect only when the daemon starts anew. */
export function needsRestart({ key }: Change): boolean {
  return FIXED.some((fixed) => key === fixed || key.startsWith(`${fixed}.`));
}

/** A change in words for a log: `lanes.python.warm: 8 -> 16`. */
export function describeChange({ key, before, after }: Change): string {
  if (key === SECRET) return `${key}: changed`;
  if (before === undefined) return `${key}: added`;
  if (after === undefined) return `${key}: removed`;
  return `${key}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`;
}
