import type { Mark } from "vega";
import { axis, CARD, type Drawing, heading, MARGIN, MUTED, panel, seriesColor, textMark, WIDTH } from "./parts.js";
import { closestGap, niceTicks, scaleFor } from "./scale.js";
import { machineLine, showNumber } from "../report.js";
import type { StoredResult } from "../results.js";
import type { Ladder } from "../scenario.js";

const PANEL_HEIGHT = 84;
const PANEL_STEP = PANEL_HEIGHT + 50;
const LEFT = 64;
/** Room inside a panel beside the first and the last step, and over the highest one, for their labels. */
const INSET = 28;
const HEADROOM = 1.25;
/** Closer points are not labelled: the axis tells. */
const MIN_LABEL_GAP = 38;

/** What came of each step: a panel for each figure, one below the other. @returns undefined without a ladder */
export function drawLadder(result: StoredResult): Drawing | undefined {
  const { ladder, scenario, machine } = result;
  if (ladder === undefined || ladder.steps.length === 0) return undefined;
  const top = heading(`${scenario}: ${ladder.title}`, result.summary.replaceAll("`", ""));
  const width = WIDTH - LEFT - MARGIN;
  const begin = top.bottom + 46;
  const figures = Object.entries(ladder.units);
  const bottom = begin + (figures.length - 1) * PANEL_STEP + PANEL_HEIGHT;
  return {
    title: `${scenario}: ${ladder.title}`,
    height: bottom + 66,
    marks: [
      ...top.marks,
      ...figures.flatMap(([name, unit], index) => {
        const y = begin + index * PANEL_STEP;
        return [
          textMark(`${name} (${unit})`, LEFT, y - 14, { bold: true }),
          panel({ x: LEFT, y, width, height: PANEL_HEIGHT }, figurePanel(ladder, name, index, width)),
        ];
      }),
      textMark(`${ladder.asked} (${ladder.askedUnit})`, LEFT + width, bottom + 36, { color: MUTED, align: "right" }),
      textMark(machineLine(machine), MARGIN, bottom + 53, { color: MUTED, size: 11 }),
    ],
  };
}

function figurePanel(ladder: Ladder, name: string, index: number, width: number): Parameters<typeof panel>[1] {
  const asked = [...new Set(ladder.steps.map((step) => step.asked))].sort((a, b) => a - b);
  const type = scaleFor(asked);
  const gap = closestGap(type === "log" ? asked.map(Math.log) : asked) * (width - 2 * INSET);
  const points = ladder.steps
    .map((step) => {
      const value = step.figures[name];
      return { asked: step.asked, value: value ?? 0, isThere: value !== undefined, label: showNumber(value ?? 0) };
    })
    .sort((a, b) => a.asked - b.asked);
  const values = points.map(({ value }) => value);
  const ticks = niceTicks(Math.max(...values));
  const domain = [0, (ticks.at(-1) ?? 1) * HEADROOM];
  const color = seriesColor(index);
  return {
    scales: [
      // No zero: the axis begins at the first step, and a logarithm has none.
      { name: "asked", type, domain: [asked[0] ?? 0, asked.at(-1) ?? 1], zero: false, range: [INSET, width - INSET] },
      { name: "value", type: "linear", domain, range: "height" },
    ],
    axes: [axis("asked", "bottom", asked), axis("value", "left", ticks)],
    marks: [pointsOf(points, color, gap >= MIN_LABEL_GAP)],
  };
}

interface Point {
  readonly asked: number;
  readonly value: number;
  /** The line has a gap where a step does not have the figure. */
  readonly isThere: boolean;
  readonly label: string;
}

function pointsOf(points: readonly Point[], color: string, areLabelled: boolean): Mark {
  const there = { data: "there" };
  const x = { scale: "asked", field: "asked" };
  const y = { scale: "value", field: "value" };
  const labels: Mark = {
    type: "text",
    from: there,
    encode: {
      enter: {
        x,
        y: { ...y, offset: -9 },
        text: { field: "label" },
        align: { value: "center" },
        fontSize: { value: 11 },
        fill: { value: MUTED },
      },
    },
  };
  return {
    type: "group",
    data: [
      { name: "points", values: points.map((point) => ({ ...point })) },
      { name: there.data, source: "points", transform: [{ type: "filter", expr: "datum.isThere" }] },
    ],
    marks: [
      {
        type: "line",
        from: { data: "points" },
        encode: {
          enter: { x, y, defined: { field: "isThere" }, stroke: { value: color }, strokeWidth: { value: 2 } },
        },
      },
      {
        type: "symbol",
        from: there,
        encode: { enter: { x, y, size: { value: 44 }, fill: { value: color }, stroke: { value: CARD } } },
      },
      ...(areLabelled ? [labels] : []),
    ],
  };
}
