import { describe, expect, it } from "vitest";
import { type OutputStream, RunOutput } from "../../../src/run/output.js";
import { ManualClock } from "../../support/manual-clock.js";

const TEXT = "a é € 😀 字 z";
const BYTES = Buffer.from(TEXT);
const MUCH = 1_000_000;

interface Piece {
  readonly stream: OutputStream;
  readonly data: string;
  readonly omitted: number;
}

interface Options {
  readonly encoding?: "utf8" | "base64";
  readonly limit?: number;
  readonly tail?: number;
}

/** An output, and the pieces that it sends. */
class Rig {
  readonly clock = new ManualClock();
  readonly pieces: Piece[] = [];
  readonly output: RunOutput;

  constructor({ encoding = "utf8", limit = MUCH, tail = 0 }: Options = {}) {
    this.output = new RunOutput({
      encoding,
      limitBytes: limit,
      tailBytes: tail,
      clock: this.clock,
      send: (stream, bytes, omitted) => this.pieces.push({ stream, data: bytes.toString(encoding), omitted }),
    });
  }

  /** Gives bytes in memory that is somebody else's right afterwards, as a pipe's reader does. */
  take(stream: OutputStream, bytes: string | readonly number[] | Buffer): void {
    const lent = typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes);
    this.output.take(stream, lent);
    lent.fill("X");
  }

  texts(stream: OutputStream = "stdout"): string[] {
    return this.pieces.filter((piece) => piece.stream === stream).map(({ data }) => data);
  }

  text(stream: OutputStream = "stdout"): string {
    return this.texts(stream).join("");
  }
}

