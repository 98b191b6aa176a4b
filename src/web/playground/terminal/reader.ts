import { PLAIN, type Style, StyleBook } from "./style.js";

/** What a program's output asks of a terminal, as far as it is followed here. */
export interface TerminalActions {
  /** Characters without controls, but for line feeds and tabs. */
  text(text: string, style: Style): void;
  /** To the column, counted from 0. */
  moveTo(column: number): void;
  moveBy(columns: number): void;
  /** From the cursor to the end, from the start to the cursor, or all of the line. */
  erase(part: "end" | "start" | "all"): void;
}

/** An escape sequence that has not ended after so many characters is none: what follows is shown again. */
const MAX_SEQUENCE_CHARS = 4096;

/** All but tabs and the ends of lines, which are text. */
const CONTROL = /(?![\t\n])\p{Cc}/gu;

type State = "text" | "escape" | "charset" | "parameters" | "string" | "string end";

/**
 * Reads a stream with ANSI escape sequences, which may be cut anywhere between two pieces. Colours and what progress bars
 * use are passed on; everything else that a terminal would obey, from titles to cursor addresses, is left out.
 */
export class TerminalReader {
  readonly #actions: TerminalActions;
  readonly #styles = new StyleBook();
  #state: State = "text";
  #style: Style = PLAIN;
  /** The sequence's characters so far, where they matter. */
  #parameters = "";
  #sequenceChars = 0;

  constructor(actions: TerminalActions) {
    this.#actions = actions;
  }

  read(piece: string): void {
    let at = 0;
    while (at < piece.length) {
      if (this.#state === "text") at = this.#readText(piece, at);
      else {
        this.#sequenceChars += 1;
        if (this.#sequenceChars > MAX_SEQUENCE_CHARS) this.#state = "text";
        else if (this.#readSequence(piece.charAt(at))) at += 1;
      }
    }
  }

  /** @returns where to go on */
  #readText(piece: string, start: number): number {
    CONTROL.lastIndex = start;
    const end = CONTROL.exec(piece)?.index ?? piece.length;
    if (end > start) this.#actions.text(piece.slice(start, end), this.#style);
    if (end < piece.length) this.#obey(piece.charCodeAt(end));
    return end + 1;
  }

  #obey(code: number): void {
    switch (code) {
      case 0x08:
        this.#actions.moveBy(-1);
        return;
      case 0x0d:
        this.#actions.moveTo(0);
        return;
      case 0x1b:
        this.#begin("escape");
        return;
      case 0x9b:
        this.#begin("parameters");
        return;
      case 0x90:
      case 0x98:
      case 0x9d:
      case 0x9e:
      case 0x9f:
        this.#begin("string");
        return;
      default: // Bells and the like.
    }
  }

  #begin(state: State): void {
    this.#state = state;
    this.#parameters = "";
    this.#sequenceChars = 0;
  }

  /** @returns false when the character is no part of the sequence, and has to be read again as text */
  #readSequence(character: string): boolean {
    // A control inside a sequence breaks it off; only the strings may hold some.
    const isControl = character < " ";
    switch (this.#state) {
      case "escape":
        if (isControl) this.#state = "text";
        else if (character === "[") this.#begin("parameters");
        else if ("]PX^_".includes(character)) this.#begin("string");
        else this.#state = character <= "/" ? "charset" : "text";
        return !isControl;
      case "charset":
        this.#state = "text";
        return !isControl;
      case "parameters":
        if (isControl) this.#state = "text";
        else if (character >= "@") this.#finish(character);
        else this.#parameters += character;
        return !isControl;
      case "string":
        if (character === "\u0007" || character === "\u009c") this.#state = "text";
        else if (character === "\u001b") this.#state = "string end";
        return true;
      case "string end":
        if (character === "\\") this.#state = "text";
        else this.#begin("escape");
        return character === "\\";
      case "text":
        return false;
      default:
        throw new Error(`unexpected state ${String(this.#state satisfies never)}`);
    }
  }

  #finish(final: string): void {
    this.#state = "text";
    const parameters = this.#parameters;
    if (!/^[\d;:]*$/.test(parameters)) return; // Private ones, such as hiding the cursor.
    const first = Number.parseInt(parameters, 10);
    const count = Math.max(1, Number.isNaN(first) ? 1 : first);
    if (final === "m") this.#style = this.#styles.after(this.#style, parameters);
    else if (final === "C") this.#actions.moveBy(count);
    else if (final === "D") this.#actions.moveBy(-count);
    else if (final === "G") this.#actions.moveTo(count - 1);
    else if (final === "K") this.#actions.erase(first === 1 ? "start" : first === 2 ? "all" : "end");
  }
}
