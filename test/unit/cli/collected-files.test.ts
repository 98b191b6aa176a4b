import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { saveCollectedFile } from "../../../src/cli/collected-files.js";

let folder: string;
let out: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "matchbox-collect-"));
  out = join(folder, "out");
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const file = (path: string, content = "new", mode = 0o644) => ({ path, mode, bytes: Buffer.from(content) });
const careful = () => ({ folder: out, force: false });
const forced = () => ({ folder: out, force: true });

describe("a collected file", () => {
  it("is written below the folder, which is made with all that is on the way", async () => {
    expect(await saveCollectedFile(file("a/b/c.txt"), careful())).toEqual({ savedAs: join(out, "a/b/c.txt") });
    expect(await readFile(join(out, "a/b/c.txt"), "utf8")).toBe("new");
  });

  it("keeps whether it can be executed, and is never writable for others", async () => {
    await saveCollectedFile(file("run.sh", "", 0o4777), careful());
    await saveCollectedFile(file("unreadable", "", 0o000), careful());
    expect((await stat(join(out, "run.sh"))).mode & 0o7722).toBe(0o700);
    expect((await stat(join(out, "unreadable"))).mode & 0o777).toBe(0o600);
  });

  it.each(["../x", "/etc/x", "a/../../x", "a//b", "", "a\\b", "a\0b", "a\nb"])(
    "is refused under the name %j",
    async (path) => {
      expect(await saveCollectedFile(file(path), forced())).toHaveProperty("problem");
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it("replaces nothing unless told to", async () => {
    await mkdir(out);
    await writeFile(join(out, "x"), "old");
    expect(await saveCollectedFile(file("x"), careful())).toHaveProperty("problem", expect.stringContaining("--force"));
    expect(await readFile(join(out, "x"), "utf8")).toBe("old");
    expect(await saveCollectedFile(file("x"), forced())).toHaveProperty("savedAs");
    expect(await readFile(join(out, "x"), "utf8")).toBe("new");
    expect(await readdir(out)).toEqual(["x"]);
  });

  it("does not follow a link to somewhere else, neither as a folder nor as the file", async () => {
    const outside = join(folder, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "secret"), "old");
    await mkdir(out);
    await symlink(outside, join(out, "link"));
    await symlink(join(outside, "secret"), join(out, "file"));
    await symlink(join(outside, "not-yet"), join(out, "dangling"));
    for (const how of [careful(), forced()]) {
      expect(await saveCollectedFile(file("link/secret"), how)).toHaveProperty(
        "problem",
        expect.stringContaining("not a folder"),
      );
    }
    expect(await saveCollectedFile(file("file"), careful())).toHaveProperty("problem");
    expect(await saveCollectedFile(file("dangling"), careful())).toHaveProperty("problem");
    await saveCollectedFile(file("file"), forced());
    expect(await readFile(join(outside, "secret"), "utf8")).toBe("old");
    expect((await lstat(join(out, "file"))).isFile()).toBe(true);
    expect(await readdir(outside)).toEqual(["secret"]);
  });

  it("does not take the place of a folder", async () => {
    await mkdir(join(out, "x"), { recursive: true });
    expect(await saveCollectedFile(file("x"), careful())).toHaveProperty("problem");
    expect(await saveCollectedFile(file("x"), forced())).toHaveProperty("problem");
    expect(await readdir(out)).toEqual(["x"]);
  });

  it("is not written into the current folder when it is hidden: hooks and settings take effect by being there", async () => {
    for (const path of [".git/hooks/post-checkout", ".bashrc", "a/.env"]) {
      const saved = await saveCollectedFile(file(path), { folder: undefined, force: true });
      expect(saved).toHaveProperty("problem", expect.stringContaining("--out"));
    }
    expect(await saveCollectedFile(file(".env"), careful())).toHaveProperty("savedAs");
  });
});
