import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copiedPaths, imageInputs, imageTag, stagesFor } from "../../../src/setup/sandbox-image.js";

let folder: string;

const write = async (file: string, content: string): Promise<void> => {
  await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
  await writeFile(path.join(folder, file), content);
};
const tag = (baseImage = ""): string => imageTag("sandbox", folder, baseImage);

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "matchbox-sandbox-"));
  await write(
    "Dockerfile",
    "ARG BASE_IMAGE\nFROM $BASE_IMAGE AS sandbox\nCOPY runner/ /src/\nCOPY prewarm/python.py /opt/\n",
  );
  await write("runner/main.c", "int main(void) { return 0; }\n");
  await write("runner/parts/frames.c", "\n");
  await write("prewarm/python.py", "import json\n");
  await write("README.md", "The sandbox\n");
});

afterEach(() => rm(folder, { recursive: true }));

describe("imageTag", () => {
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
    ["the Dockerfile", () => write("Dockerfile", "FROM scratch AS sandbox\nCOPY runner/ /src/\n")],
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

describe("imageInputs", () => {
  it("lists what the target copies, sorted, without what .dockerignore names", async () => {
    await write("runner/build/runner", "binary");
    await write(".dockerignore", "# built by the tests\nrunner/build/\n");
    expect(imageInputs("sandbox", folder).files).toEqual([
      "prewarm/python.py",
      "runner/main.c",
      "runner/parts/frames.c",
    ]);
  });

  it("refuses patterns in .dockerignore", async () => {
    await write(".dockerignore", "**/*.o\n");
    expect(() => imageInputs("sandbox", folder)).toThrow("**/*.o");
  });
});

describe("stagesFor", () => {
  const dockerfile = [
    "ARG BASE",
    "FROM ${BASE} AS tools",
    "RUN install compiler",
    "FROM --platform=linux/amd64 ${BASE} as packages",
    "RUN install python",
    "FROM packages AS sandbox",
    "COPY --from=tools /out /opt",
    "FROM packages AS data",
    "COPY numbers /opt",
    "RUN echo FROM nowhere",
    "FROM sandbox",
    "",
  ].join("\n");

  it("takes a target's own stage, those that it stands on, and those that it copies from", () => {
    const stages = stagesFor("sandbox", dockerfile);
    expect(stages.match(/^FROM.*$/gm)).toEqual([
      "FROM ${BASE} AS tools",
      "FROM --platform=linux/amd64 ${BASE} as packages",
      "FROM packages AS sandbox",
    ]);
    expect(stages).toMatch(/^\n?ARG BASE\n/);
  });

  it("leaves out stages that the target has nothing of", () => {
    const stages = stagesFor("data", dockerfile);
    expect(stages).not.toContain("compiler");
    expect(stages).toContain("RUN echo FROM nowhere");
  });

  it("says that there is no such stage", () => {
    expect(() => stagesFor("science", dockerfile)).toThrow("no stage that is named science");
  });
});

describe("the tags of several targets", () => {
  beforeEach(async () => {
    const stages = ["FROM scratch AS sandbox", "COPY runner /r", "FROM sandbox AS data", "COPY prewarm /p", ""];
    await write("Dockerfile", stages.join("\n"));
  });
  const tags = () => [imageTag("sandbox", folder, ""), imageTag("data", folder, "")];

  it("are named after their targets", () => {
    expect(tags()).toEqual([
      expect.stringMatching(/^matchbox-sandbox:[0-9a-f]{12}$/),
      expect.stringMatching(/^matchbox-data:[0-9a-f]{12}$/),
    ]);
  });

  it("change with what each is built from, and with nothing else", async () => {
    const [sandbox, data] = tags();
    await write("prewarm/python.py", "import math\n");
    expect(tags()[0]).toBe(sandbox);
    expect(tags()[1]).not.toBe(data);
    await write("prewarm/python.py", "import json\n");
    expect(tags()).toEqual([sandbox, data]);
    await write("runner/main.c", "int main(void) { return 1; }\n");
    expect(tags()[0]).not.toBe(sandbox);
    expect(tags()[1]).not.toBe(data);
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
