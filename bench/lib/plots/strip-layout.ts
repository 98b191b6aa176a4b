import type { Strip } from "../scenario.js";

/** One stage of a bar; lengths in pixels. */
export interface Segment {
  readonly name: string;
  readonly ms: number;
  readonly x: number;
  readonly width: number;
  /** Undefined when the label has its place inside; else the line below the bar (0 is the uppermost) that it stands on. */
  readonly line: number | undefined;
}

export interface StripMeasures {
  /** Length of the longest bar. */
  readonly barWidth: number;
  /** How wide the texts of a stage are, side by side below the bar, and one above the other inside it. */
  readonly widthBelow: (name: string, ms: number) => number;
  readonly widthInside: (name: string, ms: number) => number;
}

/** The rows of a strip on one scale. */
export function layOutStrip({ rows }: Strip, measures: StripMeasures): Segment[][] {
  const longest = Math.max(...rows.map(({ stages }) => totalMs(stages)));
  const scale = longest > 0 ? measures.barWidth / longest : 0;
  return rows.map(({ stages }) => {
    let x = 0;
    const placed = stages.map(({ name, ms }) => {
      const width = ms * scale;
      const segment = { name, ms, x, width };
      x += width;
      return segment;
    });
    return withLabelLines(placed, measures);
  });
}

export function totalMs(stages: readonly { readonly ms: number }[]): number {
  return stages.reduce((sum, { ms }) => sum + ms, 0);
}

/**
 * Labels that do not fit into their segment hang below it on a leader at the segment's middle and extend to the right. Each
 * goes one line deeper than all labels whose leaders come down through its text, so that none crosses another.
 */
function withLabelLines(segments: readonly Omit<Segment, "line">[], measures: StripMeasures): Segment[] {
  const below: { at: number; line: number }[] = [];
  return segments
    .toReversed()
    .map((segment) => {
      if (measures.widthInside(segment.name, segment.ms) <= segment.width) return { ...segment, line: undefined };
      const at = segment.x + segment.width / 2;
      const end = at + measures.widthBelow(segment.name, segment.ms);
      const line = 1 + Math.max(-1, ...below.filter((other) => other.at <= end).map((other) => other.line));
      below.push({ at, line });
      return { ...segment, line };
    })
    .reverse();
}
