import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { ensurePrograms } from "./packages.js";
import type { Step } from "./step.js";

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

const VITEST_REPORT = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
});

/**
 * Vitest's projects but for those that take longer than a developer waits before a commit: hostile programs, and programs of
 * every kind compared. By name, because Vitest runs what any one `--project` allows, so that exclusions undo each other.
 */
const SHORT_SUITES = ["unit", "contract", "integration", "fault"];

/**
 * Runs tests, Vitest's and the runner's own, and prints as the last line `N passed, N failed` over all: every one there is
 * with `--all`, without arguments all but the long suites; any other arguments are Vitest's, and choose.
 * @returns whether at least one test ran and none failed
 */
export async function runTests(options: { root: string; args: readonly string[]; step: Step }): Promise<boolean> {
  const { root, args, step } = options;
  await step("test tools", (progress) =>
    ensurePrograms(["gcc", "make", "ip", "python3"], ["gcc", "make", "libc6-dev", "iproute2", "python3"], {
      purpose: "Running the tests",
      progress,
    }),
  );
  const choice = chooseTests(args);
  const tallies = [await runVitest(root, choice.vitest)];
  if (choice.runner) tallies.push(await runRunnerTests(root));
  const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0;
}

/** What Vitest is to run, and whether the runner's tests are. */
export function chooseTests(args: readonly string[]): { vitest: readonly string[]; runner: boolean } {
  if (args.length === 0) return { vitest: SHORT_SUITES.map((suite) => `--project=${suite}`), runner: true };
  if (args.length === 1 && args[0] === "--all") return { vitest: [], runner: true };
  return { vitest: args, runner: false };
}

async function runVitest(root: string, args: readonly string[]): Promise<Tally> {
  const folder = await mkdtemp(path.join(tmpdir(), "matchbox-tests-"));
  const report = path.join(folder, "report.json");
  try {
    const program = path.join(root, "node_modules", "vitest", "vitest.mjs");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const exitCode = await runVisibly(process.execPath, [program, "run", ...reporters, ...args], root);
    return tallyVitest(await readFile(report, "utf8").catch(() => undefined), exitCode);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Counts what Vitest reports. A file that could not be loaded is one failure, and so is a run that fails for a reason that
 * no test shows, such as an unhandled rejection, or that leaves no report.
 */
export function tallyVitest(report: string | undefined, exitCode: number): Tally {
  if (report === undefined) return { passed: 0, failed: 1 };
  const files = VITEST_REPORT.parse(JSON.parse(report)).testResults;
  const tests = files.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === "passed").length;
  const failedTests = tests.filter((test) => test.status === "failed").length;
  const broken = files.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failed = failedTests + broken;
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}

async function runRunnerTests(root: string): Promise<Tally> {
  let output = "";
  const exitCode = await runVisibly("make", ["-C", "sandbox/runner", "test"], root, (text) => (output += text));
  return tallyRunner(output, exitCode);
}

/** Counts by the last line `N passed, N failed`; a run that fails or does not say so is one failure. */
export function tallyRunner(output: string, exitCode: number): Tally {
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  const passed = Number(last?.[1] ?? 0);
  const failed = Number(last?.[2] ?? 0);
  return { passed, failed: failed === 0 && (exitCode !== 0 || last === undefined) ? 1 : failed };
}

/** Runs a program whose output the user reads; all of it goes to stderr, because stdout is for the result. */
async function runVisibly(
  command: string,
  args: readonly string[],
  cwd: string,
  onText?: (text: string) => void,
): Promise<number> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", onText === undefined ? 2 : "pipe", 2] });
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    process.stderr.write(text);
    onText?.(text);
  });
  await once(child, "close");
  return child.exitCode ?? 1;
}
