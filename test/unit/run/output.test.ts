import { describe, expect, it } from "vitest";
import { RunOutput } from "../../../src/run/output.js";

const TEXT = "a é € 😀 字 z";
const BYTES = Buffer.from(TEXT);
const MUCH = 1_000_000;

describe("a run's output as text", () => {
  it("never breaks a character, wherever the bytes are split", () => {
    for (let first = 0; first <= BYTES.length; first += 1) {
      for (let second = first; second <= BYTES.length; second += 1) {
        const output = new RunOutput({ encoding: "utf8", limitBytes: MUCH });
        const parts = [BYTES.subarray(0, first), BYTES.subarray(first, second), BYTES.subarray(second)].map((part) =>
          output.take("stdout", part),
        );
        expect(parts.join("") + output.finish("stdout")).toBe(TEXT);
        for (const part of parts) expect(part.isWellFormed() && !part.includes("\ufffd")).toBe(true);
      }
    }
  });

  it("keeps the two streams' characters apart", () => {
    const output = new RunOutput({ encoding: "utf8", limitBytes: MUCH });
    const [head, tail] = [Buffer.from("€").subarray(0, 1), Buffer.from("€").subarray(1)];
    expect(output.take("stdout", head)).toBe("");
    expect(output.take("stderr", Buffer.from("x"))).toBe("x");
    expect(output.take("stdout", tail)).toBe("€");
  });

  it.each<[string, number[], string]>([
    ["a byte that begins nothing", [0x61, 0xff, 0x62], "a\ufffdb"],
    ["a continuation without a beginning", [0x80, 0x61], "\ufffda"],
    ["a surrogate in bytes", [0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
    ["a beginning without its continuation", [0xe2, 0x82, 0x61], "\ufffda"],
    ["an overlong form", [0xc0, 0xaf], "\ufffd\ufffd"],
  ])("replaces %s", (_what, bytes, text) => {
    const output = new RunOutput({ encoding: "utf8", limitBytes: MUCH });
    expect(output.take("stdout", Buffer.from(bytes)) + output.finish("stdout")).toBe(text);
  });

  it("replaces a character that never became whole, at the end", () => {
    const output = new RunOutput({ encoding: "utf8", limitBytes: MUCH });
    expect(output.take("stdout", Buffer.from([0x61, 0xf0, 0x9f]))).toBe("a");
    expect(output.finish("stdout")).toBe("\ufffd");
    expect(output.finish("stderr")).toBe("");
  });

  it("passes NUL and escape sequences on as they are", () => {
    const output = new RunOutput({ encoding: "utf8", limitBytes: MUCH });
    expect(output.take("stdout", Buffer.from("\0\u001b[31m\r\n"))).toBe("\0\u001b[31m\r\n");
  });
});

describe("a run's output as base64", () => {
  it("is exact for all bytes, wherever they are split", () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    for (let at = 0; at <= bytes.length; at += 1) {
      const output = new RunOutput({ encoding: "base64", limitBytes: MUCH });
      const parts = [bytes.subarray(0, at), bytes.subarray(at)].map((part) => output.take("stdout", part));
      expect(Buffer.concat(parts.map((part) => Buffer.from(part, "base64"))).equals(bytes)).toBe(true);
      expect(output.finish("stdout")).toBe("");
    }
  });
});

describe("the limit of a run's output", () => {
  it("lets through what fits exactly, and declares nothing", () => {
    const output = new RunOutput({ encoding: "utf8", limitBytes: 4 });
    expect(output.take("stdout", Buffer.from("abcd"))).toBe("abcd");
    expect(output.overLimit).toBe(false);
    expect(output.report.stdout).toEqual({ bytes: 4, sent: 4, truncated: false });
  });

  it("sends the head, counts the rest, and declares the cut", () => {
    const output = new RunOutput({ encoding: "utf8", limitBytes: 4 });
    expect(output.take("stdout", Buffer.from("abcdef"))).toBe("abcd");
    expect(output.take("stdout", Buffer.from("ghi"))).toBe("");
    expect(output.overLimit).toBe(true);
    expect(output.report.stdout).toEqual({ bytes: 9, sent: 4, truncated: true });
  });

  it("holds for both streams together, and declares the cut of the one that was cut", () => {
    const output = new RunOutput({ encoding: "base64", limitBytes: 4 });
    output.take("stdout", Buffer.from("abc"));
    output.take("stderr", Buffer.from("def"));
    expect(output.report).toEqual({
      stdout: { bytes: 3, sent: 3, truncated: false },
      stderr: { bytes: 3, sent: 1, truncated: true },
    });
  });

  it("of nothing declares every byte", () => {
    const output = new RunOutput({ encoding: "utf8", limitBytes: 0 });
    expect(output.overLimit).toBe(false);
    expect(output.take("stdout", Buffer.from("a"))).toBe("");
    expect(output.overLimit).toBe(true);
  });

  it("declares what the runner counted and nobody read", () => {
    const output = new RunOutput({ encoding: "utf8", limitBytes: MUCH });
    output.take("stdout", Buffer.from("abc"));
    output.correct({ stdoutBytes: 10, stderrBytes: 0 });
    expect(output.report).toEqual({
      stdout: { bytes: 10, sent: 3, truncated: true },
      stderr: { bytes: 0, sent: 0, truncated: false },
    });
  });

  it("is not what makes a run that could not be read to its end truncated", () => {
    const output = new RunOutput({ encoding: "utf8", limitBytes: MUCH });
    output.declareCut();
    expect(output.report.stdout.truncated && output.report.stderr.truncated).toBe(true);
  });
});
