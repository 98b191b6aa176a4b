import { writeFile } from "node:fs/promises";
import type * as Vega from "vega";
import { hasCode } from "../../../src/errors.js";
import { drawLadder } from "./ladder.js";
import { drawLatency } from "./latency.js";
import { BORDER, CARD, DARK, type Drawing, WIDTH } from "./parts.js";
import { drawStrip } from "./strip.js";
import type { StoredResult } from "../results.js";

/** The pictures a result can have, by the end of their file's name. */
const PICTURES: Readonly<Record<string, (result: StoredResult) => Drawing | undefined>> = {
  latency: drawLatency,
  ladder: drawLadder,
  strip: drawStrip,
};

/** Pictures cannot be drawn: an installation without the development dependencies has nothing to draw with. */
export class NoPlotLibraryError extends Error {
  override readonly name = "NoPlotLibraryError";

  constructor(cause: unknown) {
    super('There are no pictures: they need the package "vega", which is a development dependency (npm install).', {
      cause,
    });
  }
}

/**
 * Draws everything a result has to show, beside its file: `warm-hit.json` has `warm-hit.latency.svg`.
 * @returns the files written; none when there is nothing to draw
 * @throws NoPlotLibraryError
 */
export async function drawResult(result: StoredResult, jsonFile: string, load = loadVega): Promise<string[]> {
  const files: string[] = [];
  for (const [kind, draw] of Object.entries(PICTURES)) {
    const drawing = draw(result);
    if (drawing === undefined) continue;
    const file = pictureFile(jsonFile, kind);
    await writeFile(file, await renderSvg(drawing, await load()));
    files.push(file);
  }
  return files;
}

export function pictureFile(jsonFile: string, kind: string): string {
  return `${jsonFile.replace(/\.json$/, "")}.${kind}.svg`;
}

/** Loaded only when something is drawn. @throws NoPlotLibraryError */
export async function loadVega(load: () => Promise<typeof Vega> = () => import("vega")): Promise<typeof Vega> {
  try {
    return await load();
  } catch (error) {
    if (hasCode(error, "ERR_MODULE_NOT_FOUND")) throw new NoPlotLibraryError(error);
    throw error;
  }
}

/** The same drawing makes the same bytes. */
export async function renderSvg({ title, height, marks }: Drawing, vega: typeof Vega): Promise<string> {
  const spec: Vega.Spec = {
    width: WIDTH,
    height,
    padding: 0,
    autosize: "none",
    config: {
      style: { cell: { stroke: "transparent" } },
      text: { font: "sans-serif" },
      axis: { labelFont: "sans-serif" },
    },
    marks: [...marks],
  };
  const svg = await new vega.View(vega.parse(spec), { renderer: "none", logLevel: vega.Error }).toSVG();
  return frame(roundCoordinates(withoutHooks(svg)), title, height);
}

/** Puts the drawing on a card of its own, so that it can be read on any page, with the colours of the reader's system. */
function frame(svg: string, title: string, height: number): string {
  const rules = Object.entries(DARK).map(
    ([light, dark]) => `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`,
  );
  const card = `<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6" fill="${CARD}" stroke="${BORDER}"/>`;
  const style = `<style>@media (prefers-color-scheme:dark){${rules.join("")}}</style>`;
  return `${svg.replace(/^(<svg[^>]*)>/, `$1 role="img"><title>${escapeXml(title)}</title>${style}${card}`)}\n`;
}

/** Without what only scripts, and readers of single parts, look for: the picture has one title for all of it. */
function withoutHooks(svg: string): string {
  return svg.replace(/ (?:class|role|pointer-events|aria-[a-z]+)="[^"]*"/g, "");
}

/** Tenths of a pixel: nobody sees more, and whole digits would be another half of the file. */
export function roundCoordinates(svg: string): string {
  return svg.replace(/ (?:d|transform|x|y|x1|x2|y1|y2|width|height)="[^"]*"/g, (attribute) =>
    attribute.replace(/-?\d+\.\d+(?:e-?\d+)?/g, (number) => String(Math.round(Number(number) * 10) / 10)),
  );
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
