import { describe, expect, it } from "vitest";
import { MAX_LINE_CHARS } from "../../../../../src/web/playground/terminal/line.js";
import { type Source, Transcript } from "../../../../../src/web/playground/terminal/transcript.js";

function textAfter(...pieces: string[]): string {
  const transcript = new Transcript();
  for (const piece of pieces) transcript.write("stdout", piece);
  return transcript.text();
}

const kept = (transcript: Transcript): number =>
  transcript.blocks.reduce((total, { spans }) => total + spans.reduce((sum, { text }) => sum + text.length, 0), 0);

describe("what stands on the page", () => {
  it.each([
    ["a line written over", "10 %\r20 %\n", "20 %\n"],
    ["a shorter one over a longer one", "downloading\rdone", "doneloading"],
    ["a line that was erased first", "downloading\r\x1b[Kdone", "done"],
    ["a line erased from where the cursor is", "abcdef\b\b\x1b[K!", "abcd!"],
    ["a line erased up to the cursor", "abcdef\b\b\x1b[1K", "    ef"],
    ["a spinner", "| \b\b/ \b\b- \b\bok", "ok"],
    ["a column beyond the end", "a\x1b[5Gb", "a   b"],
    ["a backspace at the start", "\b\ba", "a"],
    ["Windows' line ends", "a\r\nb\r\n", "a\nb\n"],
    ["a bar between other lines", "start\n##  \r####\nend\n", "start\n####\nend\n"],
    ["an emoji half written over", "\u{1f600}\ra", "a\ufffd"],
  ])("is right for %s", (_what, written, expected) => {
    expect(textAfter(written)).toBe(expected);
    expect(textAfter(...Array.from(written))).toBe(expected);
  });

  it("keeps colours apart where one line is written over another", () => {
    const transcript = new Transcript();
    transcript.write("stdout", "\x1b[31maaaa\x1b[0m\rb\x1b[32mc");
    const spans = transcript.blocks.flatMap(({ spans }) => spans);
    expect(spans.map(({ text, style }) => [text, style.foreground])).toEqual([
      ["b", undefined],
      ["c", 2],
      ["aa", 1],
    ]);
  });

  it("tells the streams apart, each with its own colours", () => {
    const transcript = new Transcript();
    transcript.write("stdout", "\x1b[31mred\nhalf");
    transcript.write("stderr", "plain\n\x1b[3");
    transcript.write("stdout", "red again\n");
    transcript.write("stderr", "2mgreen");
    transcript.note("cut");
    const seen = transcript.blocks.map(({ source, spans }): [Source, string, unknown] => [
      source,
      spans.map(({ text }) => text).join(""),
      spans[0]?.style.foreground,
    ]);
    expect(seen).toEqual([
      ["stdout", "red\nhalf", 1],
      ["stderr", "plain\n", undefined],
      ["stdout", "red again\n", 1],
      ["stderr", "green", 2],
      ["note", "cut\n", undefined],
    ]);
    expect(transcript.text()).toBe("red\nhalfplain\nred again\ngreen");
  });

  it("changes only in its last block", () => {
    const transcript = new Transcript();
    for (let line = 0; line < 250; line += 1) transcript.write("stdout", `line ${line}\n`);
    const before = transcript.blocks.slice(0, -1).map(({ id, spans }) => [id, spans]);
    transcript.write("stdout", "more\n".repeat(300));
    expect(transcript.blocks.slice(0, before.length).map(({ id, spans }) => [id, spans])).toEqual(before);
  });

  it("shows the same whether lines come one by one or all at once", () => {
    const lines = Array.from({ length: 1_234 }, (_, index) => `line ${index}\n`);
    expect(textAfter(...lines)).toBe(lines.join(""));
    expect(textAfter(lines.join(""))).toBe(lines.join(""));
  });

  it("starts anew when it is cleared, in the middle of a sequence too", () => {
    const transcript = new Transcript();
    transcript.write("stdout", "\x1b[31mred\x1b[");
    transcript.clear();
    transcript.write("stdout", "plain");
    expect(transcript.text()).toBe("plain");
    expect(transcript.blocks[0]?.spans[0]?.style.foreground).toBeUndefined();
  });
});

describe("what does not stay", () => {
  it("is the oldest lines, and they are counted", () => {
    const transcript = new Transcript({ maxLines: 1_000, maxChars: 1_000_000, maxSpans: 50_000 });
    for (let line = 1; line <= 5_000; line += 1) transcript.write("stdout", `${line}\n`);
    const lines = transcript.text().trimEnd().split("\n");
    expect(lines.at(-1)).toBe("5000");
    expect(lines.length).toBeGreaterThan(800);
    expect(lines.length).toBeLessThanOrEqual(1_000);
    expect(transcript.droppedLines).toBe(5_000 - lines.length);
  });

  it.each<[string, string, number]>([
    ["short lines", "y\n".repeat(32_768), 200],
    ["a line without an end", "x".repeat(65_536), 200],
    ["a line that is written over for ever", `${"#".repeat(100)}\r`.repeat(500), 200],
    ["colours without end", "\x1b[31mr\x1b[32mg\n".repeat(1_000), 200],
    ["nothing but controls", "\x1b[0m\x07\r".repeat(1_000), 200],
    ["a cursor far to the right", "\x1b[99999999C!\n", 1_000],
  ])("is all but a bounded rest of %s", (_what, piece, pieces) => {
    const transcript = new Transcript({ maxLines: 500, maxChars: 100_000, maxSpans: 50_000 });
    for (let count = 0; count < pieces; count += 1) transcript.write("stdout", piece);
    expect(kept(transcript)).toBeLessThan(100_000 + 3 * MAX_LINE_CHARS);
    expect(transcript.blocks.length).toBeLessThanOrEqual(501);
  });

  it("is the oldest colours where each character has its own", () => {
    const transcript = new Transcript({ maxLines: 5_000, maxChars: 1_500_000, maxSpans: 2_000 });
    for (let line = 0; line < 500; line += 1) transcript.write("stdout", `${"\x1b[31mr\x1b[32mg".repeat(40)}\n`);
    const spans = transcript.blocks.reduce((total, block) => total + block.spans.length, 0);
    expect(spans).toBeGreaterThan(500);
    expect(spans).toBeLessThanOrEqual(2_000 + 1_000);
    expect(transcript.droppedLines).toBeGreaterThan(400);
  });

  it("is dropped where the streams take turns as well", () => {
    const transcript = new Transcript({ maxLines: 500, maxChars: 100_000, maxSpans: 50_000 });
    for (let turn = 0; turn < 5_000; turn += 1) transcript.write(turn % 2 === 0 ? "stdout" : "stderr", "x");
    expect(transcript.blocks.length).toBeLessThanOrEqual(500);
    expect(transcript.droppedLines).toBeGreaterThan(4_000);
  });
});
