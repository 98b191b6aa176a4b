// @ts-check
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterBuild } from "./after-build.mjs";
import { SetupError, runTool } from "./run-tool.mjs";

const sourceFolders = ["src", "bench"];
const otherInputs = ["tsconfig.json", "package.json", "node_modules/.package-lock.json"];

/**
 * Compiles the TypeScript to dist/ and bundles the pages, unless dist/ was built from the same inputs already.
 *
 * @param {string} root
 * @param {import("./steps.mjs").Progress} progress
 */
export async function build(root, progress) {
  const stamp = path.join(root, "dist", ".built-from");
  const inputs = await hashOfInputs(root);
  if ((await readFile(stamp, "utf8").catch(() => "")) === inputs) {
    progress.note("unchanged");
    return;
  }
  await mkdir(path.dirname(stamp), { recursive: true });
  await rm(stamp, { force: true });
  const compiler = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const options = ["-p", "tsconfig.json", "--incremental", "--tsBuildInfoFile", "dist/.tsbuildinfo"];
  // What is merely unused is for `npm run check` to say; it must not keep a half-finished change from being tried out.
  options.push("--noUnusedLocals", "false", "--noUnusedParameters", "false");
  const { ok, output } = await runTool(process.execPath, [compiler, ...options], { cwd: root });
  if (!ok) throw new SetupError(`The TypeScript does not compile:\n${output.trimEnd()}`);
  await afterBuild(root);
  const vite = path.join(root, "node_modules", "vite", "bin", "vite.js");
  const pages = await runTool(process.execPath, [vite, "build", "-c", "src/web/vite.config.ts"], { cwd: root });
  if (!pages.ok) throw new SetupError(`The pages cannot be built:\n${pages.output.trimEnd()}`);
  await writeFile(stamp, inputs);
}

/** @param {string} root */
async function hashOfInputs(root) {
  const hash = createHash("sha256");
  /** @type {string[]} */
  const files = [...otherInputs];
  for (const folder of sourceFolders) {
    const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
    files.push(...entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)));
  }
  for (const file of files.sort()) {
    const content = await readFile(path.resolve(root, file));
    hash.update(`${path.relative(root, path.resolve(root, file))}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}
