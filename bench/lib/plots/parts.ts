import type { Axis, Mark, Scale } from "vega";
import { wrap } from "../../../src/cli/wrap.js";

/** A drawing that is laid out already: everything has its place in pixels, and nothing depends on how wide a font is. */
export interface Drawing {
  readonly title: string;
  readonly height: number;
  readonly marks: readonly Mark[];
}

/** As wide as GitHub shows a picture in a README. */
export const WIDTH = 760;
export const MARGIN = 24;
export const FONT_SIZE = 12;

/** Colours of the light card; `DARK` has the ones that take their place. Contrast to the card is at least 4.5 but for lines. */
export const CARD = "#ffffff";
export const BORDER = "#d0d7de";
export const INK = "#1f2328";
export const MUTED = "#59636e";
const GRID = "#e4e8ec";
export const ON_COLOR = "#fefefe";
/** Apart for those who see colours differently, in this order. */
const SERIES = ["#0969da", "#bc4c00", "#6e7781", "#8250df", "#1a7f37", "#bf3989", "#0e7c86", "#8a6100", "#cf222e"];

/** What each colour becomes where the reader's system is dark. */
export const DARK: Readonly<Record<string, string>> = {
  [CARD]: "#0d1117",
  [BORDER]: "#3d444d",
  [INK]: "#f0f6fc",
  [MUTED]: "#9198a1",
  [GRID]: "#262c36",
  [ON_COLOR]: "#0d1117",
  "#0969da": "#58a6ff",
  "#bc4c00": "#f0883e",
  "#6e7781": "#a3abb4",
  "#8250df": "#bc8cff",
  "#1a7f37": "#3fb950",
  "#bf3989": "#f778ba",
  "#0e7c86": "#39c5cf",
  "#8a6100": "#d29922",
  "#cf222e": "#ff7b72",
};

/** Solid, dashed, dotted, dash and dot. */
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

/** After the last one it begins again. */
export function seriesColor(index: number): string {
  return SERIES[index % SERIES.length] ?? INK;
}

export function dash(index: number): number[] {
  return DASHES[index % DASHES.length] ?? [];
}

/** About how wide a text is in a common sans-serif font; rather too wide. */
export function textWidth(text: string, fontSize = FONT_SIZE): number {
  return text.length * fontSize * 0.58;
}

interface TextOptions {
  readonly color?: string;
  readonly bold?: boolean;
  readonly size?: number;
  readonly align?: "left" | "center" | "right";
}

/** A line of text; `y` is its baseline. */
export function textMark(
  text: string,
  x: number,
  y: number,
  { color = INK, bold = false, size = FONT_SIZE, align = "left" }: TextOptions = {},
): Mark {
  return {
    type: "text",
    encode: {
      enter: {
        text: { value: text },
        x: { value: x },
        y: { value: y },
        fill: { value: color },
        align: { value: align },
        fontSize: { value: size },
        ...(bold && { fontWeight: { value: 600 } }),
      },
    },
  };
}

export function lineMark(
  from: readonly [x: number, y: number],
  to: readonly [x: number, y: number],
  { color = MUTED, width = 1, dashes = [] }: { color?: string; width?: number; dashes?: number[] } = {},
): Mark {
  return {
    type: "rule",
    encode: {
      enter: {
        x: { value: from[0] },
        y: { value: from[1] },
        x2: { value: to[0] },
        y2: { value: to[1] },
        stroke: { value: color },
        strokeWidth: { value: width },
        ...(dashes.length > 0 && { strokeDash: { value: dashes } }),
      },
    },
  };
}

/** What all axes have in common. */
export function axis(scale: string, orient: "left" | "bottom", values: readonly number[], format = ",~f"): Axis {
  return {
    scale,
    orient,
    values: [...values],
    format,
    grid: true,
    domain: false,
    ticks: false,
    labelPadding: 8,
    labelOverlap: "greedy",
    labelColor: MUTED,
    labelFontSize: FONT_SIZE - 1,
    gridColor: GRID,
  };
}

/** A plot inside a drawing, with scales and axes of its own. */
export function panel(
  place: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  { scales, axes, marks }: { readonly scales: Scale[]; readonly axes: Axis[]; readonly marks: Mark[] },
): Mark {
  return {
    type: "group",
    encode: {
      enter: {
        x: { value: place.x },
        y: { value: place.y },
        width: { value: place.width },
        height: { value: place.height },
      },
    },
    // What "width" and "height" mean to the scales and the axes in it.
    signals: [
      { name: "width", value: place.width },
      { name: "height", value: place.height },
    ],
    scales,
    axes,
    marks,
  };
}

/** Title, what it is about below it; ends at the height that is returned. */
export function heading(title: string, about: string): { marks: Mark[]; bottom: number } {
  const lineHeight = 17;
  const lines = wrap(about, Math.floor((WIDTH - 2 * MARGIN) / textWidth("x")));
  const marks = [
    textMark(title, MARGIN, 34, { bold: true, size: 16 }),
    ...lines.map((line, index) => textMark(line, MARGIN, 55 + index * lineHeight, { color: MUTED })),
  ];
  return { marks, bottom: 55 + (lines.length - 1) * lineHeight };
}
