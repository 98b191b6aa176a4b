import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import wabt from "wabt";
import { packageRoot } from "../../../src/package-root.js";
import { ASSEMBLED, JsonText } from "../../../src/server/json-text.js";
import { OutputEncoder } from "../../../src/server/output-message.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";

const json = new JsonText();

function textOf(bytes: Buffer): string | undefined {
  return json.encode(bytes, { before: '"', after: '"' }, (count) => Buffer.alloc(count))?.toString();
}

describe("the text of a JSON string", () => {
  it("is assembled from its source", async () => {
    const source = readFileSync(join(packageRoot(), "src", "server", "json-text.wat"), "utf8");
    const module = (await wabt()).parseWat("json-text.wat", source, { simd: true });
    module.validate();
    expect(ASSEMBLED).toBe(Buffer.from(module.toBinary({}).buffer).toString("base64"));
  });

  it("is that of JSON.stringify for each character, at each place of a vector", () => {
    for (let code = 0; code < 0x300; code += 1) {
      for (let before = 0; before < 18; before += 1) {
        const text = `${"x".repeat(before)}${String.fromCodePoint(code)}y`;
        expect(textOf(Buffer.from(text))).toBe(JSON.stringify(text));
      }
    }
    for (const text of ["", "\u2028\u2029", "\ufeff", "\uffff", "😀", "字".repeat(100)]) {
      expect(textOf(Buffer.from(text))).toBe(JSON.stringify(text));
    }
  });

  it("is that of JSON.stringify for texts of all lengths, full of what is escaped or free of it", () => {
    const random = seededNumbers(7);
    const few = ["a", "é", "😀", "~", " "];
    const many = [...few, "\n", "\t", '"', "\\", "\0", "\u001f", "\u007f"];
    for (let length = 0; length < 600; length += 1) {
      for (const alphabet of [few, many]) {
        const text = Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join("");
        expect(textOf(Buffer.from(text))).toBe(JSON.stringify(text));
      }
    }
  });

  it("has room for the largest piece of the longest escapes, and refuses one byte more", () => {
    const largest = Buffer.alloc(128 * 1024, 1);
    expect(textOf(largest)).toBe(JSON.stringify(largest.toString()));
    expect(textOf(Buffer.alloc(128 * 1024 + 1, 1))).toBeUndefined();
    // What is left of it in the memory is not found by the next.
    expect(textOf(Buffer.from("a"))).toBe('"a"');
  });

  it("refuses what is no UTF-8", () => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]])
      expect(textOf(Buffer.from(bytes))).toBeUndefined();
  });
});

describe("a message of output", () => {
  const encoder = new OutputEncoder();
  const encode = (bytes: Buffer, encoding: "utf8" | "base64", omittedBytes = 0): unknown => {
    const piece = { stream: "stdout", id: 'a"b\\é', seq: 3, bytes, encoding, omittedBytes } as const;
    return JSON.parse(encoder.encode(piece).json.toString());
  };

  it("is the same however it is made: little or much, text or bytes, whole or with something left out", () => {
    const invalid = Buffer.concat([Buffer.from('ab\n"é'), Buffer.from([0xff, 0xe2, 0x82]), Buffer.from("c")]);
    for (const unit of [Buffer.from('line é "quoted"\n'), invalid, Buffer.from([0, 1, 2, 0xff])]) {
      for (const count of [1, 10, 1_000, 10_000]) {
        const bytes = Buffer.concat(Array.from({ length: count }, () => unit));
        for (const encoding of ["utf8", "base64"] as const) {
          const data = bytes.toString(encoding);
          const about = { type: "stdout", id: 'a"b\\é', seq: 3, data };
          expect(encode(bytes, encoding)).toEqual(about);
          expect(encode(bytes, encoding, 5)).toEqual({ ...about, omittedBytes: 5 });
        }
      }
    }
  });
});
