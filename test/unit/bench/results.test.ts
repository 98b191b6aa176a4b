import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseResult, readResult, writeResult } from "../../../bench/lib/results.js";
import { packageRoot } from "../../../src/package-root.js";
import { around, resultOf, subject } from "./support.js";

const RESULT = resultOf([subject("matchbox", { exit: around(10) })], {
  ladder: {
    title: "t",
    asked: "rate",
    askedUnit: "runs/s",
    units: { hits: "%" },
    steps: [{ asked: 1, figures: { hits: 99 } }],
  },
  strip: { title: "s", rows: [{ name: "cold", stages: [{ name: "create", ms: 4 }] }] },
});

/** The result as JSON after a change to it. */
function changed(change: (json: Record<string, unknown>) => void): string {
  const json = JSON.parse(JSON.stringify(RESULT)) as Record<string, unknown>;
  change(json);
  return JSON.stringify(json);
}

describe("a result", () => {
  it("is read as it was written", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-bench-"));
    try {
      const file = join(folder, "deep", "x.json");
      expect(await writeResult(RESULT, file)).toBe(file);
      expect(await readResult(file)).toEqual(RESULT);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("that is published can be read", async () => {
    const result = await readResult(join(packageRoot(), "bench", "results", "warm-hit.json"));
    expect(result.subjects.length).toBeGreaterThan(0);
  });

  it("without units counts in ms", () => {
    const text = changed((json) => {
      json["subjects"] = [
        { ...RESULT.subjects[0], metrics: { exit: { ...RESULT.subjects[0]?.metrics["exit"], unit: undefined } } },
      ];
    });
    expect(parseResult(text, "x.json").subjects[0]?.metrics["exit"]?.unit).toBe("ms");
  });

  it("that is wrong is refused with file, path and what is allowed", () => {
    const text = changed((json) => {
      json["subjects"] = [
        { ...RESULT.subjects[0], metrics: { exit: { ...RESULT.subjects[0]?.metrics["exit"], unit: "s", p50: "1" } } },
      ];
    });
    expect(() => parseResult(text, "some/x.json")).toThrow(
      /^some\/x\.json: subjects\[0\]\.metrics\.exit\.unit: .*"ms"\|"MB\/s".*\nsome\/x\.json: subjects\[0\]\.metrics\.exit\.p50: .*expected number, received string$/,
    );
  });

  it("that is no JSON, or not there, is refused with its file", async () => {
    expect(() => parseResult("{", "x.json")).toThrow(/^x\.json: is not JSON: /);
    await expect(readResult("/nowhere/x.json")).rejects.toThrow(/^\/nowhere\/x\.json: cannot be read: /);
  });
});
