import { PassThrough, Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../src/deferred.js";
import type { DirectPipes } from "../../../src/container/direct-pipes.js";
import { RunnerError } from "../../../src/container/errors.js";
import { FileRefusedError, RunnerChannel } from "../../../src/container/runner-channel.js";
import {
  encodeFrame,
  type Frame,
  FrameDecoder,
  FromRunner,
  type PipeOffer,
  type Program,
  ToRunner,
} from "../../../src/container/runner-frames.js";
import type { RunningSandbox, SandboxId } from "../../../src/container/runtime.js";
import { encodeExit, encodeReady } from "../../support/fake-runtime.js";
import { settle } from "../../support/manual-clock.js";
import { failureOf, standing } from "../../support/promises.js";

const PROGRAM: Program = {
  files: [],
  args: [],
  env: {},
  timeoutMs: 0,
  graceMs: 0,
  stdinOpen: true,
  collect: [],
  maxCollectBytes: 5,
  maxCollectFiles: 0,
};

/** What arrives at the other end, as frames. */
function frameSink() {
  const sent: Frame[] = [];
  const decoder = new FrameDecoder();
  const input = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      decoder.push(chunk, (frame) => sent.push({ type: frame.type, payload: Buffer.from(frame.payload) }));
      done();
    },
  });
  return { sent, input };
}

/** A channel whose other end is the test. */
function openChannel(options: { openPipes?: RunningSandbox["openPipes"] } = {}) {
  const output = new PassThrough();
  const { sent, input } = frameSink();
  const closed = deferred<undefined>();
  const logs: string[] = [];
  const sandbox: RunningSandbox = {
    id: "0".repeat(32) as SandboxId,
    timings: { createMs: 0, attachMs: 0, startMs: 0 },
    input,
    output,
    closed: closed.promise,
    openPipes: options.openPipes ?? (() => Promise.resolve(undefined)),
    inspectEnd: () => Promise.resolve({ exitCode: undefined, oomKilled: false }),
    remove: () => Promise.resolve(),
  };
  const channel = new RunnerChannel(sandbox, { onLog: (text) => logs.push(text) });
  const heard: [string, ...unknown[]][] = [];
  const begin = () =>
    channel.begin(PROGRAM, {
      onOutput: (stream, bytes) => heard.push([stream, bytes.toString()]),
      onFile: ({ path, content }) => heard.push(["file", path, content.toString()]),
      onStdinTaken: (bytes) => heard.push(["taken", bytes]),
      onSkipped: ({ path, why }) => heard.push(["skipped", path, why]),
      onExit: ({ value }) => heard.push(["exit", value]),
      onLost: (cause) => heard.push(["lost", cause]),
    });
  const say = async (type: number, payload: Buffer | string = ""): Promise<void> => {
    output.write(encodeFrame(type, Buffer.from(payload)));
    await settle();
  };
  const sayReady = async (offer?: PipeOffer) => {
    output.write(encodeReady({ offer }));
    await settle();
  };
  const grant = (bytes: number) => {
    const room = Buffer.alloc(4);
    room.writeUInt32BE(bytes);
    return say(FromRunner.stdinRoom, room);
  };
  const stdin = () => sent.filter(({ type }) => type === ToRunner.stdin || type === ToRunner.stdinEnd);
  return { channel, output, sent, closed, logs, heard, begin, say, sayReady, grant, stdin };
}

