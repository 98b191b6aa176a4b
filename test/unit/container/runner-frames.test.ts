import { describe, expect, it } from "vitest";
import { RunnerError } from "../../../src/container/errors.js";
import {
  decodeCollected,
  decodeExit,
  decodeFailed,
  decodeReady,
  decodeSkipped,
  decodeStdinRoom,
  encodeFrame,
  encodeKill,
  encodeProgram,
  encodeStdin,
  type Frame,
  FrameDecoder,
  FromRunner,
  MAX_FRAME_PAYLOAD_BYTES,
  type Program,
  ToRunner,
} from "../../../src/container/runner-frames.js";
import { encodeReady } from "../../support/fake-runtime.js";

function decoded(chunks: readonly Buffer[]): Frame[] {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    // Memory that is somebody else's right afterwards, as a pipe's reader lends it.
    const lent = Buffer.from(chunk);
    decoder.push(lent, (frame) => frames.push({ type: frame.type, payload: Buffer.from(frame.payload) }));
    lent.fill("X");
  }
  return frames;
}

describe("the frame decoder", () => {
  const frames: Frame[] = [
    { type: 0x81, payload: Buffer.of(1) },
    { type: 0x82, payload: Buffer.alloc(0) },
    { type: 0x83, payload: Buffer.from("some text") },
    { type: 0x8a, payload: Buffer.alloc(0) },
  ];
  const stream = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload)));

  it("reads frames that come in one piece, empty ones included", () => {
    expect(decoded([stream])).toEqual(frames);
  });

  it("puts frames together that were split anywhere", () => {
    for (let first = 0; first <= stream.length; first += 1) {
      for (let second = first; second <= stream.length; second += 1) {
        expect(decoded([stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)])).toEqual(
          frames,
        );
      }
    }
  });

  it("puts frames together that come byte by byte", () => {
    expect(decoded([...stream].map((byte) => Buffer.of(byte)))).toEqual(frames);
  });

  it("gives an empty frame at once, not with the next byte", () => {
    expect(decoded([encodeFrame(0x82)])).toHaveLength(1);
  });

  it("takes a frame of exactly the limit", () => {
    const payload = Buffer.alloc(MAX_FRAME_PAYLOAD_BYTES, 7);
    expect(decoded([encodeFrame(0x82, payload)])).toEqual([{ type: 0x82, payload }]);
  });

  it.each([MAX_FRAME_PAYLOAD_BYTES + 1, 0xffff_ffff])("refuses a frame of %i bytes by its header alone", (length) => {
    const header = Buffer.alloc(5);
    header[0] = 0x82;
    header.writeUInt32BE(length, 1);
    expect(() => decoded([header])).toThrow(RunnerError);
    expect(() => decoded([header])).toThrow(String(length));
  });

  it("takes a chunk of tiny frames without using up the stack", () => {
    expect(decoded([Buffer.concat(Array<Buffer>(100_000).fill(encodeFrame(0x82, Buffer.of(1))))])).toHaveLength(
      100_000,
    );
  });
});

const PROGRAM: Program = {
  files: [{ path: "main.py", mode: 0o644, content: Buffer.from("1") }],
  args: [],
  env: {},
  timeoutMs: 0,
  graceMs: 0,
  stdinOpen: false,
  collect: [],
  maxCollectBytes: 0,
  maxCollectFiles: 0,
};

