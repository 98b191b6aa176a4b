import { describe, expect, it } from "vitest";
import { seededNumbers } from "../../../../../src/sizing/seeded.js";
import { Transcript } from "../../../../../src/web/playground/terminal/transcript.js";

interface Cell {
  readonly character: string;
  readonly color: unknown;
}

const BLANK: Cell = { character: " ", color: undefined };

/** What a line is, with no thought for speed. */
class SlowLine {
  cells: Cell[] = [];
  #column = 0;

  write(text: string, color: unknown): void {
    while (this.cells.length < this.#column) this.cells.push(BLANK);
    for (const character of text.split("")) {
      this.cells[this.#column] = { character, color };
      this.#column += 1;
    }
  }

  moveTo(column: number): void {
    this.#column = Math.min(Math.max(0, column), Math.max(this.cells.length, 1_000) - 1);
  }

  moveBy(columns: number): void {
    this.moveTo(this.#column + columns);
  }

  erase(part: number): void {
    if (part === 0) this.cells.length = Math.min(this.cells.length, this.#column);
    else if (part === 2) this.cells = [];
    else this.cells.fill(BLANK, 0, Math.min(this.#column, this.cells.length));
  }
}

/** A text that draws in one line, and what must stand there at last. */
function drawing(seed: number): { text: string; line: SlowLine } {
  const random = seededNumbers(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const line = new SlowLine();
  let text = "";
  let color: number | undefined;
  for (let step = 0; step < 400; step += 1) {
    const count = below(300) + 1;
    switch (below(8)) {
      case 0:
        text += "\r";
        line.moveTo(0);
        break;
      case 1:
        text += "\b";
        line.moveBy(-1);
        break;
      case 2:
        text += `\x1b[${count}G`;
        line.moveTo(count - 1);
        break;
      case 3: {
        const isBack = below(2) === 0;
        text += `\x1b[${count}${isBack ? "D" : "C"}`;
        line.moveBy(isBack ? -count : count);
        break;
      }
      case 4: {
        const part = below(3);
        text += `\x1b[${part}K`;
        line.erase(part);
        break;
      }
      case 5:
        color = below(8);
        text += `\x1b[3${color}m`;
        break;
      default: {
        const written = ["x", "ab\t", "\u{1f600}", "e\u0301", "-".repeat(below(90))][below(5)] ?? "";
        text += written;
        line.write(written, color);
      }
    }
  }
  return { text, line };
}

describe("a line that is drawn over and over", () => {
  it.each(Array.from({ length: 200 }, (_, seed) => seed))("is what a slow one is (seed %i)", (seed) => {
    const { text, line } = drawing(seed);
    const transcript = new Transcript();
    const random = seededNumbers(seed + 1_000);
    // Between the pieces it is looked at, as a page does that draws it.
    for (let at = 0; at < text.length;) {
      const end = at + 1 + Math.floor(random() * 60);
      transcript.write("stdout", text.slice(at, end));
      transcript.text();
      at = end;
    }
    expect(transcript.text()).toBe(
      line.cells
        .map(({ character }) => character)
        .join("")
        .toWellFormed(),
    );
    const colors = transcript.blocks
      .flatMap(({ spans }) => spans)
      .flatMap(({ text: of, style }) => of.split("").map(() => style.foreground));
    expect(colors).toEqual(line.cells.map(({ color }) => color));
  });

  it("keeps characters whole where a long line is cut", () => {
    for (const lead of ["", "a"]) {
      const text = lead + "\u{1f600}".repeat(20_000);
      for (const pieces of [[text], Array.from(text)]) {
        const transcript = new Transcript();
        for (const piece of pieces) transcript.write("stdout", piece);
        expect(transcript.text()).toBe(text);
      }
    }
  });
});