describe("a channel before its program", () => {
  it("is ready when the runner says so, and not before", async () => {
    const { channel, sayReady } = openChannel();
    expect(await standing(channel.ready)).toBe("pending");
    await sayReady();
    await channel.ready;
    expect(channel.usable).toBe(true);
  });

  it("is not ready with a runner of another version, and says what to do", async () => {
    const { channel, say } = openChannel();
    await say(FromRunner.ready, Buffer.of(1));
    expect(await failureOf(channel.ready)).toMatchObject({
      message: expect.stringMatching(/version 1 .* 3\..*matchbox build/s),
    });
    expect(channel.usable).toBe(false);
  });

  it("passes on what the interpreter says before it is ready", async () => {
    const { channel, say, sayReady, logs } = openChannel();
    await say(FromRunner.log, "warning: slow disk");
    await sayReady();
    await channel.ready;
    expect(logs).toEqual(["warning: slow disk"]);
  });

  it.each<[string, number, Buffer]>([
    ["output", FromRunner.stdout, Buffer.from("x")],
    ["an exit", FromRunner.exit, encodeExit({ code: 0 })],
    ["a file", FromRunner.collected, Buffer.alloc(11)],
    ["readiness without its pipes", FromRunner.ready, Buffer.of(3)],
    ["pipes that nobody asked for", FromRunner.direct, Buffer.alloc(0)],
    ["a word that it runs", FromRunner.running, Buffer.alloc(0)],
    ["an unknown type", 0x7f, Buffer.alloc(0)],
    ["a failure", FromRunner.failed, Buffer.from([4, 0x61])],
    ["a failure without a code", FromRunner.failed, Buffer.alloc(0)],
  ])("ends at %s", async (_what, type, payload) => {
    const { channel, say } = openChannel();
    await say(type, payload);
    expect(await failureOf(channel.ready)).toBeInstanceOf(RunnerError);
    expect(channel.usable).toBe(false);
  });

  it("ends when the sandbox does, and no rejection is left unhandled", async () => {
    const { channel, closed } = openChannel();
    closed.resolve(undefined);
    await settle();
    expect(channel.usable).toBe(false);
    expect(await failureOf(channel.ready)).toBeInstanceOf(RunnerError);
  });

  it("that has ended loses the program at once", async () => {
    const { channel, closed, begin, heard, sent } = openChannel();
    closed.resolve(undefined);
    await settle();
    begin();
    expect(heard).toEqual([["lost", expect.any(RunnerError)]]);
    channel.kill(16, 0);
    channel.writeStdin(Buffer.from("x"));
    expect(sent).toEqual([]);
  });
});

