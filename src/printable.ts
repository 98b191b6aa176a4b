/** Characters that a terminal could take for a command, or that make a line look like another: controls, and what is invisible. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Text from elsewhere with everything escaped that a terminal could take for a command; line breaks stay. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character === "\n" ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/**
 * A line of JSON with every such character escaped. `JSON.stringify`, and pino, escape only the oldest of them: U+0080 to
 * U+009F, which some terminals obey as they do ESC, and what turns the direction of writing they leave as it is. The line
 * means the same as before; the line feed at its end stays.
 */
export function printableJson(line: string): string {
  return line.replace(UNPRINTABLE, (character) => (character === "\n" ? character : jsonEscapes(character)));
}

/**
 * The same for a line that is read again and printed without quotes: what was escaped is then escaped still. Line feeds and
 * tabs stay what they are.
 */
export function twicePrintableJson(line: string): string {
  return printableJson(line).replace(/\\(?:u(?!000[9a])[0-9a-f]{4}|.)/giu, (escape) =>
    /^\\["\\/nt]$|^\\u000[9a]$/i.test(escape) ? escape : `\\${escape}`,
  );
}

function jsonEscapes(character: string): string {
  return character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
