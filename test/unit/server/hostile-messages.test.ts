import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServerConfig } from "../../../src/config/schema.js";
import { MAX_RUN_ID_CHARS } from "../../../src/protocol/limits.js";
import type { Run } from "../../../src/run/run.js";
import type { HttpServer } from "../../../src/server/http-server.js";
import { frameOf, RawClient } from "./raw-client.js";
import { serverOf } from "./support.js";

const MIB = 1024 * 1024;
/** No message of a few megabytes takes the machine so long, however busy it is: the worst took 10 s of an idle one. */
const TURN_MS = 5_000;

let server: HttpServer;
let port: number;
let runs: Run[];
let clients: RawClient[];

async function start(config: Partial<ServerConfig> = {}): Promise<void> {
  runs = [];
  clients = [];
  server = serverOf(config, {
    routes: { "/healthz": () => ({ status: 200, type: "text/plain", body: "ok\n" }) },
    execute: (run) => {
      runs.push(run);
      run.termination.signal.addEventListener("abort", () => end(run));
      return Promise.resolve();
    },
  });
  await server.listen();
  port = server.address.kind === "tcp" ? server.address.port : 0;
}

/** Any ending will do. */
function end(run: Run): void {
  if (!run.ended) run.emit({ type: "error", code: "internal", message: "over", retryable: false });
}

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(port);
  clients.push(client);
  return client;
}

/** The text, filled up to a size: the first part, the unit as often as it fits, the last part. */
function filled(before: string, unit: string, after: string, bytes = 8 * MIB): Buffer {
  const room = bytes - Buffer.byteLength(before) - Buffer.byteLength(after);
  return Buffer.from(before + unit.repeat(Math.floor(room / Buffer.byteLength(unit))) + after);
}

function numbered(before: string, after: string): Buffer {
  const parts: string[] = [];
  for (let number = 10, length = 0; length < 8 * MIB - 200; number += 1) {
    parts.push(`"${number}":1,`);
    length += parts.at(-1)!.length;
  }
  return Buffer.from(before + parts.join("") + after);
}

const RUN = '{"type":"run","id":"a","lane":"python","code":"",';

beforeEach(() => start());
afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  await server.close({ graceMs: 0 });
});

