import { describe, expect, it } from "vitest";
import { seededNumbers } from "../../../../../src/sizing/seeded.js";
import { Transcript } from "../../../../../src/web/playground/terminal/transcript.js";
import { threadCpuMs } from "../../../../support/thread-cpu.js";

const BYTES = 1024 * 1024;
/**
 * For a mebibyte. It takes half a second at most; where each sequence costs as much as there is in the line, it takes ten
 * seconds to three minutes.
 */
const MOST_CPU_MS = 4_000;

/** Each character in a colour of its own. */
const coloured = (chars: number): string =>
  Array.from({ length: chars }, (_, index) => `\x1b[3${index % 8}m${String.fromCharCode(97 + (index % 26))}`).join("");
const COLOURED_LINE = coloured(8_000);
const filled = (what: string, bytes = BYTES): string => what.repeat(Math.ceil(bytes / what.length));
const over = (what: string): string => COLOURED_LINE + filled(what);

/** Sequences in any order, so that what nobody thought of is among them. */
function mixed(seed: number): string {
  const random = seededNumbers(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const parts = [
    () => "\r",
    () => "\b".repeat(1 + below(3)),
    () => "\t",
    () => "x",
    () => "\u{1f600}e\u0301",
    () => `\x1b[${below(9_000)}G`,
    () => `\x1b[${below(9_000)}C`,
    () => `\x1b[${below(9_000)}D`,
    () => `\x1b[${below(3)}K`,
    () => `\x1b[3${below(8)}m`,
    () => `\x1b[38;2;${below(256)};${below(256)};${below(256)}m`,
  ];
  // Few kinds in each, since one that clears the line undoes what another builds up.
  const chosen = Array.from({ length: 3 }, () => parts[below(parts.length)] ?? (() => "x"));
  let text = COLOURED_LINE;
  while (text.length < BYTES) text += chosen[below(chosen.length)]?.() ?? "";
  return text;
}

const OUTPUTS: readonly (readonly [string, () => readonly string[]])[] = [
  ["a coloured line written over from its start", () => [over("\rX")]],
  ["the same in a colour", () => [over("\r\x1b[31mX")]],
  ["a coloured line written over with tabs", () => [over("\r\t")]],
  ["a coloured line written over with emoji", () => [over("\r\u{1f600}e\u0301")]],
  ["steps back in a coloured line", () => [over("\b\b\bX")]],
  ["steps to and fro", () => [over("\x1b[4000GX\x1b[8000GX")]],
  ["the end erased and written again", () => [over("\x1b[7990Gx\x1b[K")]],
  ["the start erased and written again", () => [over("\x1b[4000G\x1b[1K\x1b[2Gx\x1b[Cx")]],
  ["a line erased over and over", () => [over("\x1b[2Kx")]],
  [
    "erasures of less and less",
    () => [over(Array.from({ length: 900 }, (_, at) => `\x1b[${900 - at}G\x1b[1K`).join(""))],
  ],
  ["lines of spaces", () => [filled("\x1b[9999Gx\n")]],
  ["a line of spaces, cut again and again", () => [filled("\x1b[9999Gx\x1b[G\x1b[K")]],
  ["a colour of its own for each character", () => [filled(coloured(1_000))]],
  ["the same in one piece a character", () => Array.from(filled(coloured(1_000)))],
  ["long parameters", () => [filled(`\x1b[${"1;".repeat(2_000)}3mx`)]],
  ["parameters that never end, a character a piece", () => Array.from(`\x1b[${filled("1;")}`)],
  ["titles that never end", () => [filled("\x1b]0;title")]],
  ["one title that never ends, a character a piece", () => Array.from(`\x1b]0;${filled("t")}`)],
  ["strings that nearly end", () => [filled("\x1bP\x1b")]],
  ["nothing but line feeds", () => [filled("\n")]],
  ["short lines, each in a piece", () => Array.from({ length: BYTES / 4 }, () => "abc\n")],
  ["one line in pieces of one character", () => Array.from(filled("a"))],
  ["one line of 32 MiB in one piece", () => [filled("a", 32 * BYTES)]],
  ["one line of emoji", () => [filled("\u{1f600}", 8 * BYTES)]],
  ...Array.from({ length: 24 }, (_, seed) => [`a mixture (seed ${seed})`, () => [mixed(seed)]] as const),
];

describe("what a program writes costs time in proportion to its bytes:", () => {
  it.each(OUTPUTS)("%s", { timeout: 300_000 }, (_what, output) => {
    const pieces = output();
    const transcript = new Transcript();
    const start = threadCpuMs();
    for (const piece of pieces) transcript.write("stdout", piece);
    transcript.text();
    expect(threadCpuMs() - start).toBeLessThan(MOST_CPU_MS);
  });

  it("streams that take turns", { timeout: 300_000 }, () => {
    const transcript = new Transcript();
    const start = threadCpuMs();
    for (let turn = 0; turn < 100_000; turn += 1) transcript.write(turn % 2 === 0 ? "stdout" : "stderr", "\x1b[31mx");
    expect(threadCpuMs() - start).toBeLessThan(MOST_CPU_MS);
  });
});