describe("a program's frames", () => {
  it("are laid out as the sandbox's README says, byte for byte", () => {
    const bytes = encodeProgram({
      files: [
        { path: "m", mode: 0o644, content: Buffer.from("AB") },
        { path: "é", mode: 0o755, content: Buffer.alloc(0) },
      ],
      args: ["x", ""],
      env: { N: "v" },
      timeoutMs: 30_000,
      graceMs: 2_000,
      stdinOpen: true,
      collect: ["*", "o"],
      maxCollectBytes: 0x0102_0304_0506,
      maxCollectFiles: 7,
    });
    const hex = [
      // FILE: length 3, mode 0644, "m"
      "01 00000003 01a4 6d",
      // DATA: length 2, "AB"
      "02 00000002 4142",
      // FILE: length 4, mode 0755, "é"; no DATA
      "01 00000004 01ed c3a9",
      // COLLECT: length 18, u64 bytes, u32 files, u16 patterns, "*" NUL "o" NUL
      "07 00000012 0000010203040506 00000007 0002 2a00 6f00",
      // RUN: length 20, u32 ms, u32 ms of grace, flags, u16 arguments, u16 variables, "x" NUL, NUL, "N=v" NUL
      "03 00000014 00007530 000007d0 01 0002 0001 7800 00 4e3d7600",
    ];
    expect(bytes.toString("hex")).toBe(hex.join("").replaceAll(" ", ""));
  });

  it("have no COLLECT where nothing is collected, and no bit for a closed input", () => {
    const frames = decoded([encodeProgram(PROGRAM)]);
    expect(frames.map(({ type }) => type)).toEqual([ToRunner.file, ToRunner.data, ToRunner.run]);
    expect(frames[2]?.payload.toString("hex")).toBe("00000000000000000000000000");
  });

  it("spread a large file over as many frames as it needs, each within the limit", () => {
    const content = Buffer.alloc(2 * MAX_FRAME_PAYLOAD_BYTES + 1, 9);
    const frames = decoded([encodeProgram({ ...PROGRAM, files: [{ path: "a", mode: 0, content }] })]);
    const data = frames.filter(({ type }) => type === ToRunner.data);
    expect(data.map(({ payload }) => payload.length)).toEqual([MAX_FRAME_PAYLOAD_BYTES, MAX_FRAME_PAYLOAD_BYTES, 1]);
    expect(Buffer.concat(data.map(({ payload }) => payload)).equals(content)).toBe(true);
  });

  it("carry the longest time-out that a lane may allow", () => {
    const run = decoded([encodeProgram({ ...PROGRAM, timeoutMs: 86_400_000 })]).at(-1);
    expect(run?.payload.readUInt32BE(0)).toBe(86_400_000);
  });

  it("carry a kill with its cause and its grace", () => {
    expect(decoded([encodeKill(16, 60_000)])).toEqual([
      { type: ToRunner.kill, payload: Buffer.from("100000ea60", "hex") },
    ]);
  });

  it("carry input in pieces of the limit, and none for none", () => {
    const sizes = (bytes: number) => decoded([encodeStdin(Buffer.alloc(bytes))]).map(({ payload }) => payload.length);
    expect(sizes(0)).toEqual([]);
    expect(sizes(5)).toEqual([5]);
    expect(sizes(MAX_FRAME_PAYLOAD_BYTES + 5)).toEqual([MAX_FRAME_PAYLOAD_BYTES, 5]);
  });
});

describe("EXIT", () => {
  const payload = Buffer.from(
    "01" +
      "09" +
      "13" +
      "01" +
      "00000002" +
      "00000000000003e8" +
      "0000000000100000" +
      "0000000000200000" +
      "00000000000f4240" +
      "0000000000000005" +
      "0000000100000000" +
      "00000000",
    "hex",
  );

  it("is read at its offsets", () => {
    expect(payload).toHaveLength(60);
    expect(decodeExit(payload)).toEqual({
      kind: "signaled",
      value: 9,
      cause: 19,
      foreignKill: true,
      wasAsked: false,
      oomKills: 2,
      cpuMs: 1,
      maxRssBytes: 1_048_576,
      runMs: 1_000,
      stdoutBytes: 5,
      stderrBytes: 4_294_967_296,
    });
  });

  it("of a program that exited has its code", () => {
    const exited = Buffer.alloc(60);
    exited.writeUInt8(255, 1);
    exited.writeUInt8(2, 3);
    expect(decodeExit(exited)).toMatchObject({ kind: "exited", value: 255, foreignKill: false, wasAsked: true });
  });

  it.each([0, 59, 61])("is refused with %i bytes", (length) => {
    expect(() => decodeExit(Buffer.alloc(length))).toThrow(RunnerError);
  });
});

