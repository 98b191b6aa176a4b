import { styleText } from "node:util";

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

/** Says something to the person: one line on stderr, which stdout never sees. */
export function notice(text: string): void {
  process.stderr.write(`${style("yellow", "matchbox:", process.stderr)} ${printable(text)}\n`);
}

/** Text from elsewhere with everything escaped that a terminal could take for a command; line breaks stay. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (character) =>
    character === "\n" ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