describe("a channel with a program", () => {
  it("passes on what happens, in order, and nothing after the exit", async () => {
    const { channel, begin, say, sayReady, heard, closed } = openChannel();
    await sayReady();
    begin();
    await say(FromRunner.running);
    await say(FromRunner.stdout, "out");
    await say(FromRunner.stderr, "err");
    await say(FromRunner.collected, Buffer.concat([Buffer.from("000000000000000501a4", "hex"), Buffer.from("a")]));
    await say(FromRunner.data, "12");
    await say(FromRunner.data, "345");
    await say(FromRunner.collected, Buffer.concat([Buffer.from("000000000000000001a4", "hex"), Buffer.from("empty")]));
    await say(FromRunner.skipped, Buffer.concat([Buffer.from("010000000000000009", "hex"), Buffer.from("big")]));
    await say(FromRunner.exit, encodeExit({ code: 3 }));
    await say(FromRunner.stdout, "late");
    closed.resolve(undefined);
    await settle();
    expect(heard).toEqual([
      ["stdout", "out"],
      ["stderr", "err"],
      ["file", "a", "12345"],
      ["file", "empty", ""],
      ["skipped", "big", "too_large"],
      ["exit", 3],
    ]);
    expect(channel.usable).toBe(false);
  });

  it("sends a kill with its cause", async () => {
    const { channel, begin, sayReady, sent } = openChannel();
    await sayReady();
    begin();
    channel.kill(17, 1_000);
    expect(sent.at(-1)).toEqual({ type: ToRunner.kill, payload: Buffer.of(17, 0, 0, 3, 232) });
  });

  it.each<[string, number, Buffer]>([
    ["readiness without its pipes", FromRunner.ready, Buffer.of(3)],
    ["pipes that nobody asked for", FromRunner.direct, Buffer.alloc(0)],
    ["an unknown type", 0x7f, Buffer.alloc(0)],
    ["a frame of the daemon's own", ToRunner.run, Buffer.alloc(9)],
    ["bytes of no file", FromRunner.data, Buffer.from("x")],
    ["an exit of the wrong size", FromRunner.exit, Buffer.alloc(59)],
    ["room of the wrong size", FromRunner.stdinRoom, Buffer.alloc(2)],
  ])("is lost, once, at %s", async (_what, type, payload) => {
    const { begin, say, sayReady, heard, closed } = openChannel();
    await sayReady();
    begin();
    await say(type, payload);
    await say(FromRunner.exit, encodeExit({ code: 0 }));
    closed.resolve(undefined);
    await settle();
    expect(heard).toEqual([["lost", expect.any(RunnerError)]]);
  });

  it("is lost when a file has more bytes than were announced", async () => {
    const { begin, say, sayReady, heard } = openChannel();
    await sayReady();
    begin();
    await say(FromRunner.collected, Buffer.concat([Buffer.from("000000000000000201a4", "hex"), Buffer.from("a")]));
    await say(FromRunner.data, "123");
    expect(heard).toEqual([["lost", expect.any(RunnerError)]]);
  });

  it.each([
    ["one that is too large", ["0000000000000006"]],
    ["several that are too large together", ["0000000000000003", "0000000000000003"]],
    ["one larger than any memory", ["ffffffffffffffff"]],
  ])("is lost when more files come back than were asked for: %s", async (_what, sizes) => {
    const { begin, say, sayReady, heard } = openChannel();
    await sayReady();
    begin();
    for (const size of sizes) {
      await say(FromRunner.collected, Buffer.concat([Buffer.from(`${size}01a4`, "hex"), Buffer.from("a")]));
      if (size === "0000000000000003") await say(FromRunner.data, "123");
    }
    expect(heard.at(-1)).toEqual(["lost", expect.any(RunnerError)]);
    expect(heard).toHaveLength(sizes.length);
  });

  it("is lost at a frame over the limit", async () => {
    const { output, begin, sayReady, heard } = openChannel();
    await sayReady();
    begin();
    output.write(Buffer.from("82ffffffff", "hex"));
    await settle();
    output.write(Buffer.alloc(100));
    await settle();
    expect(heard).toEqual([["lost", expect.any(RunnerError)]]);
  });

  it("is lost when the sandbox ends without a word", async () => {
    const { begin, sayReady, closed, heard } = openChannel();
    await sayReady();
    begin();
    closed.resolve(undefined);
    await settle();
    expect(heard).toEqual([["lost", expect.any(RunnerError)]]);
  });

  it("tells a refused file from a broken runner", async () => {
    for (const [code, kind] of [
      [2, FileRefusedError],
      [1, RunnerError],
      [4, RunnerError],
    ] as const) {
      const { begin, say, sayReady, heard } = openChannel();
      await sayReady();
      begin();
      await say(FromRunner.failed, Buffer.concat([Buffer.of(code), Buffer.from("words")]));
      expect(heard).toEqual([["lost", expect.any(kind)]]);
      const [, cause] = heard[0]!;
      expect(cause instanceof FileRefusedError).toBe(code === 2);
      expect((cause as Error).message).toContain("words");
    }
  });

  it("holds back while it is paused, and loses nothing", async () => {
    const { channel, begin, say, sayReady, heard } = openChannel();
    await sayReady();
    begin();
    channel.pause();
    await say(FromRunner.stdout, "held");
    await say(FromRunner.exit, encodeExit({ code: 0 }));
    expect(heard).toEqual([]);
    channel.resume();
    await settle();
    expect(heard).toEqual([
      ["stdout", "held"],
      ["exit", 0],
    ]);
  });

  it("reads one large chunk in a turn of the event loop, so that others have theirs", async () => {
    const { output, begin, sayReady, heard } = openChannel();
    await sayReady();
    begin();
    for (let count = 0; count < 8; count++) output.write(encodeFrame(FromRunner.stdout, Buffer.alloc(40_000, "x")));
    const turns: number[] = [];
    while (heard.length < 8) {
      turns.push(heard.length);
      await setImmediate();
    }
    expect(turns.length).toBeGreaterThanOrEqual(7);
    expect(turns.every((count, turn) => count <= turn + 1)).toBe(true);
  });

  it("stays paused when it is paused between two large chunks", async () => {
    const { channel, output, begin, sayReady, heard } = openChannel();
    await sayReady();
    begin();
    for (let count = 0; count < 3; count++) output.write(encodeFrame(FromRunner.stdout, Buffer.alloc(40_000, "x")));
    channel.pause();
    await settle();
    const before = heard.length;
    await settle();
    expect(heard.length).toBe(before);
    expect(before).toBeLessThan(3);
    channel.resume();
    while (heard.length < 3) await setImmediate();
  });
});

