import { describe, expect, it } from "vitest";
import { PLAIN, restyle } from "../../../../../src/web/playground/terminal/style.js";

describe("the style after a sequence", () => {
  it.each([
    ["1", { bold: true }],
    ["2;3;4;7;9", { dim: true, italic: true, underline: true, inverse: true, strike: true }],
    ["4:3", { underline: true }],
    ["31", { foreground: 1 }],
    ["97;100", { foreground: 15, background: 8 }],
    ["38;5;9", { foreground: 9 }],
    ["38;5;16", { foreground: "#000000" }],
    ["38;5;196", { foreground: "#ff0000" }],
    ["48;5;232", { background: "#080808" }],
    ["48;5;255", { background: "#eeeeee" }],
    ["38;2;1;20;255", { foreground: "#0114ff" }],
    ["38:2::1:20:255", { foreground: "#0114ff" }],
    ["38:5:196;1", { foreground: "#ff0000", bold: true }],
    ["38;5;196;48;2;0;0;1;4", { foreground: "#ff0000", background: "#000001", underline: true }],
  ])("%s adds what it says", (parameters, expected) => {
    expect(restyle(PLAIN, parameters)).toEqual({ ...PLAIN, ...expected });
  });

  it.each(["", "0", "1;0", "31;39", "41;49", "1;2;22", "3;23", "4;24", "4;4:0", "7;27", "9;29"])(
    "%j leaves it plain",
    (parameters) => {
      expect(restyle(PLAIN, parameters)).toEqual(PLAIN);
    },
  );

  it.each(["38;5;256", "38;5", "38", "38;2;1;2", "38;2;1;2;300", "38;7", "99999", "5", "48;5;"])(
    "%j is not known, and changes nothing",
    (parameters) => {
      expect(restyle(PLAIN, parameters)).toEqual(PLAIN);
    },
  );
});
