import { describe, expect, it } from "vitest";
import { orphanedBytes, unfinishedBytes } from "../../../src/run/characters.js";

describe("the bytes of a character that is not whole yet", () => {
  it("are those after the last whole one, wherever the text is cut", () => {
    const text = Buffer.from("aé€😀z");
    for (let at = 0; at <= text.length; at += 1) {
      const piece = text.subarray(0, at);
      const whole = piece.subarray(0, piece.length - unfinishedBytes(piece));
      expect(Buffer.from(whole.toString()).equals(whole)).toBe(true);
    }
  });

  it.each<[string, number[], number]>([
    ["nothing", [], 0],
    ["a letter", [0x61], 0],
    ["a beginning of two", [0x61, 0xc3], 1],
    ["two thirds", [0xe2, 0x82], 2],
    ["three quarters", [0xf0, 0x9f, 0x98], 3],
    ["a whole one of four", [0xf0, 0x9f, 0x98, 0x80], 0],
    ["continuations without a beginning", [0x80, 0x80, 0x80, 0x80], 0],
    ["a byte that begins nothing", [0xff], 0],
    ["an overlong beginning", [0xc0], 0],
  ])("of %s", (_what, bytes, count) => {
    expect(unfinishedBytes(Buffer.from(bytes))).toBe(count);
  });
});

describe("the bytes of a character whose beginning is gone", () => {
  it.each<[string, number[], number]>([
    ["none", [0x61], 0],
    ["one", [0xa9, 0x61], 1],
    ["three, and never more", [0x80, 0x80, 0x80, 0x80], 3],
    ["no more than there are", [0x80], 1],
  ])("are %s", (_what, bytes, count) => {
    expect(orphanedBytes((index) => bytes[index])).toBe(count);
  });
});
