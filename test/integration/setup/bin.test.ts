import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.js";

let checkout: string;

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), "matchbox-checkout-"));
  for (const name of ["package.json", "package-lock.json", "bin"])
    await cp(join(packageRoot(), name), join(checkout, name), { recursive: true });
});

afterEach(() => rm(checkout, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: checkout, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

/** As people call it, with a cache of npm's own: what npm has linked once it does not look at again. */
const npx = (...args: string[]) => run("npx", ["matchbox", ...args], { npm_config_cache: join(checkout, "cache") });

describe("the command of a checkout", () => {
  it("is a file that is committed, and executable", async () => {
    const { bin } = JSON.parse(await readFile(join(packageRoot(), "package.json"), "utf8")) as {
      bin: { matchbox: string };
    };
    await access(join(checkout, bin.matchbox), constants.X_OK);
    expect(bin.matchbox).not.toMatch(/^(\.\/)?dist\//);
  });

  it("says what to do first where nothing is built, and works once it is", async () => {
    const early = await npx("--version");
    expect([early.code, early.stdout]).toEqual([125, ""]);
    expect(early.stderr).toMatch(
      /^matchbox: It has not been built yet\. Run this first, in .*: npm start .*npm run build\n$/,
    );

    for (const name of ["dist", "node_modules"]) await symlink(join(packageRoot(), name), join(checkout, name));
    expect(await npx("--version")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it("says so where what it stands on is not installed", async () => {
    await mkdir(join(checkout, "dist", "src", "cli"), { recursive: true });
    await writeFile(join(checkout, "dist", "src", "cli", "main.js"), 'import "a-package-that-is-not-there";\n');
    const { code, stderr } = await run(process.execPath, ["bin/matchbox.cjs", "--version"]);
    expect(code).toBe(125);
    expect(stderr).toMatch(/^matchbox: A part of it is missing\. Run this in .*: npm ci .*a-package-that-is-not-there/);
    expect(stderr.split("\n")).toHaveLength(2);
  });

  it.each(["10.24.1", "18.20.0", "20.18.3"])("tells Node %s that it is too old", async (version) => {
    const pretend = join(checkout, "pretend.cjs");
    await writeFile(
      pretend,
      `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });\n` +
        `Object.defineProperty(process, "version", { value: "v${version}" });\n`,
    );
    const { code, stderr } = await run(process.execPath, ["--require", pretend, "bin/matchbox.cjs", "status"]);
    expect(code).toBe(125);
    expect(stderr).toContain(`matchbox: It needs Node 20.19 or newer; this is v${version} (`);
  });
});
