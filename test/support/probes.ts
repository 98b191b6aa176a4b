import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Programs that tests run in sandboxes, in containers, and on the host. */
export const PROBES = join(import.meta.dirname, "probes");

/** The text of one of them. */
export async function probeText(name: string): Promise<string> {
  return readFile(join(PROBES, name), "utf8");
}

/** What came of each target, in the words of `probes/connect.py`. */
export function reachedIn(output: string): Record<string, string> {
  const lines = output.split("\n").filter((line) => line.includes("\t"));
  return Object.fromEntries(lines.map((line) => line.split("\t") as [string, string]));
}

/** The same for every target. */
export function everyTarget(outcome: string, targets: readonly string[]): Record<string, string> {
  return Object.fromEntries(targets.map((target) => [target, outcome]));
}
