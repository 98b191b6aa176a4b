import { PLAIN, type Style } from "./style.js";

/** Text in one style. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** A longer line is cut into several that are shown as one. It also bounds how far a cursor may go. */
export const MAX_LINE_CHARS = 8192;

/** The line that is being written: what stands in it can still be written over. */
export class Line {
  #spans: Span[] = [];
  #length = 0;
  #column = 0;

  get spans(): readonly Span[] {
    return this.#spans;
  }

  get length(): number {
    return this.#length;
  }

  get isUntouched(): boolean {
    return this.#length === 0 && this.#column === 0;
  }

  get isFull(): boolean {
    return this.#length >= MAX_LINE_CHARS;
  }

  write(text: string, style: Style): void {
    const end = this.#column + text.length;
    if (this.#column < this.#length) this.#spans = [...this.#cut(0, this.#column), { text, style }, ...this.#cut(end)];
    else {
      this.#pad();
      const last = this.#spans.at(-1);
      if (last?.style === style) this.#spans[this.#spans.length - 1] = { text: last.text + text, style };
      else this.#spans.push({ text, style });
    }
    this.#length = Math.max(this.#length, end);
    this.#column = end;
  }

  moveTo(column: number): void {
    this.#column = Math.min(Math.max(0, column), MAX_LINE_CHARS);
  }

  moveBy(columns: number): void {
    this.moveTo(this.#column + columns);
  }

  erase(part: "end" | "start" | "all"): void {
    const blank = { text: " ".repeat(Math.min(this.#column, this.#length)), style: PLAIN };
    if (part === "start") this.#spans = [blank, ...this.#cut(this.#column)];
    else {
      this.#spans = part === "all" ? [] : this.#cut(0, this.#column);
      this.#length = part === "all" ? 0 : Math.min(this.#length, this.#column);
    }
  }

  /** Up to the cursor, where that stands behind the end. */
  #pad(): void {
    const missing = this.#column - this.#length;
    if (missing > 0) this.#spans.push({ text: " ".repeat(missing), style: PLAIN });
  }

  #cut(from: number, to = this.#length): Span[] {
    const kept: Span[] = [];
    let at = 0;
    for (const { text, style } of this.#spans) {
      // Where the cut goes through a character of two halves, neither is one any more.
      const piece = text.slice(Math.max(0, from - at), Math.max(0, to - at)).toWellFormed();
      if (piece !== "") kept.push({ text: piece, style });
      at += text.length;
    }
    return kept;
  }
}