describe("the runner's other frames", () => {
  it("are read at their offsets", () => {
    expect(decodeCollected(Buffer.from("000000000000000501ed6f7574", "hex"))).toEqual({
      size: 5,
      mode: 0o755,
      path: "out",
    });
    expect(decodeSkipped(Buffer.from("010000000000000009616263", "hex"))).toEqual({
      why: "too_large",
      size: 9,
      path: "abc",
    });
    expect(decodeFailed(Buffer.from("0268c3a9", "hex"))).toEqual({ code: 2, text: "hé" });
    expect(decodeFailed(Buffer.of(4))).toEqual({ code: 4, text: "" });
    expect(decodeStdinRoom(Buffer.from("00010000", "hex"))).toBe(65_536);
  });

  it.each([
    [1, "too_large"],
    [2, "too_many"],
    [3, "not_regular"],
    [4, "unreadable"],
    [0, "unreadable"],
    [9, "unreadable"],
  ])("say why a file is left out: %i is %s", (code, why) => {
    expect(decodeSkipped(Buffer.from([code, 0, 0, 0, 0, 0, 0, 0, 0, 0x61])).why).toBe(why);
  });

  it("may be the word, without a path, that the search was cut short", () => {
    expect(decodeSkipped(Buffer.of(2, 0, 0, 0, 0, 0, 0, 0, 0))).toEqual({ why: "too_many", size: 0, path: "" });
  });

  it.each<[string, () => unknown]>([
    ["a file without a path", () => decodeCollected(Buffer.alloc(10))],
    ["a skipped file without a size", () => decodeSkipped(Buffer.alloc(8))],
    ["a failure without a code", () => decodeFailed(Buffer.alloc(0))],
    ["a readiness that says nothing of pipes", () => decodeReady(Buffer.concat([Buffer.of(3), Buffer.alloc(23)]))],
    ["room of three bytes", () => decodeStdinRoom(Buffer.alloc(3))],
  ])("are refused when they are too short: %s", (_what, read) => {
    expect(read).toThrow(RunnerError);
  });
});

describe("the runner's readiness", () => {
  const ready = (from: { inodes: [bigint, bigint] }): Buffer => {
    const [input, output] = from.inodes;
    return encodeReady({ offer: { input: { fd: 5, inode: input }, output: { fd: 6, inode: output } } }).subarray(5);
  };

  it("tells of its pipes, up to the largest number of one", () => {
    expect(decodeReady(ready({ inodes: [1n, 2n ** 64n - 1n] }))).toEqual({
      input: { fd: 5, inode: 1n },
      output: { fd: 6, inode: 2n ** 64n - 1n },
    });
  });

  it.each<[string, [bigint, bigint]]>([
    ["neither", [0n, 0n]],
    ["only the one", [9n, 0n]],
    ["only the other", [0n, 9n]],
  ])("offers none when it has %s", (_what, inodes) => {
    expect(decodeReady(ready({ inodes }))).toBeUndefined();
  });
});

describe("the numbers of the frames", () => {
  it("are those of the sandbox's README", () => {
    expect(ToRunner).toEqual({ file: 1, data: 2, run: 3, stdin: 4, stdinEnd: 5, kill: 6, collect: 7, direct: 8 });
    expect(FromRunner).toEqual({
      ready: 0x81,
      stdout: 0x82,
      stderr: 0x83,
      stdinRoom: 0x84,
      collected: 0x85,
      data: 0x86,
      skipped: 0x87,
      exit: 0x88,
      failed: 0x89,
      log: 0x8a,
      direct: 0x8b,
      running: 0x8c,
    });
  });
});