describe("a program's input", () => {
  const text = ({ payload }: Frame): string => payload.toString();

  it("waits for room, and takes no more than is granted", async () => {
    const { channel, begin, sayReady, grant, stdin } = openChannel();
    await sayReady();
    begin();
    expect(channel.writeStdin(Buffer.from("abcdef"))).toBe(6);
    expect(stdin()).toEqual([]);
    await grant(4);
    expect(stdin().map(text)).toEqual(["abcd"]);
    expect(channel.writeStdin(Buffer.from("gh"))).toBe(4);
    await grant(1);
    await grant(100);
    expect(stdin().map(text).join("")).toBe("abcdefgh");
    expect(channel.writeStdin(Buffer.from("i"))).toBe(0);
    expect(stdin().map(text).join("")).toBe("abcdefghi");
  });

  it("ends after all of it, and once", async () => {
    const { channel, begin, sayReady, grant, stdin } = openChannel();
    await sayReady();
    begin();
    channel.writeStdin(Buffer.from("ab"));
    channel.endStdin();
    await grant(1);
    expect(stdin().map(({ type }) => type)).toEqual([ToRunner.stdin]);
    await grant(10);
    await grant(10);
    expect(stdin().map(({ type }) => type)).toEqual([ToRunner.stdin, ToRunner.stdin, ToRunner.stdinEnd]);
  });

  it("may end without any", async () => {
    const { channel, begin, sayReady, stdin } = openChannel();
    await sayReady();
    begin();
    channel.endStdin();
    expect(stdin()).toEqual([{ type: ToRunner.stdinEnd, payload: Buffer.alloc(0) }]);
  });

  it("goes in frames within the limit, however much room there is", async () => {
    const { channel, begin, sayReady, grant, stdin } = openChannel();
    await sayReady();
    begin();
    await grant(1_000_000);
    channel.writeStdin(Buffer.alloc(200_000));
    expect(stdin().map(({ payload }) => payload.length)).toEqual([65_536, 65_536, 65_536, 3_392]);
  });
});

