import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { packageRoot, packageVersion } from "../../src/package-root.js";
import type { MachineFacts } from "./machine.js";
import type { ScenarioResult } from "./scenario.js";

/**
 * Writes a result with everything that is needed to judge it, single samples included. Without a file of its own it goes
 * to a `.local.json`, which git ignores; figures that are published are written under another name on purpose.
 * @returns where it is
 */
export async function writeResult(
  result: ScenarioResult,
  machine: MachineFacts,
  file: string | undefined,
): Promise<string> {
  const path = file ?? join(packageRoot(), "bench", "results", `${result.scenario}.local.json`);
  await mkdir(dirname(path), { recursive: true });
  const document = { ...result, matchbox: packageVersion(), date: new Date().toISOString(), machine };
  await writeFile(
    path,
    `${JSON.stringify(document, undefined, 2).replace(/\[[\d.,\s]+\]/g, (list) => list.replace(/\s+/g, " "))}\n`,
  );
  return file ?? relative(process.cwd(), path);
}
