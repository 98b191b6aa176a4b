// @ts-check
import { readFile } from "node:fs/promises";
import path from "node:path";
import { SetupError, runTool } from "./run-tool.mjs";

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, dependencies?: object, devDependencies?: object }} LockedPackage */
/** @typedef {{ packages?: Record<string, LockedPackage> }} Lock */

/**
 * Installs what package-lock.json says, unless it is installed already.
 *
 * @param {string} root
 * @param {import("./steps.mjs").Progress} progress
 */
export async function installDependencies(root, progress) {
  const manifest = await readJson(path.join(root, "package.json"));
  const wanted = await readJson(path.join(root, "package-lock.json"));
  // npm writes this file last, so an install that was interrupted does not have it.
  const installed = await readJson(path.join(root, "node_modules", ".package-lock.json"));
  if (isInstalled(manifest, wanted, installed)) {
    progress.note("unchanged");
    return;
  }
  const { ok, output } = await runTool("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    onLine: progress.update,
  });
  if (!ok) throw new SetupError(`npm ci failed:\n${output.trimEnd()}`);
}

/**
 * Whether node_modules holds exactly the packages of the lock file. Optional ones may be missing: they are for other
 * systems.
 *
 * @param {LockedPackage | undefined} manifest
 * @param {Lock | undefined} wanted
 * @param {Lock | undefined} installed
 */
export function isInstalled(manifest, wanted, installed) {
  const { "": own, ...wantedPackages } = wanted?.packages ?? {};
  const installedPackages = installed?.packages ?? {};
  if (manifest === undefined || own === undefined) return false;
  const declared = [manifest.dependencies, manifest.devDependencies];
  if (JSON.stringify(declared) !== JSON.stringify([own.dependencies, own.devDependencies])) return false;
  for (const [where, { version, integrity, optional }] of Object.entries(wantedPackages)) {
    const found = installedPackages[where];
    if (found === undefined && optional) continue;
    if (found?.version !== version || found?.integrity !== integrity) return false;
  }
  return Object.keys(installedPackages).every((where) => where in wantedPackages);
}

/** @param {string} file */
async function readJson(file) {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
