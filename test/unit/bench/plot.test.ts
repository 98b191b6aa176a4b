import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  drawResult,
  loadVega,
  NoPlotLibraryError,
  pictureFile,
  roundCoordinates,
} from "../../../bench/lib/plots/draw.js";
import { ecdf } from "../../../bench/lib/plots/ecdf.js";
import { DARK, seriesColor } from "../../../bench/lib/plots/parts.js";
import { closestGap, logTicks, niceTicks, scaleFor } from "../../../bench/lib/plots/scale.js";
import { layOutStrip, type StripMeasures } from "../../../bench/lib/plots/strip-layout.js";
import { around, resultOf, spread, subject } from "./support.js";

const MAX_PICTURE_BYTES = 60_000;

describe("a distribution", () => {
  it("begins at nothing, rises by a sample's share at each sample and ends at all", () => {
    expect(ecdf([30, 10, 20, 10], 100)).toEqual([
      { value: 10, share: 0 },
      { value: 10, share: 0.25 },
      { value: 10, share: 0.5 },
      { value: 20, share: 0.75 },
      { value: 30, share: 1 },
    ]);
    expect(ecdf([], 100)).toEqual([]);
    expect(ecdf([5], 100)).toEqual([
      { value: 5, share: 0 },
      { value: 5, share: 1 },
    ]);
  });

  it("of many samples keeps the ends, no more points than asked, and each point's true share", () => {
    const points = ecdf(
      Array.from({ length: 5_000 }, (_, index) => index + 1),
      101,
    );
    expect(points).toHaveLength(102);
    expect(points[1]).toEqual({ value: 1, share: 1 / 5_000 });
    expect(points.at(-1)).toEqual({ value: 5_000, share: 1 });
    expect(points.filter(({ share }) => share > 0.9)).toHaveLength(33);
    for (const { value, share } of points.slice(1)) expect(share).toBeCloseTo(value / 5_000, 10);
  });
});

describe("an axis", () => {
  it.each([
    [
      [5.4, 940],
      [5, 10, 20, 50, 100, 200, 500, 1_000],
    ],
    [
      [10, 10],
      [10, 20],
    ],
    [
      [0.001, 7],
      [0.001, 0.01, 0.1, 1, 10],
    ],
    [
      [3, 9_000],
      [2, 10, 100, 1_000, 10_000],
    ],
  ])("for %j has round ticks around it", (values, ticks) => {
    expect(logTicks(values)).toEqual(ticks);
  });

  it("is logarithmic for steps that double, and linear for even ones and for nothing", () => {
    expect(scaleFor([1, 2, 4, 8, 16])).toBe("log");
    expect(scaleFor([10, 20, 30, 40])).toBe("linear");
    expect(scaleFor([0, 1, 2, 4, 8])).toBe("linear");
    expect(scaleFor([5, 5])).toBe("linear");
  });

  it("knows how close its closest steps are", () => {
    expect(closestGap([0, 2, 10])).toBe(0.2);
    expect(closestGap([3])).toBe(1);
  });

  it.each([
    [348, [0, 200, 400]],
    [100, [0, 50, 100]],
    [0.07, [0, 0.04, 0.08]],
    [0, [0, 1]],
  ])("for values up to %d has %j", (largest, ticks) => {
    expect(niceTicks(largest)).toEqual(ticks);
  });
});

describe("a strip", () => {
  const measures: StripMeasures = { barWidth: 100, widthInside: () => 20, widthBelow: () => 30 };
  const rowOf = (...ms: number[]) => ({
    name: "row",
    stages: ms.map((length, index) => ({ name: `s${index}`, ms: length })),
  });

  it("puts the stages one after the other, with the longest row as wide as asked", () => {
    const [long, short] = layOutStrip({ title: "", rows: [rowOf(150, 50), rowOf(100)] }, measures);
    expect(long?.map(({ x, width }) => [x, width])).toEqual([
      [0, 75],
      [75, 25],
    ]);
    expect(short?.map(({ x, width }) => [x, width])).toEqual([[0, 50]]);
  });

  it("labels inside what is wide enough, and below the rest so that no leader crosses a label", () => {
    const [segments = []] = layOutStrip({ title: "", rows: [rowOf(2, 3, 60, 1, 2, 32)] }, measures);
    expect(segments.map(({ line }) => line)).toEqual([1, 0, undefined, 1, 0, undefined]);
    const hanging = segments.flatMap(({ x, width, line }) => (line === undefined ? [] : [{ at: x + width / 2, line }]));
    for (const label of hanging) {
      const crossing = hanging.filter(({ at, line }) => at > label.at && at <= label.at + 30 && line >= label.line);
      expect(crossing).toEqual([]);
    }
  });

  it("of nothing but zeros has no width", () => {
    expect(layOutStrip({ title: "", rows: [rowOf(0)] }, measures)).toMatchObject([[{ x: 0, width: 0, line: 0 }]]);
  });
});

