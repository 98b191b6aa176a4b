import { readFile } from "node:fs/promises";
import { findProgram, lastLines, runProgram } from "./process.js";
import { SetupError } from "./setup-error.js";
import type { Progress } from "./step.js";

/**
 * Sees to it that programs are there, and installs the Debian packages they come in when they are not.
 * @param options.purpose what they are for, for the message when they cannot be installed.
 * @throws SetupError saying what to install: without root, on a system without apt, or when apt fails.
 */
export async function ensurePrograms(
  programs: readonly string[],
  packages: readonly string[],
  options: { purpose: string; progress: Progress; signal?: AbortSignal | undefined },
): Promise<void> {
  const found = await Promise.all(programs.map(findProgram));
  const missing = programs.filter((_, index) => found[index] === undefined);
  if (missing.length === 0) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (!(await isDebianLike())) {
    throw new SetupError(
      `${options.purpose} needs ${missing.join(", ")}, and this system is not one that Matchbox knows how to install on.\n` +
        `Please install what holds them (on Debian or Ubuntu: ${packages.join(" ")}).`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new SetupError(
      `${options.purpose} needs ${missing.join(", ")}. Please install:\n\n  sudo sh -c '${command}'\n`,
    );
  }
  const apt = (...args: string[]): ReturnType<typeof runProgram> =>
    runProgram("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=120", ...args], {
      env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
      onText: options.progress.update,
      signal: options.signal,
    });
  // One broken source of packages must not stop the others: whether the update was good enough shows at the install.
  const update = await apt("update");
  const install = await apt("install", "-y", "--no-install-recommends", ...packages);
  if (!install.ok) {
    const output = update.ok ? install.output : update.output + install.output;
    throw new SetupError(`Could not install ${packages.join(" ")}:\n${lastLines(output, 20)}\n\nTried: ${command}`);
  }
  options.progress.note(`installed ${packages.join(" ")}`);
}

/** Whether this system installs its software with apt from Debian packages. */
export async function isDebianLike(): Promise<boolean> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const families = [...text.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap((match) => match[1]?.split(" ") ?? []);
  const known = families.some((family) => family === "debian" || family === "ubuntu");
  return known && (await findProgram("apt-get")) !== undefined;
}
