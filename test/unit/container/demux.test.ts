import { describe, expect, it } from "vitest";
import { Demux } from "../../../src/container/demux.js";
import { RunnerError } from "../../../src/container/errors.js";
import { settle } from "../../support/manual-clock.js";

const STDOUT = 1;
const STDERR = 2;

function frame(stream: number, payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

async function demultiplexed(chunks: readonly Buffer[]): Promise<{ stdout: string; stderr: string }> {
  const stderr: Buffer[] = [];
  const demux = new Demux((bytes) => stderr.push(Buffer.from(bytes)));
  const stdout: Buffer[] = [];
  demux.on("data", (bytes: Buffer) => stdout.push(Buffer.from(bytes)));
  for (const chunk of chunks) demux.write(chunk);
  demux.end();
  await settle();
  return { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

describe("the demultiplexer", () => {
  const stream = Buffer.concat([
    frame(STDOUT, "one "),
    frame(STDERR, "oops "),
    frame(STDOUT, ""),
    frame(STDOUT, "two"),
    frame(STDERR, "again"),
  ]);
  const whole = { stdout: "one two", stderr: "oops again" };

  it("lets stdout out and gives stderr to its listener", async () => {
    expect(await demultiplexed([stream])).toEqual(whole);
  });

  it("puts frames together that were split anywhere", async () => {
    for (let at = 0; at <= stream.length; at += 1) {
      expect(await demultiplexed([stream.subarray(0, at), stream.subarray(at)])).toEqual(whole);
    }
  });

  it("puts frames together that come byte by byte", async () => {
    expect(await demultiplexed([...stream].map((byte) => Buffer.of(byte)))).toEqual(whole);
  });

  it("takes a chunk of tiny frames without using up the stack", async () => {
    const tiny = frame(STDOUT, "x");
    const count = Math.floor((64 * 1024) / tiny.length);
    const { stdout } = await demultiplexed([
      Buffer.concat(Array<Buffer>(count).fill(tiny)),
      Buffer.concat(Array<Buffer>(100_000).fill(tiny)),
    ]);
    expect(stdout.length).toBe(count + 100_000);
  });

  it.each([
    ["an unknown stream", Buffer.from([3, 0, 0, 0, 0, 0, 0, 1])],
    ["stdin's number", Buffer.from([0, 0, 0, 0, 0, 0, 0, 1])],
    ["bytes where zeros belong", Buffer.from([1, 0, 7, 0, 0, 0, 0, 1])],
    ["text that is no frame at all", Buffer.from("HTTP/1.1")],
  ])("ends with an error at %s", async (_what, header) => {
    const demux = new Demux(() => undefined);
    const errors: Error[] = [];
    const received: Buffer[] = [];
    demux.on("error", (error) => errors.push(error));
    demux.on("data", (bytes: Buffer) => received.push(bytes));
    demux.write(Buffer.concat([frame(STDOUT, "good"), header, Buffer.from("x")]));
    await settle();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(RunnerError);
    expect(errors[0]?.message).toContain(header.toString("hex"));
  });

  it("does not take what a program prints for a header of its own", async () => {
    const forged = frame(STDERR, "forged");
    expect(await demultiplexed([frame(STDOUT, forged)])).toEqual({ stdout: forged.toString(), stderr: "" });
  });

  it("holds the engine back while nobody reads, and loses nothing", async () => {
    const demux = new Demux(() => undefined);
    const chunk = frame(STDOUT, Buffer.alloc(64 * 1024));
    let written = 0;
    while (demux.write(chunk) && written < 1_000) {
      written += 1;
      await settle();
    }
    expect(written).toBeLessThan(20);
    let read = 0;
    demux.on("data", (bytes: Buffer) => (read += bytes.length));
    await settle();
    expect(demux.writableNeedDrain).toBe(false);
    expect(read).toBe((written + 1) * 64 * 1024);
  });
});