describe("a picture", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matchbox-plot-"));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  const full = resultOf(
    ["matchbox", "docker run", "host <python3>", "a", "b", "c", "d", "e"].map((name, index) =>
      subject(name, { "first byte": spread(2_000, 2 ** index), exit: spread(2_000, 3 ** index) }),
    ),
    {
      ladder: {
        title: "bursts",
        asked: "rate",
        askedUnit: "runs/s",
        units: { "hit rate": "%", p99: "ms" },
        steps: [1, 2, 4, 8].map((asked) => ({
          asked,
          figures: { "hit rate": 100 / asked, ...(asked !== 2 && { p99: asked * 300 }) },
        })),
      },
      strip: {
        title: "a cold start",
        rows: [
          {
            name: "cold",
            stages: [
              { name: "create", ms: 40 },
              { name: "start", ms: 0.3 },
            ],
          },
        ],
      },
    },
  );

  async function draw(): Promise<Record<string, string>> {
    const files = await drawResult(full, join(folder, "warm-hit.json"));
    const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
    return Object.fromEntries(files.map((file, index) => [basename(file), texts[index] ?? ""]));
  }

  it("is drawn of everything a result has, small, and the same again", async () => {
    const first = await draw();
    expect(Object.keys(first)).toEqual(["warm-hit.latency.svg", "warm-hit.ladder.svg", "warm-hit.strip.svg"]);
    for (const svg of Object.values(first)) {
      expect(Buffer.byteLength(svg)).toBeLessThan(MAX_PICTURE_BYTES);
      const places = [...svg.matchAll(/ (?:d|transform|x2|y2)="([^"]*)"/g)].map(([, value = ""]) => value);
      expect(places.filter((value) => /\.\d\d|NaN|undefined|Infinity/.test(value))).toEqual([]);
      expect(svg).toMatch(/^<svg [^>]*width="760"/);
    }
    expect(await draw()).toEqual(first);
  });

  it("shows the names, the figures and the ticks", async () => {
    const pictures = await draw();
    expect(pictures["warm-hit.latency.svg"]).toContain(">host &lt;python3&gt;</text>");
    expect(pictures["warm-hit.latency.svg"]).toContain(">50%</text>");
    expect(pictures["warm-hit.ladder.svg"]).toContain(">hit rate (%)</text>");
    expect(pictures["warm-hit.ladder.svg"]).toContain(">3,000</text>");
    expect(pictures["warm-hit.strip.svg"]).toContain(">start 0.30 ms</text>");
  });

  it("has a colour in the dark for each that it uses", async () => {
    for (const svg of Object.values(await draw())) {
      const drawn = svg.slice(svg.indexOf("</style>"));
      const used = [...drawn.matchAll(/(?:fill|stroke)="(#[0-9a-f]{6})"/g)].map(([, color = ""]) => color);
      expect(used.filter((color) => !(color in DARK))).toEqual([]);
    }
    expect(Array.from({ length: 20 }, (_, index) => seriesColor(index)).filter((color) => !(color in DARK))).toEqual(
      [],
    );
  });

  it("of a ladder has a gap where a step lacks a figure", async () => {
    const lines = (await draw())["warm-hit.ladder.svg"]?.match(
      / d="M\d[^"]*"(?= stroke="#[0-9a-f]{6}" stroke-width="2")/g,
    );
    expect(lines?.map((line) => line.replace(/[^ML]/g, ""))).toEqual(["MLLL", "MML"]);
  });

  it("is not drawn of what is not there", async () => {
    const memory = resultOf([subject("matchbox", { memory: around(10) }, "MiB")]);
    expect(await drawResult(memory, join(folder, "x.json"))).toEqual([]);
  });

  it("asks for the library where it is missing, and hides no other failure", async () => {
    const missing = Object.assign(new Error("Cannot find package 'vega'"), { code: "ERR_MODULE_NOT_FOUND" });
    await expect(loadVega(() => Promise.reject(missing))).rejects.toThrow(NoPlotLibraryError);
    await expect(loadVega(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  });
});

it("a picture is called after its result", () => {
  expect(pictureFile("some/warm-hit.json", "latency")).toBe("some/warm-hit.latency.svg");
  expect(pictureFile("warm-hit.local.json", "strip")).toBe("warm-hit.local.strip.svg");
  expect(pictureFile("plain", "strip")).toBe("plain.strip.svg");
});

it("coordinates are rounded, and the words are not", () => {
  expect(roundCoordinates('<path d="M1.2345,-0.01L3e,2.06"/><text x="7.777" fill="#1f2328">7.777 ms</text>')).toBe(
    '<path d="M1.2,0L3e,2.1"/><text x="7.8" fill="#1f2328">7.777 ms</text>',
  );
});
