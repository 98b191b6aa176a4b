import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { CliError } from "../../src/cli/cli-error.js";
import { messageOf } from "../../src/errors.js";
import { packageRoot, packageVersion } from "../../src/package-root.js";
import type { MachineFacts } from "./machine.js";
import type { ScenarioResult } from "./scenario.js";
import { UNITS } from "./summary.js";

/** A result as a file has it: with the machine it comes from and the time. */
export interface StoredResult extends ScenarioResult {
  readonly matchbox: string;
  readonly date: string;
  readonly machine: MachineFacts;
}

/** Results from before there were other units have none: they counted in milliseconds. */
const unit = z.enum(UNITS).default("ms");
const amount = z.number().min(0);

const summary = z.object({
  unit,
  count: amount,
  p50: amount,
  p90: amount,
  p99: amount.nullable(),
  max: amount,
  samples: z.array(amount),
});

const storedResult = z.object({
  scenario: z.string().min(1),
  summary: z.string(),
  settings: z.record(z.string(), z.union([z.number(), z.string()])),
  subjects: z.array(
    z.object({
      name: z.string(),
      description: z.string(),
      isFloor: z.literal(true).exactOptional(),
      metrics: z.record(z.string(), summary),
    }),
  ),
  ratios: z.array(
    z.object({
      metric: z.string(),
      unit,
      subject: z.string(),
      comparedWith: z.string(),
      factor: z.number().positive(),
    }),
  ),
  ladder: z
    .object({
      title: z.string(),
      asked: z.string(),
      askedUnit: z.enum(UNITS),
      units: z.record(z.string(), z.enum(UNITS)),
      steps: z.array(z.object({ asked: amount, figures: z.record(z.string(), z.number()) })),
    })
    .exactOptional(),
  strip: z
    .object({
      title: z.string(),
      rows: z.array(z.object({ name: z.string(), stages: z.array(z.object({ name: z.string(), ms: amount })) })),
    })
    .exactOptional(),
  notes: z.array(z.string()),
  matchbox: z.string(),
  date: z.string(),
  machine: z.object({
    cpu: z.string(),
    cores: z.number(),
    memoryGiB: z.number(),
    kernel: z.string(),
    engine: z.string(),
    node: z.string(),
    load1: z.number(),
  }),
});

/** The result with everything that is needed to judge it. */
export function withOrigin(result: ScenarioResult, machine: MachineFacts): StoredResult {
  return { ...result, matchbox: packageVersion(), date: new Date().toISOString(), machine };
}

/**
 * Writes a result, single samples included. Without a file of its own it goes to a `.local.json`, which git ignores;
 * figures that are published are written under another name on purpose.
 * @returns where it is
 */
export async function writeResult(result: StoredResult, file: string | undefined): Promise<string> {
  const path = file ?? join(packageRoot(), "bench", "results", `${result.scenario}.local.json`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(
    path,
    `${JSON.stringify(result, undefined, 2).replace(/\[[\d.,\s]+\]/g, (list) => list.replace(/\s+/g, " "))}\n`,
  );
  return file ?? relative(process.cwd(), path);
}

/** @throws CliError when it cannot be read, or is no result */
export async function readResult(file: string): Promise<StoredResult> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`${file}: cannot be read: ${messageOf(error)}`, { exitCode: 1, cause: error });
  }
  return parseResult(text, file);
}

/** @throws CliError with a line for each mistake: file, path, what is allowed */
export function parseResult(text: string, file: string): StoredResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError(`${file}: is not JSON: ${messageOf(error)}`, { exitCode: 1, cause: error });
  }
  const parsed = storedResult.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `${file}: ${z.core.toDotPath(path)}: ${message}`);
  throw new CliError(lines.join("\n"), { exitCode: 1 });
}
