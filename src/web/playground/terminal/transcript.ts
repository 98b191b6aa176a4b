import { isHighSurrogate, Line, MAX_LINE_CHARS, type Span } from "./line.js";
import { TerminalReader } from "./reader.js";
import { PLAIN, type Style } from "./style.js";

/** Who wrote: the program's two streams, or the page itself. */
export type Source = "stdout" | "stderr" | "note";

/** Lines of one source that follow each other. Only the last block of a transcript still changes. */
export interface Block {
  readonly id: number;
  readonly source: Source;
  /** Finished and unfinished lines, with their line feeds. */
  readonly spans: readonly Span[];
  readonly lines: number;
}

export interface TranscriptLimits {
  readonly maxLines: number;
  readonly maxChars: number;
  /** Each is an element of the page, which costs far more than its characters. */
  readonly maxSpans: number;
}

/** As much as a browser shows without effort; what came before it is dropped. */
const LIMITS: TranscriptLimits = { maxLines: 5_000, maxChars: 1_500_000, maxSpans: 50_000 };
/** Large blocks cost less each; small ones cost less to draw again while they grow, and are dropped in smaller steps. */
const BLOCK_LINES = 100;
const BLOCK_CHARS = 16_384;
const BLOCK_SPANS = 1_000;

/**
 * What a run wrote, as it stands on the page: the last lines of it, styled. Its memory is bounded whatever is written, and
 * what goes through it without being kept costs little more than looking for line feeds.
 */
export class Transcript {
  readonly #limits: TranscriptLimits;
  #readers: Map<Source, TerminalReader>;
  #blocks: OpenBlock[] = [];
  /** The only line that is still written, which is the last one of the last block. */
  readonly #line = new Line();
  #nextId = 0;
  #lines = 0;
  #chars = 0;
  #spans = 0;
  #droppedLines = 0;

  constructor(limits: TranscriptLimits = LIMITS) {
    this.#limits = limits;
    this.#readers = new Map();
  }

  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  /** Lines that were there and are not kept. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  write(source: Source, text: string): void {
    let reader = this.#readers.get(source);
    if (reader === undefined) {
      reader = this.#readerOf(source);
      this.#readers.set(source, reader);
    }
    reader.read(text);
  }

  /** A line of the page's own, whatever stands before it. */
  note(text: string): void {
    this.#add("note", `${text}\n`, PLAIN);
  }

  clear(): void {
    this.#readers = new Map();
    this.#blocks = [];
    this.#line.clear();
    this.#lines = 0;
    this.#chars = 0;
    this.#spans = 0;
    this.#droppedLines = 0;
  }

  /** The program's text without styles. */
  text(): string {
    return this.#blocks
      .filter(({ source }) => source !== "note")
      .flatMap(({ spans }) => spans.map((span) => span.text))
      .join("");
  }

  #readerOf(source: Source): TerminalReader {
    return new TerminalReader({
      text: (text, style) => {
        this.#add(source, text, style);
      },
      moveTo: (column) => {
        this.#open(source);
        this.#line.moveTo(column);
      },
      moveBy: (columns) => {
        this.#open(source);
        this.#line.moveBy(columns);
      },
      erase: (part) => {
        this.#change(this.#open(source), () => {
          this.#line.erase(part);
        });
      },
    });
  }

  #add(source: Source, text: string, style: Style): void {
    let at = 0;
    while (at < text.length) {
      this.#change(this.#open(source), (block) => {
        at = block.take(text, at, style);
      });
    }
  }

  /** The last block, where that is of this source and has room; else a new one. */
  #open(source: Source): OpenBlock {
    const last = this.#blocks.at(-1);
    if (last?.source === source && !last.isFull) return last;
    if (last !== undefined) {
      this.#change(last, (block) => {
        block.close();
      });
    }
    const block = new OpenBlock(this.#nextId, source, this.#line);
    this.#nextId += 1;
    this.#blocks.push(block);
    this.#lines += block.lines;
    return block;
  }

  #change(block: OpenBlock, change: (block: OpenBlock) => void): void {
    const { lines, chars, finishedSpans } = block;
    change(block);
    this.#lines += block.lines - lines;
    this.#chars += block.chars - chars;
    this.#spans += block.finishedSpans - finishedSpans;
    while (this.#blocks.length > 1 && this.#isOver()) {
      const oldest = this.#blocks.shift();
      if (oldest === undefined) return;
      this.#lines -= oldest.lines;
      this.#chars -= oldest.chars;
      this.#spans -= oldest.finishedSpans;
      this.#droppedLines += oldest.lines;
    }
  }

  #isOver(): boolean {
    const { maxLines, maxChars, maxSpans } = this.#limits;
    return this.#lines > maxLines || this.#chars > maxChars || this.#spans > maxSpans;
  }
}