describe("a run's output as text", () => {
  it("never breaks a character, wherever the bytes are split", () => {
    for (let first = 0; first <= BYTES.length; first += 1) {
      for (let second = first; second <= BYTES.length; second += 1) {
        const rig = new Rig();
        for (const part of [BYTES.subarray(0, first), BYTES.subarray(first, second), BYTES.subarray(second)])
          rig.take("stdout", part);
        rig.output.finish();
        expect(rig.text()).toBe(TEXT);
        for (const piece of rig.texts()) expect(piece.isWellFormed() && !piece.includes("\ufffd")).toBe(true);
        expect(rig.output.report.stdout).toEqual({ bytes: BYTES.length, sent: BYTES.length, truncated: false });
      }
    }
  });

  it("keeps the two streams' characters apart", () => {
    const rig = new Rig();
    const euro = Buffer.from("€");
    rig.take("stdout", euro.subarray(0, 1));
    rig.take("stderr", "x");
    rig.take("stdout", euro.subarray(1));
    rig.output.finish();
    expect([rig.text("stdout"), rig.text("stderr")]).toEqual(["€", "x"]);
  });

  it.each<[string, number[], string]>([
    ["a byte that begins nothing", [0x61, 0xff, 0x62], "a\ufffdb"],
    ["a continuation without a beginning", [0x80, 0x61], "\ufffda"],
    ["a surrogate in bytes", [0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
    ["a beginning without its continuation", [0xe2, 0x82, 0x61], "\ufffda"],
    ["an overlong form", [0xc0, 0xaf], "\ufffd\ufffd"],
  ])("replaces %s, the same wherever it is split, and counts the program's bytes", (_what, bytes, text) => {
    for (let at = 0; at <= bytes.length; at += 1) {
      const rig = new Rig();
      rig.take("stdout", bytes.slice(0, at));
      rig.take("stdout", bytes.slice(at));
      rig.output.finish();
      expect(rig.text()).toBe(text);
      expect(rig.output.report.stdout).toEqual({ bytes: bytes.length, sent: bytes.length, truncated: false });
    }
  });

  it("replaces a character that never became whole, at the end", () => {
    const rig = new Rig();
    rig.take("stdout", [0x61, 0xf0, 0x9f]);
    expect(rig.texts()).toEqual(["a"]);
    expect(rig.output.report.stdout.sent).toBe(1);
    rig.output.finish();
    expect(rig.texts()).toEqual(["a", "\ufffd"]);
    expect(rig.output.report.stdout).toEqual({ bytes: 3, sent: 3, truncated: false });
  });

  it("passes NUL and escape sequences on as they are", () => {
    const rig = new Rig();
    rig.take("stdout", "\0\u001b[31m\r\n");
    expect(rig.text()).toBe("\0\u001b[31m\r\n");
  });
});

describe("a run's output as base64", () => {
  it("is exact for all bytes, wherever they are split", () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    for (let at = 0; at <= bytes.length; at += 1) {
      const rig = new Rig({ encoding: "base64" });
      rig.take("stdout", bytes.subarray(0, at));
      rig.take("stdout", bytes.subarray(at));
      rig.output.finish();
      expect(Buffer.concat(rig.texts().map((piece) => Buffer.from(piece, "base64"))).equals(bytes)).toBe(true);
    }
  });
});

describe("a run's output in crumbs", () => {
  it("goes out at once after a silence, and is gathered for a moment after that", async () => {
    const rig = new Rig();
    rig.take("stdout", "first");
    expect(rig.texts()).toEqual(["first"]);
    for (const crumb of ["a", "b", "c"]) rig.take("stdout", crumb);
    expect(rig.texts()).toEqual(["first"]);
    await rig.clock.advance(2);
    expect(rig.texts()).toEqual(["first", "abc"]);
    await rig.clock.advance(2);
    rig.take("stdout", "after a silence");
    expect(rig.texts().at(-1)).toBe("after a silence");
    expect(rig.clock.sleeping).toBe(0);
  });

  it("never waits for the end of a moment at its end, and leaves no timer", () => {
    const rig = new Rig();
    rig.take("stdout", "a");
    rig.take("stdout", "b");
    rig.take("stderr", "c");
    rig.output.finish();
    expect(rig.pieces.map(({ stream, data }) => `${stream} ${data}`)).toEqual(["stdout a", "stdout b", "stderr c"]);
    expect(rig.clock.sleeping).toBe(0);
  });

  it("keeps each stream's order, and is a message a moment and stream", async () => {
    const rig = new Rig();
    for (let round = 0; round < 10; round += 1) {
      for (let count = 0; count < 1_000; count += 1) {
        rig.take("stdout", "o");
        rig.take("stderr", "e");
      }
      await rig.clock.advance(2);
    }
    rig.output.finish();
    expect([rig.text("stdout"), rig.text("stderr")]).toEqual(["o".repeat(10_000), "e".repeat(10_000)]);
    expect(rig.pieces.length).toBeLessThan(25);
  });

  it("is sent in the moment when a whole piece has gathered", () => {
    const rig = new Rig();
    for (let count = 0; count < 200; count += 1) rig.take("stdout", "x".repeat(1_000));
    expect(rig.text().length).toBeGreaterThan(130_000);
    for (const piece of rig.texts()) expect(piece.length).toBeLessThan(67_000);
  });
});

describe("the limit of a run's output, keeping the head", () => {
  it("lets through what fits exactly, and declares nothing", () => {
    const rig = new Rig({ limit: 4 });
    rig.take("stdout", "abcd");
    rig.output.finish();
    expect(rig.text()).toBe("abcd");
    expect(rig.output.overLimit).toBe(false);
    expect(rig.output.report.stdout).toEqual({ bytes: 4, sent: 4, truncated: false });
  });

  it("sends the head, counts the rest, and declares the cut", () => {
    const rig = new Rig({ limit: 4 });
    rig.take("stdout", "abcdef");
    rig.take("stdout", "ghi");
    expect(rig.output.overLimit).toBe(true);
    rig.output.finish();
    expect(rig.texts()).toEqual(["abcd"]);
    expect(rig.output.report.stdout).toEqual({ bytes: 9, sent: 4, truncated: true });
  });

  it("holds for both streams together, and declares the cut of the one that was cut", () => {
    const rig = new Rig({ limit: 4, encoding: "base64" });
    rig.take("stdout", "abc");
    rig.take("stderr", "def");
    rig.output.finish();
    expect(rig.output.report).toEqual({
      stdout: { bytes: 3, sent: 3, truncated: false },
      stderr: { bytes: 3, sent: 1, truncated: true },
    });
  });

  it("never cuts through a character, and counts what was sent", () => {
    for (let limit = 0; limit <= BYTES.length; limit += 1) {
      const rig = new Rig({ limit });
      for (const byte of BYTES) rig.take("stdout", [byte]);
      rig.output.finish();
      expect(TEXT.startsWith(rig.text())).toBe(true);
      const { sent, truncated } = rig.output.report.stdout;
      expect(Buffer.byteLength(rig.text())).toBe(sent);
      expect(limit - sent).toBeLessThan(4);
      expect(truncated).toBe(limit < BYTES.length);
    }
  });

  it("of nothing declares every byte", () => {
    const rig = new Rig({ limit: 0 });
    expect(rig.output.overLimit).toBe(false);
    rig.take("stdout", "a");
    expect(rig.output.overLimit).toBe(true);
  });

  it("declares what the runner counted and nobody read", () => {
    const rig = new Rig();
    rig.take("stdout", "abc");
    rig.output.finish();
    rig.output.correct({ stdoutBytes: 10, stderrBytes: 0 });
    expect(rig.output.report).toEqual({
      stdout: { bytes: 10, sent: 3, truncated: true },
      stderr: { bytes: 0, sent: 0, truncated: false },
    });
  });

  it("is not what makes a run that could not be read to its end truncated", () => {
    const rig = new Rig();
    rig.output.declareCut();
    expect(rig.output.report.stdout.truncated && rig.output.report.stderr.truncated).toBe(true);
  });
});

describe("the limit of a run's output, keeping the tail", () => {
  it("streams the head, then sends the last bytes at the end with what was left out before them", () => {
    const rig = new Rig({ limit: 6, tail: 4 });
    rig.take("stdout", "0123456789");
    expect(rig.texts()).toEqual(["01"]);
    rig.take("stdout", "abcdef");
    rig.output.finish();
    expect(rig.pieces).toEqual([
      { stream: "stdout", data: "01", omitted: 0 },
      { stream: "stdout", data: "cdef", omitted: 10 },
    ]);
    expect(rig.output.report.stdout).toEqual({ bytes: 16, sent: 6, truncated: true });
  });

  it("leaves nothing out of what fits", () => {
    for (let length = 0; length <= 6; length += 1) {
      const rig = new Rig({ limit: 6, tail: 4 });
      for (const letter of "abcdef".slice(0, length)) rig.take("stdout", letter);
      rig.output.finish();
      expect(rig.text()).toBe("abcdef".slice(0, length));
      expect(rig.pieces.every(({ omitted }) => omitted === 0)).toBe(true);
      expect(rig.output.report.stdout).toEqual({ bytes: length, sent: length, truncated: false });
    }
  });

  it("is the tail alone where the limit is no more than that", () => {
    const rig = new Rig({ limit: 3, tail: 100 });
    for (const letter of "abcdefgh") rig.take("stdout", letter);
    expect(rig.pieces).toEqual([]);
    rig.output.finish();
    expect(rig.pieces).toEqual([{ stream: "stdout", data: "fgh", omitted: 5 }]);
  });

  it("keeps the last words on one stream from a flood on the other", () => {
    const rig = new Rig({ limit: 10, tail: 10 });
    rig.take("stdout", "x".repeat(50));
    rig.take("stderr", "why");
    rig.take("stdout", "y".repeat(50));
    rig.output.finish();
    expect(rig.pieces).toEqual([
      { stream: "stdout", data: "yyyyyyy", omitted: 93 },
      { stream: "stderr", data: "why", omitted: 0 },
    ]);
  });

  it("shares its room evenly between two floods", () => {
    const rig = new Rig({ limit: 10, tail: 10 });
    for (let count = 0; count < 30; count += 1) {
      rig.take("stdout", "ooooooo");
      rig.take("stderr", "ee");
    }
    rig.output.finish();
    expect([rig.text("stdout"), rig.text("stderr")]).toEqual(["ooooo", "eeeee"]);
    const { stdout, stderr } = rig.output.report;
    expect([stdout, stderr]).toEqual([
      { bytes: 210, sent: 5, truncated: true },
      { bytes: 60, sent: 5, truncated: true },
    ]);
  });

  it("never begins or ends within a character, and accounts for every byte", () => {
    for (let limit = 1; limit <= BYTES.length + 1; limit += 1) {
      for (let tail = 1; tail <= limit; tail += 1) {
        const rig = new Rig({ limit, tail });
        for (const byte of BYTES) rig.take("stdout", [byte]);
        rig.output.finish();
        expect(rig.text()).not.toContain("\ufffd");
        const gap = rig.pieces.findIndex(({ omitted }) => omitted > 0);
        const [head, last] = gap < 0 ? [rig.text(), ""] : [rig.texts().slice(0, gap).join(""), rig.texts()[gap]!];
        expect(TEXT.startsWith(head) && TEXT.endsWith(last)).toBe(true);
        const { bytes, sent, truncated } = rig.output.report.stdout;
        expect(Buffer.byteLength(rig.text())).toBe(sent);
        expect(sent).toBeLessThanOrEqual(limit);
        expect(truncated).toBe(sent < bytes);
        if (gap >= 0) expect(rig.pieces[gap]!.omitted).toBe(bytes - sent);
      }
    }
  });

  it("sends a long tail in pieces", () => {
    const rig = new Rig({ limit: 200_000, tail: 200_000 });
    const text = "€".repeat(100_000);
    rig.take("stdout", text);
    rig.output.finish();
    expect(rig.pieces.length).toBeGreaterThan(2);
    expect(rig.text()).toBe("€".repeat(66_666));
    expect(rig.pieces.map(({ omitted }) => omitted > 0)).toEqual(rig.pieces.map((_, index) => index === 0));
  });
});