describe("a message, whatever it holds", () => {
  it.each<[string, Buffer, { code: string; id?: string; message: RegExp }]>([
    [
      "objects in a list",
      filled(`${RUN}"files":[`, "{},", "{}]}"),
      { code: "bad_message", id: "a", message: /^files: .*2048 is the most/ },
    ],
    [
      "names that are numbers",
      numbered(`${RUN}"env":{`, '"A":"x"}}'),
      { code: "bad_message", id: "a", message: /^env: .*2048 is the most/ },
    ],
    [
      "fields that nobody knows",
      numbered("{", '"type":"run","id":"a"}'),
      { code: "bad_message", id: "a", message: /2048 is the most/ },
    ],
    [
      "the same field again and again",
      filled(RUN, '"x":1,', '"x":1}'),
      { code: "bad_message", id: "a", message: /^x: .*2048 is the most/ },
    ],
    [
      "a depth of millions",
      Buffer.concat([filled(`${RUN}"args":`, "[", "", 4 * MIB), filled("", "]", "}", 4 * MIB)]),
      { code: "bad_message", id: "a", message: /^args: .*16 is the most/ },
    ],
    [
      "a key of megabytes",
      filled('{"id":"a","type":"run","', "k", '":1}'),
      { code: "bad_message", id: "a", message: /^k{64}: .*1024 is the most/ },
    ],
    [
      "a number of megabytes",
      filled(`${RUN}"timeoutMs":`, "9", "}"),
      { code: "bad_message", id: "a", message: /^timeoutMs: .*64 is the most/ },
    ],
    [
      "a list instead of an object",
      filled("[", "1,", "1]"),
      { code: "bad_message", message: /^message: .*2048 is the most/ },
    ],
    ["white space", filled(RUN, " ", '"x":1}'), { code: "bad_message", id: "a", message: /"x"/ }],
    [
      "escapes",
      filled(`${RUN}"env":{"A":"`, "\\u0000", '"}}'),
      { code: "bad_message", id: "a", message: /^env\.A: .*NUL/ },
    ],
    [
      "signs that are padding at an end only",
      filled(`${RUN}"files":[{"path":"a","encoding":"base64","content":"`, "=", 'x"}]}'),
      { code: "bad_message", id: "a", message: /^files\.0\.content: is not base64/ },
    ],
    [
      "a name of megabytes",
      filled('{"type":"run","id":"a","code":"","lane":"', "x", '"}'),
      { code: "bad_message", id: "a", message: /^lane: .*<=64/ },
    ],
    [
      "an id of megabytes",
      filled('{"type":"run","lane":"p","code":"","id":"', "x", '"}'),
      { code: "bad_message", message: /^id: .*<=128/ },
    ],
    ["a type of megabytes", filled('{"type":"', "x", '"}'), { code: "bad_message", message: /^type: / }],
    ["no JSON at all", filled("", "x", ""), { code: "bad_message", message: /^message: has a number or word/ }],
    ["text where JSON should be", filled('"', "x", '" y'), { code: "bad_message", message: /not JSON/ }],
    [
      "four times the size that is read",
      filled("", "x", "", 32 * MIB),
      { code: "too_large", message: /33554432 bytes; 8388608 is the most/ },
    ],
    [
      "objects, in a size that is usual",
      filled(`${RUN}"files":[`, "{},", "{}]}", 64_000),
      { code: "bad_message", id: "a", message: /2048 is the most/ },
    ],
    [
      "five unknown keys of the longest kind",
      Buffer.from(
        `{"type":"run",${["a", "b", "c", "d", "e", "f"].map((key) => `"${key.repeat(1_000)}\\u0001":1`).join()}}`,
      ),
      { code: "bad_message", message: /Unrecognized keys: "a{61}\.\.\."/ },
    ],
  ])(
    "keeps nobody waiting, and has a short answer that says what is wrong: %s",
    async (_what, bytes, { message, ...facts }) => {
      const client = await connect();
      let longest = 0;
      const state = { isOver: false };
      const others = (async () => {
        while (!state.isOver) {
          const begin = performance.now();
          expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).toBe("ok\n");
          longest = Math.max(longest, performance.now() - begin);
        }
      })();
      client.socket.write(frameOf(bytes));
      const answer = await client.next();
      state.isOver = true;
      await others;
      expect(answer).toMatchObject({ type: "error", ...facts, message: expect.stringMatching(message) as string });
      if (facts.id !== undefined) expect(answer).toHaveProperty("seq", 0);
      expect(client.longest).toBeLessThan(4_096);
      expect(longest).toBeLessThan(TURN_MS);
      expect(runs).toHaveLength(0);
    },
    60_000,
  );

  it("is taken when it is large and right, with its texts as bytes and its base64 decoded", async () => {
    const client = await connect();
    const content = Buffer.alloc(4 * MIB, "é");
    const data = Buffer.alloc(1.5 * MIB, 7);
    const files = [
      { path: "a", content: content.toString() },
      { path: "b", content: data.toString("base64"), encoding: "base64" },
    ];
    const run = { type: "run", id: "large", lane: "python", code: "print(1)", stdin: "input", files };
    client.socket.write(frameOf(JSON.stringify(run), { mask: Buffer.of(1, 2, 3, 4) }));
    client.socket.write(frameOf(JSON.stringify({ type: "cancel", id: "large" })));
    // The cancel waits for the run that it is about.
    expect(await client.next()).toMatchObject({ type: "error", id: "large", code: "internal", message: "over" });
    const [{ request, termination } = {}] = runs;
    expect(termination?.reason).toBe("cancelled");
    expect(request).toMatchObject({ id: "large", lane: "python", args: [], env: {} });
    const bytes = (text: unknown) => Buffer.from(text as Uint8Array);
    expect(bytes(request?.code).toString()).toBe("print(1)");
    expect(bytes(request?.stdin).toString()).toBe("input");
    expect(bytes(request?.files[0]?.content).equals(content)).toBe(true);
    expect(bytes(request?.files[1]?.content).equals(data)).toBe(true);
  });

  it("is the same however its bytes come: in pieces, with a ping among them, cut anywhere", async () => {
    const message = Buffer.from(JSON.stringify({ type: "cancel", id: "x".repeat(MAX_RUN_ID_CHARS) }));
    const mask = Buffer.of(9, 0, 255, 3);
    const pieces = Buffer.concat([
      frameOf(message.subarray(0, 5), { isLast: false, mask }),
      frameOf("", { isLast: false, opcode: 0 }),
      frameOf("still there?", { opcode: 9, mask }),
      frameOf(message.subarray(5, 40), { isLast: false, opcode: 0 }),
      frameOf(message.subarray(40), { opcode: 0, mask }),
      frameOf(message),
    ]);
    for (const size of [1, 2, 3, 7, 64, pieces.length]) {
      const client = await connect();
      client.socket.setNoDelay();
      for (let at = 0; at < pieces.length; at += size) {
        client.socket.write(pieces.subarray(at, at + size));
        if (size < 8) await new Promise(setImmediate);
      }
      for (let count = 0; count < 2; count += 1)
        expect(await client.next()).toMatchObject({ code: "unknown_run", id: "x".repeat(MAX_RUN_ID_CHARS) });
      expect(client.pongs).toEqual(["still there?"]);
    }
  });

  it.each<[string, Buffer, number]>([
    ["an order that WebSocket does not know", Buffer.concat([frameOf("{", { isLast: false }), frameOf("{}")]), 1002],
    ["a continuation of nothing", frameOf("{}", { opcode: 0 }), 1002],
    ["a frame without a mask", Buffer.of(0x81, 0x02, 0x7b, 0x7d), 1002],
    ["a frame of a kind that does not exist", frameOf("{}", { opcode: 5 }), 1002],
    ["a ping that is too long", frameOf("x".repeat(126), { opcode: 9 }), 1002],
    [
      "more pieces than a message may have",
      Buffer.concat([
        frameOf("{", { isLast: false }),
        ...Array<Buffer>(1_025).fill(frameOf("", { isLast: false, opcode: 0 })),
      ]),
      1008,
    ],
    ["text that is no UTF-8, small", frameOf(Buffer.of(0xff)), 1007],
    ["text that is no UTF-8, large", frameOf(Buffer.concat([Buffer.alloc(70_000, "x"), Buffer.of(0xff)])), 1007],
    ["a size that nobody sends", Buffer.of(0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0), 1009],
    [
      "a size over all bounds, in pieces",
      Buffer.concat([
        frameOf(Buffer.alloc(20 * MIB), { isLast: false }),
        frameOf(Buffer.alloc(20 * MIB), { opcode: 0 }),
      ]),
      1009,
    ],
  ])(
    "closes the connection with the code for it: %s",
    async (_what, bytes, code) => {
      const client = await connect();
      client.socket.write(bytes);
      await client.until(() => client.closeCode !== undefined);
      expect(client.closeCode).toBe(code);
    },
    60_000,
  );

  it("is refused when it is binary and large, and the connection stays open", async () => {
    const client = await connect();
    client.socket.write(frameOf(Buffer.alloc(MIB), { opcode: 2 }));
    client.socket.write(frameOf('{"type":"cancel","id":"a"}'));
    expect(await client.next()).toMatchObject({
      code: "bad_message",
      message: expect.stringContaining("Binary") as string,
    });
    expect(await client.next()).toMatchObject({ code: "unknown_run" });
  });

  it("does not start a run whose client has gone while it was read", async () => {
    const client = await connect();
    client.socket.write(frameOf(filled(RUN, " ", '"args":[]}')));
    await sleep(20);
    client.socket.destroy();
    const next = await connect();
    // Whatever was read before has been read when this one has been.
    next.socket.write(frameOf(filled('{"type":"cancel",', " ", '"id":"b"}', MIB)));
    expect(await next.next()).toMatchObject({ code: "unknown_run", id: "b" });
    expect(runs).toHaveLength(0);
  });
});