describe("a channel whose runner offers pipes of its own", () => {
  const OFFER: PipeOffer = {
    input: { fd: 7, inode: 4_000_000_001n },
    output: { fd: 9, inode: 18_000_000_000_000_000_000n },
  };

  /** One that can have the pipes as soon as `reach` is called. */
  function openChannelWithPipes() {
    const pipe = { ...frameSink(), output: new PassThrough() };
    const asked: PipeOffer[] = [];
    const reached = deferred<DirectPipes | undefined>();
    const channel = openChannel({
      openPipes: (offer) => {
        asked.push(offer);
        return reached.promise;
      },
    });
    const reach = async (): Promise<void> => {
      reached.resolve(pipe);
      await settle();
    };
    const answer = async (type: number, payload: Buffer | string = ""): Promise<void> => {
      pipe.output.write(encodeFrame(type, Buffer.from(payload)));
      await settle();
    };
    return { ...channel, pipe, asked, reached, reach, answer };
  }

  it("asks for exactly those, and is ready when the runner has answered through them", async () => {
    const { channel, sayReady, asked, sent, reach, answer } = openChannelWithPipes();
    await sayReady(OFFER);
    expect(asked).toEqual([OFFER]);
    expect(sent).toEqual([]);
    await reach();
    expect(sent.map(({ type }) => type)).toEqual([ToRunner.direct]);
    expect(await standing(channel.ready)).toBe("pending");
    await answer(FromRunner.direct);
    await channel.ready;
  });

  it("sends the program, its input and a kill through them and nothing more the old way", async () => {
    const { channel, sayReady, reach, answer, begin, sent, pipe } = openChannelWithPipes();
    await sayReady(OFFER);
    await reach();
    await answer(FromRunner.direct);
    begin();
    await answer(FromRunner.stdinRoom, Buffer.from([0, 0, 0, 9]));
    channel.writeStdin(Buffer.from("in"));
    channel.kill(20, 0);
    expect(sent.map(({ type }) => type)).toEqual([ToRunner.direct]);
    expect(pipe.sent.map(({ type }) => type)).toEqual([ToRunner.run, ToRunner.stdin, ToRunner.kill]);
  });

  it("hears output and the exit through them", async () => {
    const { sayReady, reach, answer, begin, heard } = openChannelWithPipes();
    await sayReady(OFFER);
    await reach();
    await answer(FromRunner.direct);
    begin();
    await answer(FromRunner.stdout, "out");
    await answer(FromRunner.exit, encodeExit({ code: 3 }));
    expect(heard).toEqual([
      ["stdout", "out"],
      ["exit", 3],
    ]);
  });

  it("keeps nothing of the memory that the pipe's bytes are lent in, however they are cut", async () => {
    const frames = Buffer.concat([
      encodeFrame(FromRunner.stdout, Buffer.from("first")),
      encodeFrame(
        FromRunner.collected,
        Buffer.concat([Buffer.from("000000000000000501a4", "hex"), Buffer.from("name")]),
      ),
      encodeFrame(FromRunner.data, Buffer.from("cont")),
      encodeFrame(FromRunner.data, Buffer.from("e")),
      encodeFrame(FromRunner.exit, encodeExit({ code: 3 })),
    ]);
    for (let size = 1; size <= frames.length; size += 1) {
      const { sayReady, reach, answer, begin, heard, pipe } = openChannelWithPipes();
      await sayReady(OFFER);
      await reach();
      await answer(FromRunner.direct);
      begin();
      const shared = Buffer.alloc(size);
      for (let at = 0; at < frames.length; at += size) {
        const count = frames.copy(shared, 0, at);
        pipe.output.emit("data", shared.subarray(0, count));
        shared.fill("X");
      }
      const text = heard.flatMap(([kind, piece]) => (kind === "stdout" ? [piece] : [])).join("");
      expect(text).toBe("first");
      expect(heard.slice(-2)).toEqual([
        ["file", "name", "conte"],
        ["exit", 3],
      ]);
    }
  });

  it("holds back the pipe, and not the old stream, while a client is slow", async () => {
    const { channel, sayReady, reach, answer, output, pipe } = openChannelWithPipes();
    await sayReady(OFFER);
    await reach();
    await answer(FromRunner.direct);
    channel.pause();
    expect([pipe.output.isPaused(), output.isPaused()]).toEqual([true, false]);
    channel.resume();
    expect(pipe.output.isPaused()).toBe(false);
  });

  it("goes on the old way where they cannot be had", async () => {
    const { channel, sayReady, reached, begin, sent } = openChannelWithPipes();
    await sayReady(OFFER);
    reached.resolve(undefined);
    await channel.ready;
    begin();
    expect(sent.map(({ type }) => type)).toEqual([ToRunner.run]);
  });

  it("does not ask where the runner has none", async () => {
    const { channel, sayReady, asked } = openChannelWithPipes();
    await sayReady();
    await channel.ready;
    expect(asked).toEqual([]);
  });

  it("that ends while they are being opened is never ready", async () => {
    const { channel, sayReady, reach, closed, sent, pipe } = openChannelWithPipes();
    await sayReady(OFFER);
    closed.resolve(undefined);
    await settle();
    await reach();
    expect(await failureOf(channel.ready)).toBeInstanceOf(RunnerError);
    expect([...sent, ...pipe.sent]).toEqual([]);
  });
});
