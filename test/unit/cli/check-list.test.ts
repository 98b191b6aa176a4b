import { describe, expect, it } from "vitest";
import { renderChecks } from "../../../src/cli/check-list.js";
import type { Check } from "../../../src/doctor/check.js";

const plain = (_format: string, text: string): string => text;
const CHECKS: readonly Check[] = [
  { name: "engine", status: "ok", finding: "answers" },
  { name: "user namespaces", status: "warn", finding: "off", fix: "switch them on\nor live with it" },
];

describe("the list of checks", () => {
  it("lines up, has what to do below, and ends with what it comes to", () => {
    expect(renderChecks(CHECKS, plain)).toEqual([
      "ok    engine           answers",
      "warn  user namespaces  off",
      "                       -> switch them on",
      "                       -> or live with it",
      "",
      "Ready: 1 ok, 1 warning, 0 failed.",
    ]);
  });

  it("counts what failed, and what could not be looked at", () => {
    const checks: readonly Check[] = [
      { name: "engine", status: "fail", finding: "away", fix: "start it" },
      { name: "images", status: "skip", finding: "needs the engine" },
    ];
    expect(renderChecks(checks, plain).at(-1)).toBe("Not ready: 0 ok, 0 warnings, 1 failed, 1 skipped.");
  });

  it("colours the status after it was lined up", () => {
    const [first] = renderChecks(CHECKS, (format, text) => `<${format}>${text}</>`);
    expect(first).toBe("<green>ok  </>  engine           answers");
  });

  it("breaks lines between words where a terminal is narrow", () => {
    const checks: readonly Check[] = [
      { name: "x", status: "warn", finding: "one two three four five six seven", fix: "eight nine ten eleven twelve" },
    ];
    expect(renderChecks(checks, plain, 39).slice(0, -2)).toEqual([
      "warn  x  one two three four five six",
      "         seven",
      "         -> eight nine ten eleven",
      "            twelve",
    ]);
  });

  it("lets no finding drive the terminal", () => {
    const [line] = renderChecks([{ name: "engine", status: "ok", finding: "\x1b[2Jgone" }], plain);
    expect(line).toBe("ok    engine  \\u{1b}[2Jgone");
  });
});