class OpenBlock implements Block {
  readonly id: number;
  readonly source: Source;
  readonly #finished: Span[] = [];
  #finishedLines = 0;
  #finishedChars = 0;
  /** The line that is being written; undefined once the block is closed, and the next block has it. */
  #line: Line | undefined;

  constructor(id: number, source: Source, line: Line) {
    this.id = id;
    this.source = source;
    this.#line = line;
  }

  get spans(): readonly Span[] {
    return [...this.#finished, ...(this.#line?.spans ?? [])];
  }

  get finishedSpans(): number {
    return this.#finished.length;
  }

  /** The line that is being written counts, also while nothing stands in it: the block takes one on the page. */
  get lines(): number {
    return this.#finishedLines + (this.#lineChars > 0 || this.#finishedLines === 0 ? 1 : 0);
  }

  get chars(): number {
    return this.#finishedChars + this.#lineChars;
  }

  get isFull(): boolean {
    return (
      (this.#line?.isUntouched ?? true) &&
      (this.#finishedLines >= BLOCK_LINES || this.#finishedChars >= BLOCK_CHARS || this.#finished.length >= BLOCK_SPANS)
    );
  }

  get #lineChars(): number {
    return this.#line?.length ?? 0;
  }

  /** Nothing more is written to it, and it gives the line away, empty. */
  close(): void {
    const { lines } = this;
    if (this.#line !== undefined) this.#finish(this.#line.spans);
    this.#finishedLines = lines;
    this.#line?.clear();
    this.#line = undefined;
  }

  /** Writes some of the text, from `start` on. @returns where the rest begins */
  take(text: string, start: number, style: Style): number {
    const line = this.#line;
    if (line === undefined) throw new Error("a closed block takes no more text");
    if (line.isUntouched) {
      const end = this.#endOfLines(text, start);
      if (end > start) {
        this.#finish([{ text: text.slice(start, end), style }]);
        return end;
      }
    }
    const lineEnd = lineEndIn(text, start);
    if (line.isUntouched && lineEnd === undefined && text.length - start > MAX_LINE_CHARS)
      return this.#takeFullLine(text, start, style);
    const end = line.write(text, start, lineEnd ?? Math.min(text.length, start + MAX_LINE_CHARS), style);
    if (end === lineEnd) {
      this.#finish([...line.spans, { text: "\n", style }]);
      this.#finishedLines += 1;
      line.clear();
      return end + 1;
    }
    if (line.isFull) {
      this.#finish(line.spans);
      line.clear();
    }
    return end;
  }

  /** As much as a line has, of a text that has more: nothing can be written over it any more. */
  #takeFullLine(text: string, start: number, style: Style): number {
    const cut = start + MAX_LINE_CHARS;
    const end = isHighSurrogate(text.charCodeAt(cut - 1)) ? cut + 1 : cut;
    this.#finish([{ text: text.slice(start, end), style }]);
    return end;
  }

  /** Where the whole lines end that still fit in; `start` where there is none. Counts them as finished. */
  #endOfLines(text: string, start: number): number {
    let end = start;
    while (this.#finishedLines < BLOCK_LINES && end - start < BLOCK_CHARS) {
      const lineEnd = lineEndIn(text, end);
      if (lineEnd === undefined) break;
      end = lineEnd + 1;
      this.#finishedLines += 1;
    }
    return end;
  }

  #finish(spans: readonly Span[]): void {
    for (const span of spans) {
      this.#finishedChars += span.text.length;
      const last = this.#finished.at(-1);
      if (last?.style === span.style)
        this.#finished[this.#finished.length - 1] = { ...last, text: last.text + span.text };
      else this.#finished.push(span);
    }
  }
}

/**
 * Where the line ends that begins at `start`; undefined where that is further away than a line is long. Not looked for beyond
 * that: of a text that is one line it would be looked for to the end of the text, for each piece that is taken of it.
 */
function lineEndIn(text: string, start: number): number | undefined {
  const found = text.slice(start, start + MAX_LINE_CHARS + 1).indexOf("\n");
  return found === -1 ? undefined : start + found;
}
