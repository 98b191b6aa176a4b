import { describe, expect, it } from "vitest";
import { StdoutCounter } from "../../../bench/lib/stream/attach-frames.js";

function frame(stream: number, length: number): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(length, 4);
  return Buffer.concat([header, Buffer.alloc(length, 1)]);
}

describe("StdoutCounter", () => {
  const whole = Buffer.concat([frame(1, 10), frame(2, 7), frame(1, 0), frame(1, 300)]);

  it("counts stdout alone, and no headers", () => {
    expect(new StdoutCounter().count(whole)).toBe(310);
  });

  it("counts the same wherever the stream is cut", () => {
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const counter = new StdoutCounter();
      expect(counter.count(whole.subarray(0, cut)) + counter.count(whole.subarray(cut))).toBe(310);
    }
  });

  it("counts the same byte by byte", () => {
    const counter = new StdoutCounter();
    let sum = 0;
    for (let at = 0; at < whole.length; at += 1) sum += counter.count(whole.subarray(at, at + 1));
    expect(sum).toBe(310);
  });
});
