import type { Mark } from "vega";
import {
  CARD,
  type Drawing,
  heading,
  lineMark,
  MARGIN,
  MUTED,
  ON_COLOR,
  seriesColor,
  textMark,
  textWidth,
} from "./parts.js";
import { machineLine, showNumber } from "../report.js";
import type { StoredResult } from "../results.js";
import { layOutStrip, type Segment, totalMs } from "./strip-layout.js";

const BAR_HEIGHT = 40;
/** What is right of the longest bar is for the labels of its last stages. */
const BAR_WIDTH = 580;
const LINE_HEIGHT = 18;
const LABEL_PADDING = 8;
const ROW_GAP = 34;

/** The stages that follow one another, as bars on one scale. @returns undefined without a strip */
export function drawStrip(result: StoredResult): Drawing | undefined {
  const { strip, scenario, machine } = result;
  if (strip === undefined || strip.rows.length === 0) return undefined;
  const colors = colorsOf(strip.rows.flatMap(({ stages }) => stages.map(({ name }) => name)));
  const rows = layOutStrip(strip, {
    barWidth: BAR_WIDTH,
    widthBelow: (name, ms) => textWidth(besideLabel(name, ms)) + LABEL_PADDING,
    widthInside: (name, ms) => Math.max(textWidth(name), textWidth(msLabel(ms))) + 2 * LABEL_PADDING,
  });
  const top = heading(`${scenario}: ${strip.title}`, result.summary.replaceAll("`", ""));
  const marks = [...top.marks];
  let y = top.bottom + 34;
  for (const [index, segments] of rows.entries()) {
    const name = strip.rows[index]?.name ?? "";
    marks.push(textMark(`${name}: ${showNumber(totalMs(segments))} ms`, MARGIN, y, { bold: true }));
    const lines = 1 + Math.max(-1, ...segments.map(({ line }) => line ?? -1));
    marks.push(...segments.flatMap((segment) => drawSegment(segment, y + 10, colors(segment.name))));
    y += 10 + BAR_HEIGHT + lines * LINE_HEIGHT + ROW_GAP;
  }
  marks.push(textMark(`medians; ${machineLine(machine)}`, MARGIN, y, { color: MUTED, size: 11 }));
  return { title: `${scenario}: ${strip.title}`, height: y + 20, marks };
}

/** A stage has the same colour in every row. */
function colorsOf(names: readonly string[]): (name: string) => string {
  const distinct = [...new Set(names)];
  return (name) => seriesColor(distinct.indexOf(name));
}

function drawSegment({ name, ms, x, width, line }: Segment, y: number, color: string): Mark[] {
  const left = MARGIN + x;
  const middle = left + width / 2;
  const bar: Mark = {
    type: "rect",
    encode: {
      enter: {
        x: { value: left },
        y: { value: y },
        width: { value: width },
        height: { value: BAR_HEIGHT },
        fill: { value: color },
        // The gap between neighbours; a stage that is nearly nothing keeps its colour.
        ...(width > 4 && { stroke: { value: CARD }, strokeWidth: { value: 1 } }),
      },
    },
  };
  if (line === undefined) {
    const centered = { color: ON_COLOR, align: "center" as const };
    return [
      bar,
      textMark(name, middle, y + 17, { ...centered, bold: true }),
      textMark(msLabel(ms), middle, y + 32, centered),
    ];
  }
  const baseline = y + BAR_HEIGHT + (line + 1) * LINE_HEIGHT;
  return [
    bar,
    lineMark([middle, y + BAR_HEIGHT], [middle, baseline], { color, width: 1.5 }),
    textMark(besideLabel(name, ms), middle + 5, baseline),
  ];
}

function msLabel(ms: number): string {
  return `${showNumber(ms)} ms`;
}

function besideLabel(name: string, ms: number): string {
  return `${name} ${msLabel(ms)}`;
}
