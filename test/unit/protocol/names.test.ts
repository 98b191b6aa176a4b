import { describe, expect, it } from "vitest";
import { MAX_NAME_BYTES, MAX_PATH_BYTES } from "../../../src/protocol/limits.js";
import { isUserVariable, isWorkspacePath } from "../../../src/protocol/names.js";

const name = (bytes: number): string => "x".repeat(bytes);

describe("the path of a file", () => {
  it.each([
    "a",
    "data/in.csv",
    ".hidden",
    "..hidden",
    "a..b",
    "a...",
    "deep/er/and/deeper",
    "with space",
    "ünï/字/😀",
    "\u05d0\u200f.txt",
    "\u{1f468}\u200d\u{1f4bb}",
    "-rf",
    "~",
    "$HOME",
    name(MAX_NAME_BYTES),
    Array(4).fill(name(255)).join("/"),
  ])("is inside the workspace: %j", (path) => {
    expect(isWorkspacePath(path)).toBe(true);
  });

  it.each([
    ["nothing", ""],
    ["the folder above", ".."],
    ["a file above", "../x"],
    ["a way out through a folder", "a/../../b"],
    ["a way out and in again", "a/../b"],
    ["an absolute path", "/abs"],
    ["the root", "/"],
    ["the workspace itself", "."],
    ["a needless dot", "./a"],
    ["a dot in the middle", "a/./b"],
    ["a folder", "a/"],
    ["two slashes", "a//b"],
    ["a backslash", "..\\x"],
    ["a drive", "C:\\x"],
    ["a NUL", "a\0b"],
    ["a line break", "a\nb"],
    ["a carriage return", "a\r"],
    ["an escape", "\u001b[2J"],
    ["DEL", "a\u007f"],
    ["the first of the later controls", "a\u0080"],
    ["a next line", "a\u0085b"],
    ["a control sequence in one character", "a\u009b2J"],
    ["the last of the later controls", "\u009f"],
    ["a separator of lines", "a\u2028b"],
    ["a separator of paragraphs", "a\u2029"],
    ["half a character", "a\ud800"],
    ["the other half", "\udc00"],
    ["a name of 300 bytes", name(300)],
    ["a name of 256 bytes", name(MAX_NAME_BYTES + 1)],
    ["a name of 128 letters and 256 bytes", "é".repeat(128)],
    ["a path too long", `${`${name(200)}/`.repeat(5)}${name(20)}`],
  ])("is refused: %s", (_what, path) => {
    expect(isWorkspacePath(path)).toBe(false);
  });

  it("may be exactly as long as the limit", () => {
    const path = `${`${name(250)}/`.repeat(4)}${name(20)}`;
    expect(Buffer.byteLength(path)).toBe(MAX_PATH_BYTES);
    expect(isWorkspacePath(path)).toBe(true);
    expect(isWorkspacePath(`${path}x`)).toBe(false);
  });
});

describe("the name of a variable", () => {
  it.each(["A", "_A", "a1", "PATH", "HOME", "LANG", "TZ", "API_KEY", "MY_PYTHON", "ENVIRONMENT", "PS1", name(128)])(
    "may be set: %j",
    (variable) => {
      expect(isUserVariable(variable)).toBe(true);
    },
  );

  it.each([
    ["the loader's", "LD_PRELOAD"],
    ["the loader's", "LD_LIBRARY_PATH"],
    ["the loader's", "LD_AUDIT"],
    ["the C library's", "GLIBC_TUNABLES"],
    ["the C library's", "MALLOC_ARENA_MAX"],
    ["the C library's", "GCONV_PATH"],
    ["Python's", "PYTHONPATH"],
    ["Python's", "PYTHONSTARTUP"],
    ["Python's", "PYTHONHOME"],
    ["bash's", "BASH_ENV"],
    ["bash's", "BASHOPTS"],
    ["bash's", "BASH_FUNC_exit"],
    ["bash's", "SHELLOPTS"],
    ["bash's", "PROMPT_COMMAND"],
    ["the shell's", "ENV"],
    ["the shell's", "IFS"],
    ["the shell's", "_"],
    ["ours", "MATCHBOX_MAIN"],
    ["ours", "__matchbox_item"],
    ["no name", ""],
    ["no name", "1A"],
    ["no name", "A B"],
    ["no name", "A-B"],
    ["no name", "A=B"],
    ["no name", "A\0"],
    ["no name", "A\n"],
    ["no name", "A\nLD_PRELOAD"],
    ["no name", "BASH_FUNC_exit%%"],
    ["no name", "Ä"],
    ["too long", name(129)],
  ])("is refused as %s: %j", (_whose, variable) => {
    expect(isUserVariable(variable)).toBe(false);
  });
});
