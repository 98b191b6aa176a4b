// @ts-check
import { stripVTControlCharacters, styleText } from "node:util";

/** @typedef {{ readonly update: (text: string) => void, readonly note: (text: string) => void }} Progress */

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const spinEveryMs = 100;

/**
 * Runs one step of the set-up and prints one line about it on stderr: its name, how long it took, and a note. On a
 * terminal the line moves while the step works; elsewhere it appears once, at the end.
 *
 * @template T
 * @param {string} name
 * @param {(progress: Progress) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(name, work) {
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  let detail = "";
  let note = "";
  const live = process.stderr.isTTY ? setInterval(draw, spinEveryMs) : undefined;
  function draw() {
    const frame = frames[Math.floor(performance.now() / spinEveryMs) % frames.length];
    const line = `${name} … ${seconds()} ${frame} ${printable(detail)}`;
    process.stderr.write(`\r${line.slice(0, (process.stderr.columns || 80) - 1)}\x1b[K`);
  }
  /** @param {string} line */
  const finish = (line) => {
    clearInterval(live);
    process.stderr.write(`${live === undefined ? "" : "\r\x1b[K"}${line}\n`);
  };
  try {
    const value = await work({
      update: (text) => {
        detail = text.trim().split("\n").at(-1) ?? "";
      },
      note: (text) => {
        note = printable(text);
      },
    });
    finish(`${name} … ${seconds()}${note === "" ? "" : paint("gray", ` (${note})`)}`);
    return value;
  } catch (error) {
    finish(`${name} … ${seconds()} ${paint("red", "failed")}`);
    throw error;
  }
}

/**
 * An engine's words, of which a terminal obeys none.
 *
 * @param {string} text
 */
function printable(text) {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}]/gu, " ");
}

/**
 * Colours text on a terminal and leaves it alone elsewhere.
 *
 * @param {"red" | "green" | "gray"} color
 * @param {string} text
 */
export function paint(color, text) {
  return process.stderr.isTTY && !process.env["NO_COLOR"] ? styleText(color, text) : text;
}
