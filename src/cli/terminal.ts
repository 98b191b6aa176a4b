import { styleText } from "node:util";
import { printable } from "../printable.js";

export { printable, printableJson } from "../printable.js";

type Style = Parameters<typeof styleText>[0];

/** A stream that may be a terminal. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Knows NO_COLOR, FORCE_COLOR and TERM=dumb. */
  hasColors?(): boolean;
}

/** How a renderer colours its lines: `style`, or a test's own. */
export type Styler = (format: "bold" | "green" | "yellow" | "red" | "dim", text: string) => string;

/** Colours text where the stream is a terminal whose user has nothing against colours. */
export function style(format: Style, text: string, stream: Output = process.stdout): string {
  return stream.isTTY === true && stream.hasColors?.() === true
    ? styleText(format, text, { validateStream: false })
    : text;
}

/** More than any message of ours has; what a daemon, or somebody in its place, says may have any length. */
const MAX_NOTICE_CHARS = 4_096;

/** Says something to the person: one line on stderr, which stdout never sees. */
export function notice(text: string): void {
  const shown = text.length > MAX_NOTICE_CHARS ? `${text.slice(0, MAX_NOTICE_CHARS)}...` : text;
  process.stderr.write(`${style("yellow", "matchbox:", process.stderr)} ${printable(shown)}\n`);
}
