// @ts-check
import { chmod, copyFile, mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Finishes dist/ where the compiler stops: drops what was compiled from sources that are gone, copies the files that are
 * not TypeScript, makes the command executable (`npx matchbox` is bin/matchbox.cjs; npm may remember the name that it had).
 *
 * @param {string} root
 */
export async function afterBuild(root) {
  for (const folder of ["src", "bench"]) {
    // The pages are the bundler's, and go to dist/web.
    const sources = (await filesIn(path.join(root, folder))).filter((file) => !file.startsWith(`web${path.sep}`));
    const built = path.join(root, "dist", folder);
    const kept = new Set(
      sources.flatMap((file) =>
        file.endsWith(".ts") ? [file.replace(/ts$/, "js"), file.replace(/ts$/, "js.map")] : [file],
      ),
    );
    for (const file of await filesIn(built)) {
      if (!kept.has(file)) await rm(path.join(built, file));
    }
    for (const file of sources.filter((name) => !name.endsWith(".ts"))) {
      await mkdir(path.dirname(path.join(built, file)), { recursive: true });
      await copyFile(path.join(root, folder, file), path.join(built, file));
    }
  }
  await chmod(path.join(root, "dist", "src", "cli", "main.js"), 0o755).catch(ignoreMissing);
}

/** @param {string} folder */
async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(ignoreMissing);
  return (entries ?? [])
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

/** @param {unknown} error */
function ignoreMissing(error) {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await afterBuild(path.dirname(import.meta.dirname));