describe("a client that sends and does not read", () => {
  /** Sends these over and over until nothing more is taken. @returns how many were sent */
  async function flood(client: RawClient, bytes: Buffer, most: number): Promise<number> {
    client.socket.pause();
    for (let sent = 1; sent <= most; sent += 1) {
      if (client.socket.write(bytes)) continue;
      const isTaken = await Promise.race([
        new Promise<boolean>((resolve) => client.socket.once("drain", () => resolve(true))),
        sleep(1_500, false),
      ]);
      if (!isTaken) return sent;
    }
    return most;
  }

  it.each<[string, Buffer, number]>([
    ["messages with a wrong key", frameOf(`{"type":"cancel","id":"a","${"k".repeat(1_000)}":1}`), 400_000],
    ["cancels", frameOf('{"type":"cancel","id":"a"}'), 1_000_000],
    ["pings", frameOf("x".repeat(125), { opcode: 9 }), 1_000_000],
    ["runs that are refused", frameOf('{"type":"run","id":"a","lane":"p","code":5}'), 1_000_000],
  ])(
    "is not read any more, and has all of its answers when it reads on: %s",
    async (_what, frame, most) => {
      await server.close({ graceMs: 0 });
      await start({ highWaterBytes: 64 * 1024 });
      const client = await connect();
      // Many in one write, as they would come; each block is whole messages.
      const perWrite = Math.max(1, Math.floor((256 * 1024) / frame.length));
      const block = Buffer.concat(Array<Buffer>(perWrite).fill(frame));
      const sent = await flood(client, block, Math.ceil(most / perWrite));
      expect(sent).toBeLessThan(most / perWrite);
      client.socket.resume();
      await client.until(() => client.messages.length + client.pongs.length >= sent * perWrite);
      expect(client.messages.length + client.pongs.length).toBe(sent * perWrite);
    },
    60_000,
  );

  it("is sent away after a while, and others are served meanwhile", async () => {
    await server.close({ graceMs: 0 });
    await start({ highWaterBytes: 64 * 1024, slowClientMs: 500 });
    const client = await connect();
    client.socket.on("close", () => undefined);
    const frame = frameOf('{"type":"cancel","id":"a"}');
    await flood(client, Buffer.concat(Array<Buffer>(8_000).fill(frame)), 100);
    const other = await connect();
    other.socket.write(frame);
    expect(await other.next()).toMatchObject({ code: "unknown_run" });
    while (server.connections > 1) await sleep(20);
  }, 30_000);
});
