import { expect, it } from "vitest";
import { wrap } from "../../../src/cli/wrap.js";

it("a text is broken between words, and where it is broken already", () => {
  expect(wrap("one two three four", 9)).toEqual(["one two", "three", "four"]);
  expect(wrap("incomprehensible word", 5)).toEqual(["incomprehensible", "word"]);
  expect(wrap("one two\nthree", 20)).toEqual(["one two", "three"]);
});
