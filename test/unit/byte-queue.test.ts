import { describe, expect, it } from "vitest";
import { ByteQueue } from "../../src/byte-queue.js";

/** Bytes that tell their own place. */
function counting(from: number, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => (from + index) % 251));
}

describe("a queue of bytes", () => {
  it("gives back what was put in, in order, whatever the sizes of the pieces", () => {
    const queue = new ByteQueue();
    const taken: Buffer[] = [];
    let pushed = 0;
    for (const size of [0, 1, 4_095, 1, 4_096, 70_000, 3, 200_000, 65_536]) {
      queue.push(counting(pushed, size));
      pushed += size;
      taken.push(queue.take(Math.floor(size / 3)));
    }
    const sum = taken.reduce((total, part) => total + part.length, 0);
    expect(queue.length).toBe(pushed - sum);
    taken.push(queue.take(pushed));
    expect(Buffer.concat(taken).equals(counting(0, pushed))).toBe(true);
    expect(queue.length).toBe(0);
    expect(queue.take(10)).toHaveLength(0);
  });

  it("drops from the front, and tells single bytes", () => {
    const queue = new ByteQueue();
    queue.push(counting(0, 10_000));
    queue.push(counting(10_000, 10_000));
    queue.drop(9_998);
    expect([0, 1, 2, 10_001, 10_002].map((index) => queue.at(index))).toEqual([
      9_998 % 251,
      9_999 % 251,
      10_000 % 251,
      19_999 % 251,
      undefined,
    ]);
    queue.drop(1_000_000);
    expect(queue.length).toBe(0);
    queue.push(Buffer.from("again"));
    expect(queue.take(5).toString()).toBe("again");
  });

  it("does not keep the buffer that a piece was cut from", () => {
    const queue = new ByteQueue();
    const chunk = Buffer.from("abc");
    queue.push(chunk.subarray(1, 2));
    chunk.fill("z");
    expect(queue.take(1).toString()).toBe("b");
  });

  it("takes a million pieces of one byte in the time of a megabyte", () => {
    const queue = new ByteQueue();
    const byte = Buffer.from("x");
    for (let count = 0; count < 1_000_000; count += 1) queue.push(byte);
    let taken = 0;
    while (queue.length > 0) taken += queue.take(1_000).length;
    expect(taken).toBe(1_000_000);
  });
});
