import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where what Debian's package holds is kept from one test run to the next. */
const HOME = join(tmpdir(), "matchbox-test-prometheus");

/** The folder with Debian's `prometheus` and `promtool`. The package is unpacked and not installed: that would start a server. */
export async function prometheusPrograms(): Promise<string> {
  const programs = join(HOME, "usr", "bin");
  const isThere = await access(join(programs, "promtool")).then(
    () => true,
    () => false,
  );
  if (isThere) return programs;
  const folder = await mkdtemp(join(tmpdir(), "matchbox-test-"));
  try {
    const download = (): Promise<unknown> => run("apt-get", ["-q", "download", "prometheus"], { cwd: folder });
    await download().catch(async () => {
      await run("apt-get", ["-q", "update"]);
      await download();
    });
    const [archive] = await readdir(folder);
    if (archive === undefined) throw new Error("apt-get has left no package");
    await run("dpkg-deb", ["-x", join(folder, archive), join(folder, "unpacked")]);
    await mkdir(tmpdir(), { recursive: true });
    await rename(join(folder, "unpacked"), HOME);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return programs;
}
