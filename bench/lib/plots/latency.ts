import type { Mark } from "vega";
import { ecdf } from "./ecdf.js";
import {
  axis,
  type Drawing,
  dash,
  heading,
  INK,
  lineMark,
  MARGIN,
  MUTED,
  panel,
  seriesColor,
  textMark,
  WIDTH,
} from "./parts.js";
import { logTicks } from "./scale.js";
import { machineLine, showNumber } from "../report.js";
import type { StoredResult } from "../results.js";

/** Points of all lines together, and of one: what keeps a picture below 60 kB and still shows every bend. */
const MAX_POINTS = 900;
const MAX_POINTS_OF_A_LINE = 240;
/** A summary counts no finer, and a logarithm needs more than nothing. */
const LEAST_MS = 0.001;
const ROW_HEIGHT = 20;
const PLOT_HEIGHT = 260;
const LEFT = 64;

interface Line {
  readonly subject: string;
  readonly metric: string;
  readonly color: string;
  readonly dashes: number[];
  readonly p50: number;
  readonly samples: readonly number[];
}

/**
 * The distributions of all figures in ms, one line each, under a key with the medians.
 * @returns undefined when there are none
 */
export function drawLatency(result: StoredResult): Drawing | undefined {
  const lines = linesOf(result);
  if (lines.length === 0) return undefined;
  const top = heading(`${result.scenario}: time of a run`, result.summary.replaceAll("`", ""));
  const key = drawKey(lines, top.bottom + 32);
  const place = { x: LEFT, y: key.bottom + 46, width: WIDTH - LEFT - MARGIN, height: PLOT_HEIGHT };
  const bottom = place.y + place.height;
  return {
    title: `${result.scenario}: distribution of ${[...new Set(lines.map(({ metric }) => metric))].join(" and ")}, in ms`,
    height: bottom + 66,
    marks: [
      ...top.marks,
      ...key.marks,
      textMark("share of runs that took at most so long", MARGIN, place.y - 14, { color: MUTED }),
      panel(place, distribution(lines)),
      textMark("milliseconds, logarithmic", WIDTH - MARGIN, bottom + 36, { color: MUTED, align: "right" }),
      textMark(machineLine(result.machine), MARGIN, bottom + 53, { color: MUTED, size: 11 }),
    ],
  };
}

function linesOf({ subjects }: StoredResult): Line[] {
  const metrics = latencyMetrics(subjects);
  return subjects.flatMap(({ name, metrics: own }, index) =>
    metrics.flatMap((metric, metricIndex) => {
      const summary = own[metric];
      if (summary?.unit !== "ms" || summary.samples.length === 0) return [];
      const samples = summary.samples.map((sample) => Math.max(LEAST_MS, sample));
      const look = { color: seriesColor(index), dashes: dash(metricIndex) };
      return [{ subject: name, metric, ...look, p50: Math.max(LEAST_MS, summary.p50), samples }];
    }),
  );
}

function latencyMetrics(subjects: StoredResult["subjects"]): string[] {
  const all = subjects.flatMap(({ metrics }) => Object.entries(metrics));
  return [...new Set(all.flatMap(([metric, { unit }]) => (unit === "ms" ? [metric] : [])))];
}

/** A row for each subject, a column for each metric, with the look of the line and its median. */
function drawKey(lines: readonly Line[], y: number): { marks: Mark[]; bottom: number } {
  const metrics = [...new Set(lines.map(({ metric }) => metric))];
  const subjects = [...new Set(lines.map(({ subject }) => subject))];
  const nameWidth = 220;
  const columnWidth = Math.min(190, (WIDTH - 2 * MARGIN - nameWidth) / metrics.length);
  const columnX = (metric: string): number => MARGIN + nameWidth + metrics.indexOf(metric) * columnWidth;
  const rowY = (subject: string): number => y + (subjects.indexOf(subject) + 1) * ROW_HEIGHT;
  const swatch = 26;
  const marks = [
    textMark("median", MARGIN, y, { color: MUTED }),
    ...metrics.map((metric) => textMark(metric, columnX(metric), y, { color: MUTED })),
    ...subjects.map((subject) => textMark(subject, MARGIN, rowY(subject), { bold: true })),
    ...lines.flatMap(({ subject, metric, color, dashes, p50 }) => {
      const at = rowY(subject) - 4;
      return [
        lineMark([columnX(metric), at], [columnX(metric) + swatch, at], { color, width: 2, dashes }),
        textMark(`${showNumber(p50)} ms`, columnX(metric) + swatch + 8, rowY(subject)),
      ];
    }),
  ];
  return { marks, bottom: y + subjects.length * ROW_HEIGHT };
}

function distribution(lines: readonly Line[]): Parameters<typeof panel>[1] {
  const ticks = logTicks(lines.flatMap(({ samples }) => samples));
  const maxPoints = Math.max(4, Math.min(MAX_POINTS_OF_A_LINE, Math.floor(MAX_POINTS / lines.length)));
  const domain = [ticks[0] ?? LEAST_MS, ticks.at(-1) ?? 1];
  return {
    scales: [
      { name: "ms", type: "log", domain, range: "width" },
      { name: "share", type: "linear", domain: [0, 1], range: "height" },
    ],
    axes: [axis("ms", "bottom", ticks), axis("share", "left", [0, 0.25, 0.5, 0.75, 0.9, 1], ".0%")],
    marks: lines.map((line) => lineOf(line, maxPoints)).concat(lines.map(medianOf)),
  };
}

function lineOf({ samples, color, dashes }: Line, maxPoints: number): Mark {
  const data = { name: "points", values: ecdf(samples, maxPoints).map((point) => ({ ...point })) };
  return {
    type: "group",
    data: [data],
    marks: [
      {
        type: "line",
        from: { data: data.name },
        encode: {
          enter: {
            x: { scale: "ms", field: "value" },
            y: { scale: "share", field: "share" },
            interpolate: { value: "step-after" },
            stroke: { value: color },
            strokeWidth: { value: 2 },
            strokeDash: { value: dashes },
          },
        },
      },
    ],
  };
}

function medianOf({ p50, color }: Line): Mark {
  return {
    type: "symbol",
    encode: {
      enter: {
        x: { scale: "ms", value: p50 },
        y: { scale: "share", value: 0.5 },
        size: { value: 44 },
        fill: { value: color },
        stroke: { value: INK },
        strokeWidth: { value: 1 },
      },
    },
  };
}
