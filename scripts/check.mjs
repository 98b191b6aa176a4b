// @ts-check
import { readdir } from "node:fs/promises";
import path from "node:path";
import { SetupError, runTool } from "./run-tool.mjs";
import { step } from "./steps.mjs";

/**
 * Runs every check that needs no engine, all of them even when one fails.
 *
 * @param {string} root
 * @returns {Promise<boolean>} whether all of them passed
 */
export async function check(root) {
  /** @param {string} script @param {string[]} args @returns {[string, string[]]} */
  const node = (script, ...args) => [process.execPath, [path.join(root, "node_modules", script), ...args]];
  // What the conformance suite compares are programs as people write them, mistakes included.
  const programs = path.join("test", "conformance", "programs");
  const shell = (await filesWith(root, [".sh"], [".ci/run"])).filter((name) => !name.startsWith(programs));
  const c = await filesWith(root, [".c", ".h"], []);
  /** @type {[string, [string, string[]]][]} */
  const checks = [
    ["types", node("typescript/bin/tsc", "-p", "test/tsconfig.json", "--noEmit")],
    ["types of the pages", node("typescript/bin/tsc", "-p", "src/web/tsconfig.json")],
    ["lint", node("eslint/bin/eslint.js", "--max-warnings=0", ".")],
    ["format", node("prettier/bin/prettier.cjs", "--check", "--log-level=warn", ".")],
    ["unused code", node("knip/bin/knip.js", "--no-progress")],
    ["shell scripts", ["shellcheck", shell]],
    ["C format", ["clang-format", ["--dry-run", "-Werror", ...c]]],
  ];
  let allPassed = true;
  for (const [name, [command, args]] of checks) {
    await step(name, async (progress) => {
      if (!path.isAbsolute(command) && !(await isInstalled(command)))
        return progress.note(`skipped: no ${command} here`);
      const { ok, output } = await runTool(command, args, { cwd: root, onLine: progress.update });
      if (!ok) throw new SetupError(output.trimEnd());
    }).catch((/** @type {unknown} */ error) => {
      if (!(error instanceof SetupError)) throw error;
      process.stderr.write(`${error.message}\n`);
      allPassed = false;
    });
  }
  return allPassed;
}

/** @param {string} root @param {string[]} endings @param {string[]} more */
async function filesWith(root, endings, more) {
  const folders = [".ci", "sandbox", "scripts", "test"];
  const found = await Promise.all(
    folders.map((folder) => readdir(path.join(root, folder), { recursive: true, withFileTypes: true })),
  );
  const names = found.flat().map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
  return [...names.filter((name) => endings.some((ending) => name.endsWith(ending))), ...more].sort();
}

/** @param {string} command */
async function isInstalled(command) {
  return (await runTool("sh", ["-c", 'command -v "$1"', "sh", command], { cwd: "/" })).ok;
}
