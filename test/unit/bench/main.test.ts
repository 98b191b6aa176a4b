import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readResult, writeResult } from "../../../bench/lib/results.js";
import { bench } from "../../../bench/main.js";
import { warmHit } from "../../../bench/scenarios/warm-hit.js";
import { around, resultOf, subject } from "./support.js";

let folder: string;
let printed: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "matchbox-bench-"));
  printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += String(text);
    return true;
  });
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

function store(name: string, ownMs: number, more: Parameters<typeof resultOf>[1] = {}): Promise<string> {
  const subjects = [subject("matchbox", { exit: around(ownMs) }), subject("docker run", { exit: around(800) })];
  return writeResult(resultOf(subjects, more), join(folder, name));
}

describe("bench --compare OLD NEW", () => {
  it("ends with 3 when something became slower, else with 0", async () => {
    const files = [await store("old.json", 10), await store("new.json", 15)];
    expect(await bench({ scenarios: [], compare: files })).toBe(3);
    expect(printed).toContain("80 -> 53 times faster: 50 % slower");
    expect(await bench({ scenarios: [], compare: files.toReversed() })).toBe(0);
    expect(printed).toContain("53 -> 80 times faster: 50 % faster");
  });

  it("refuses what cannot be compared", async () => {
    const old = await store("old.json", 10);
    const other = await store("other.json", 10, { scenario: "bursts" });
    const empty = await store("empty.json", 10, { subjects: [], ratios: [] });
    await expect(bench({ scenarios: [], compare: [old, other] })).rejects.toThrow("warm-hit and bursts");
    await expect(bench({ scenarios: [], compare: [old, empty] })).rejects.toThrow("nothing to compare");
    await expect(bench({ scenarios: ["warm-hit"], compare: [old, old] })).rejects.toThrow("measures nothing");
    await expect(bench({ scenarios: [], compare: [old, old, old] })).rejects.toThrow("one file, or two");
    await expect(bench({ scenarios: ["bursts"], compare: [old] })).rejects.toThrow(
      "is a result of warm-hit, not of bursts",
    );
    await expect(bench({ scenarios: [], compare: [other] })).rejects.toThrow('no scenario "bursts"');
  });
});

describe("bench --compare OLD", () => {
  it("measures the scenario of the file, writes and draws it, and compares", async () => {
    const old = await store("old.json", 10);
    const subjects = [subject("matchbox", { exit: around(15) }), subject("docker run", { exit: around(800) })];
    const run = vi.spyOn(warmHit, "run").mockResolvedValue(resultOf(subjects));
    const json = join(folder, "new.json");
    expect(await bench({ scenarios: [], compare: [old], json, runs: 7 })).toBe(3);
    expect(run).toHaveBeenCalledWith(expect.objectContaining({ runs: 7 }));
    expect((await readdir(folder)).sort()).toEqual(["new.json", "new.latency.svg", "old.json"]);
    expect(printed).toContain("matchbox vs docker run, exit: 80 -> 53 times faster: 50 % slower");
  });

  it("reads the file before it measures", async () => {
    const run = vi.spyOn(warmHit, "run").mockRejectedValue(new Error("measured"));
    await expect(bench({ scenarios: [], compare: [join(folder, "nothing.json")] })).rejects.toThrow("cannot be read");
    expect(run).not.toHaveBeenCalled();
  });
});

describe("bench --set", () => {
  const measured = () => resultOf([subject("matchbox", { exit: around(15) })]);

  it("gives the settings to the scenario and writes them down, in order", async () => {
    const run = vi.spyOn(warmHit, "run").mockImplementation(() => Promise.resolve(measured()));
    const json = join(folder, "new.json");
    const set = ["server.rehearsalMs=0", "lanes.python.warm=8"];
    expect(await bench({ scenarios: ["warm-hit"], json, set })).toBe(0);
    expect(run).toHaveBeenCalledWith(expect.objectContaining({ set, url: undefined }));
    expect((await readResult(json)).settings).toEqual({ runs: 20, set: "server.rehearsalMs=0 lanes.python.warm=8" });
    expect(printed).toContain("Settings: runs 20, set server.rehearsalMs=0 lanes.python.warm=8");
    expect(await bench({ scenarios: ["warm-hit"], json })).toBe(0);
    expect((await readResult(json)).settings).toEqual({ runs: 20 });
  });

  it("is told where two results differ in it", async () => {
    const before = await store("old.json", 10);
    const after = await store("new.json", 10, { settings: { runs: 20, set: "server.rehearsalMs=0" } });
    await bench({ scenarios: [], compare: [before, after] });
    expect(printed).toContain("Note: Setting set was not there, is server.rehearsalMs=0.");
  });

  it("changes no daemon that runs already, and nothing by which the bench finds its own", async () => {
    const run = vi.spyOn(warmHit, "run").mockRejectedValue(new Error("measured"));
    const asked = (more: Partial<Parameters<typeof bench>[0]>) => bench({ scenarios: ["warm-hit"], ...more });
    await expect(asked({ set: ["a=1"], url: "http://there:1" })).rejects.toThrow(
      "--set and --url do not go together: the daemon at http://there:1 runs already and keeps its configuration.",
    );
    await expect(asked({ set: ["server.listen=127.0.0.1:1"] })).rejects.toThrow("cannot change server.listen");
    await expect(asked({ set: ["engine.instance=mine"] })).rejects.toThrow("cannot change engine.instance");
    expect(run).not.toHaveBeenCalled();
  });
});

describe("bench --plot and --markdown", () => {
  it("draw and print each file", async () => {
    const files = [await store("a.json", 10), await store("b.json", 15)];
    expect(await bench({ scenarios: [], plot: files })).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(["a.json", "a.latency.svg", "b.json", "b.latency.svg"]);
    expect(await bench({ scenarios: [], markdown: files })).toBe(0);
    expect(printed).toContain("| matchbox | exit | 10.01 ms |");
    expect(printed).toContain("| matchbox | exit | 15.01 ms |");
  });

  it("measure nothing and do not go together", async () => {
    const plot = [await store("a.json", 10)];
    await expect(bench({ scenarios: ["warm-hit"], plot })).rejects.toThrow('leave out "warm-hit"');
    await expect(bench({ scenarios: [], plot, markdown: plot })).rejects.toThrow("--plot and --markdown");
  });
});

it("bench refuses a scenario that there is not", async () => {
  await expect(bench({ scenarios: ["warm-it"] })).rejects.toThrow('no scenario "warm-it"; there are: warm-hit');
});
