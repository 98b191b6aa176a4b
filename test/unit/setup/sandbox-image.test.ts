import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copiedPaths, sandboxImageTag, sandboxInputs } from "../../../src/setup/sandbox-image.js";

let folder: string;

const write = async (file: string, content: string): Promise<void> => {
  await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
  await writeFile(path.join(folder, file), content);
};
const tag = (baseImage = ""): string => sandboxImageTag(folder, baseImage);

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "matchbox-sandbox-"));
  await write("Dockerfile", "ARG BASE_IMAGE\nFROM $BASE_IMAGE\nCOPY runner/ /src/\nCOPY prewarm/python.py /opt/\n");
  await write("runner/main.c", "int main(void) { return 0; }\n");
  await write("runner/parts/frames.c", "\n");
  await write("prewarm/python.py", "import json\n");
  await write("README.md", "The sandbox\n");
});

afterEach(() => rm(folder, { recursive: true }));

describe("sandboxImageTag", () => {
  it("names an image by twelve hexadecimal digits", () => {
    expect(tag()).toMatch(/^matchbox-sandbox:[0-9a-f]{12}$/);
  });

  it("stays when nothing but times and unrelated files change", async () => {
    const before = tag();
    await utimes(path.join(folder, "runner/main.c"), 1, 1);
    await write("README.md", "Another text\n");
    await write("prewarm/unused.py", "pass\n");
    expect(tag()).toBe(before);
  });

  it.each([
    ["the Dockerfile", () => write("Dockerfile", "FROM scratch\nCOPY runner/ /src/\n")],
    ["a copied file", () => write("prewarm/python.py", "import math\n")],
    ["a file deep in a copied folder", () => write("runner/parts/frames.c", "// changed\n")],
    ["a new file in a copied folder", () => write("runner/new.c", "")],
    ["a file that is gone", () => rm(path.join(folder, "runner/parts/frames.c"))],
    ["a file that became a program", () => chmod(path.join(folder, "prewarm/python.py"), 0o755)],
  ])("changes with %s", async (_, change) => {
    const before = tag();
    await change();
    expect(tag()).not.toBe(before);
  });

  it("changes with the base image that was chosen", () => {
    expect(tag("debian:sid-slim")).not.toBe(tag());
  });

  it("tells where one file ends and the next begins", async () => {
    await write("runner/a", "1");
    await write("runner/b", "");
    const before = tag();
    await write("runner/a", "");
    await write("runner/b", "1");
    expect(tag()).not.toBe(before);
  });

  it("says which file is missing", async () => {
    await rm(path.join(folder, "prewarm"), { recursive: true });
    expect(() => tag()).toThrow("copies prewarm/python.py, which is not there");
  });
});

describe("sandboxInputs", () => {
  it("lists the Dockerfile and what it copies, sorted, without what .dockerignore names", async () => {
    await write("runner/build/runner", "binary");
    await write(".dockerignore", "# built by the tests\nrunner/build/\n");
    expect(sandboxInputs(folder)).toEqual([
      "Dockerfile",
      "prewarm/python.py",
      "runner/main.c",
      "runner/parts/frames.c",
    ]);
  });

  it("refuses patterns in .dockerignore", async () => {
    await write(".dockerignore", "**/*.o\n");
    expect(() => sandboxInputs(folder)).toThrow("**/*.o");
  });
});

describe("copiedPaths", () => {
  it("reads both forms, options and continued lines", () => {
    const dockerfile = [
      "COPY --chmod=0555 a b /opt/",
      'COPY ["with space", "/opt/"]',
      "ADD https://example.org/x /opt/",
      "COPY --from=build /out /opt/",
      "copy c \\",
      "  # why d",
      "  d \\",
      "  /opt/",
      "RUN echo COPY e f",
    ].join("\n");
    expect(copiedPaths(dockerfile)).toEqual(["a", "b", "with space", "c", "d"]);
  });

  it("refuses patterns, because what they match is not told", () => {
    expect(() => copiedPaths("COPY *.c /src/")).toThrow('copies "*.c"');
  });
});
