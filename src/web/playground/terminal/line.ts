import { PLAIN, type Style } from "./style.js";

/** Text in one style. Never changed, so that who has drawn one knows it again. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** A longer line is cut into several that are shown as one. */
export const MAX_LINE_CHARS = 8192;
/** How far a cursor may go where nothing stands yet: no terminal is wider, and each column of the way becomes a space. */
const MAX_COLUMNS = 1_000;

/** One more, so that a character of two halves fits whole. */
const CAPACITY = MAX_LINE_CHARS + 1;
/** Cells that are looked at together when the line is put together: of those that nobody wrote to, none is. */
const CHUNK = 64;
const SPACE = 0x20;

/** All cells up to a column, or from it on, that were written before this moment are blank. */
interface Erasure {
  readonly column: number;
  readonly at: number;
}

/**
 * The line that is being written: what stands in it can still be written over.
 *
 * A change costs time in proportion to the text that it brings, however much stands in the line already: programs draw
 * their progress bars over and over. So text has a cell for each character, and an erasure is noted, not carried out: a
 * cell is blank if it was written before an erasure that covers it. What stands in the line is put together when somebody
 * asks, in proportion to the cells that were written.
 */
export class Line {
  readonly #characters = new Uint16Array(CAPACITY);
  readonly #styles = new Array<Style>(CAPACITY).fill(PLAIN);
  /** When each cell was written last, and each chunk of them. Time is counted in erasures. */
  readonly #writtenAt = new Float64Array(CAPACITY);
  readonly #chunkWrittenAt = new Float64Array(Math.ceil(CAPACITY / CHUNK));
  #now = 1;
  /** When all of the line was erased last. */
  #clearedAt = 1;
  /** From the start up to a column: the later, the less. One that reaches further makes earlier ones pointless. */
  #starts: Erasure[] = [];
  /** From a column to the end: the later, the further right. */
  #ends: Erasure[] = [];
  #length = 0;
  #column = 0;
  #spans: readonly Span[] | undefined;

  get spans(): readonly Span[] {
    this.#spans ??= this.#putTogether();
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

  /** Writes as much of the text as there is room for, from `start` up to `end`. @returns where the rest begins */
  write(text: string, start: number, end: number, style: Style): number {
    const stop = this.#roomFor(text, start, end);
    let column = this.#column;
    for (let at = start; at < stop; at += 1, column += 1) {
      this.#characters[column] = text.charCodeAt(at);
      this.#styles[column] = style;
      this.#writtenAt[column] = this.#now;
      this.#chunkWrittenAt[Math.floor(column / CHUNK)] = this.#now;
    }
    this.#column = column;
    this.#length = Math.max(this.#length, column);
    this.#spans = undefined;
    return stop;
  }

  moveTo(column: number): void {
    const farthest = Math.min(Math.max(this.#length, MAX_COLUMNS), MAX_LINE_CHARS) - 1;
    this.#column = Math.min(Math.max(0, column), farthest);
  }

  moveBy(columns: number): void {
    this.moveTo(this.#column + columns);
  }

  erase(part: "end" | "start" | "all"): void {
    const column = part === "all" ? 0 : this.#column;
    this.#now += 1;
    this.#spans = undefined;
    if (part === "start") {
      while ((this.#starts.at(-1)?.column ?? Infinity) <= column) this.#starts.pop();
      this.#starts.push({ column, at: this.#now });
      return;
    }
    this.#length = Math.min(this.#length, column);
    if (column === 0) {
      this.#clearedAt = this.#now;
      this.#starts = [];
      this.#ends = [];
      return;
    }
    while ((this.#ends.at(-1)?.column ?? -1) >= column) this.#ends.pop();
    this.#ends.push({ column, at: this.#now });
  }

  /** An empty line, with the cursor at its start. */
  clear(): void {
    this.erase("all");
    this.#column = 0;
  }

  #roomFor(text: string, start: number, end: number): number {
    const stop = Math.min(end, start + MAX_LINE_CHARS - this.#column);
    const isCut = stop < end && isHighSurrogate(text.charCodeAt(stop - 1));
    return isCut ? stop + 1 : stop;
  }

  #putTogether(): Span[] {
    const shown = new Uint16Array(CHUNK);
    const spans: Span[] = [];
    let text = "";
    let style = PLAIN;
    let hasHalves = false;
    const restyle = (next: Style): void => {
      // Where half of a character was written over, the other half is none any more.
      if (text !== "") spans.push({ text: hasHalves ? text.toWellFormed() : text, style });
      text = "";
      hasHalves = false;
      style = next;
    };
    // So many of each list may matter for the column that is looked at; the last of them is the latest that covers it.
    let starts = this.#starts.length;
    let ends = 0;
    let blanks = 0;
    for (let first = 0; first < this.#length; first += CHUNK) {
      const last = Math.min(first + CHUNK, this.#length);
      if ((this.#chunkWrittenAt[first / CHUNK] ?? 0) < this.#clearedAt) {
        if (style !== PLAIN) restyle(PLAIN);
        blanks += last - first;
        continue;
      }
      text += " ".repeat(blanks);
      blanks = 0;
      let from = first;
      for (let column = first; column < last; column += 1) {
        while (starts > 0 && (this.#starts[starts - 1]?.column ?? 0) <= column) starts -= 1;
        while (ends < this.#ends.length && (this.#ends[ends]?.column ?? 0) <= column) ends += 1;
        const erasedAt = Math.max(
          this.#clearedAt,
          starts === 0 ? 0 : (this.#starts[starts - 1]?.at ?? 0),
          ends === 0 ? 0 : (this.#ends[ends - 1]?.at ?? 0),
        );
        const isBlank = (this.#writtenAt[column] ?? 0) < erasedAt;
        const next = isBlank ? PLAIN : (this.#styles[column] ?? PLAIN);
        if (next !== style) {
          text += String.fromCharCode(...shown.subarray(from - first, column - first));
          from = column;
          restyle(next);
        }
        const character = isBlank ? SPACE : (this.#characters[column] ?? SPACE);
        shown[column - first] = character;
        hasHalves ||= isHalf(character);
      }
      text += String.fromCharCode(...shown.subarray(from - first, last - first));
    }
    text += " ".repeat(blanks);
    restyle(PLAIN);
    return spans;
  }
}

function isHalf(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff;
}

/** Whether a text that is cut after this character would be cut in the middle of one. */
export function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
