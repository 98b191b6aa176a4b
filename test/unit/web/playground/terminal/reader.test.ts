import { describe, expect, it } from "vitest";
import { TerminalReader } from "../../../../../src/web/playground/terminal/reader.js";

/** What a terminal is asked for, pieces of text in one style put together. */
function actionsOf(...pieces: string[]): string[] {
  const actions: string[] = [];
  let text = "";
  let look = "";
  const flush = (): void => {
    if (text !== "") actions.push(`${JSON.stringify(text)}${look}`);
    text = "";
  };
  const act = (action: string): void => {
    flush();
    actions.push(action);
  };
  const reader = new TerminalReader({
    text: (added, style) => {
      const next = `${style.foreground === undefined ? "" : ` in ${style.foreground}`}${style.bold ? " bold" : ""}`;
      if (next !== look) flush();
      look = next;
      text += added;
    },
    moveTo: (column) => act(`to ${column}`),
    moveBy: (columns) => act(`by ${columns}`),
    erase: (part) => act(`erase ${part}`),
  });
  for (const piece of pieces) reader.read(piece);
  flush();
  return actions;
}

const EVERYTHING =
  "a\x1b[31;1mred\x1b[0m\tb\r\n\x1b]0;title\x07c\x1b]8;;http://x\x1b\\d\x1b(Be\x1b[2Kf\b\x1b[3D\x1b[5Gg\x1b7\x1b[?25lh\x9b32mi\x1bPq~\x1b\\j";

describe("a terminal's reader", () => {
  it("passes on colours and what progress bars use, and leaves out the rest", () => {
    expect(actionsOf(EVERYTHING)).toEqual([
      '"a"',
      '"red" in 1 bold',
      '"\\tb"',
      "to 0",
      '"\\ncde"',
      "erase all",
      '"f"',
      "by -1",
      "by -3",
      "to 4",
      '"gh"',
      '"ij" in 2',
    ]);
  });

  it("reads the same wherever the stream is cut in two", () => {
    const whole = actionsOf(EVERYTHING);
    for (let at = 0; at <= EVERYTHING.length; at += 1) {
      expect(actionsOf(EVERYTHING.slice(0, at), EVERYTHING.slice(at))).toEqual(whole);
    }
  });

  it("reads the same character by character", () => {
    expect(actionsOf(...Array.from(EVERYTHING))).toEqual(actionsOf(EVERYTHING));
  });

  it.each([
    ["\x1b[K", "erase end"],
    ["\x1b[0K", "erase end"],
    ["\x1b[1K", "erase start"],
    ["\x1b[2K", "erase all"],
    ["\x1b[C", "by 1"],
    ["\x1b[0C", "by 1"],
    ["\x1b[12C", "by 12"],
    ["\x1b[G", "to 0"],
    ["\b", "by -1"],
  ])("obeys %j", (sequence, action) => {
    expect(actionsOf(sequence)).toEqual([action]);
  });

  it.each([
    "\x1b[2J",
    "\x1b[H",
    "\x1b[12;40H",
    "\x1b[A",
    "\x1b[?1049h",
    "\x1b[>4;2m",
    "\x07",
    "\x00",
    "\x7f",
    "\x85",
    "\x1bc",
  ])("leaves out %j", (sequence) => {
    expect(actionsOf(`a${sequence}b`)).toEqual(['"ab"']);
  });

  it("shows what a broken sequence is followed by", () => {
    expect(actionsOf("\x1b[31\nb")).toEqual(['"\\nb"']);
    expect(actionsOf("\x1b\x1b[31mb")).toEqual(['"b" in 1']);
  });

  it("does not swallow a stream whose title never ends", () => {
    const [shown = ""] = actionsOf(`\x1b]0;${"t".repeat(10_000)}end`);
    expect(shown).toContain("end");
    expect(shown.length).toBeLessThan(6_000);
  });
});
