import { stripVTControlCharacters } from "node:util";
import { printable, style } from "./terminal.js";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;

export interface Spinner extends Disposable {
  /** What is going on at the moment: the end of the line on a terminal, a line of its own elsewhere. */
  update(text: string): void;
  /** Takes the spinner away and leaves this line. */
  finish(text: string): void;
}

/** Shows on stderr that something goes on. Without a terminal nothing moves: every step is printed as a line. */
export function startSpinner(title: string): Spinner {
  const out = process.stderr;
  if (!out.isTTY) {
    out.write(`${title}\n`);
    return {
      update: (text) => void out.write(`  ${lastLine(text)}\n`),
      finish: (text) => void out.write(`${text}\n`),
      [Symbol.dispose]: () => undefined,
    };
  }
  let step = "";
  let frame = 0;
  const erase = (): void => void out.write("\r\x1b[K");
  const timer = setInterval(() => {
    frame = (frame + 1) % FRAMES.length;
    const line = `${title}  ${step}`.slice(0, Math.max(20, out.columns - 3));
    out.write(`\r\x1b[K${style("cyan", FRAMES[frame] ?? "", out)} ${line}`);
  }, FRAME_MS);
  const stop = (): void => {
    clearInterval(timer);
    erase();
  };
  return {
    update: (text) => {
      step = lastLine(text);
    },
    finish: (text) => {
      stop();
      out.write(`${style("green", "✓", out)} ${text}\n`);
    },
    [Symbol.dispose]: stop,
  };
}

function lastLine(text: string): string {
  const lines = stripVTControlCharacters(text)
    .trimEnd()
    .split(/[\r\n]/);
  return printable(lines.at(-1) ?? "");
}
