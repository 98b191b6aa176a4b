import { afterEach, describe, expect, it, vi } from "vitest";
import { type ConnectOptions, MatchboxClient } from "../../../src/client/client.js";
import { ConnectionError, DuplicateRunError, ProtocolError, RemoteError } from "../../../src/client/errors.js";
import type { RunEvent } from "../../../src/client/inbox.js";
import { failureOf } from "../../support/promises.js";
import { hello, script, ScriptedDaemon } from "./scripted-daemon.js";

const REQUEST = { lane: "python", code: "print(1)" };

async function connect(options: Partial<ConnectOptions> = {}) {
  const daemon = new ScriptedDaemon();
  const client = await MatchboxClient.connect({ openSocket: daemon.open, ...options });
  return { client, daemon };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("connecting", () => {
  it("waits for the greeting and shows what the daemon said", async () => {
    const { client } = await connect();
    expect(client.hello.server).toBe("0.0.0-test");
    expect(client.lanes.map(({ name }) => name)).toEqual(["python"]);
  });

  it("rejects when the daemon speaks another version of the protocol", async () => {
    const daemon = new ScriptedDaemon(hello({ protocol: 2 }));
    const error = await failureOf(MatchboxClient.connect({ openSocket: daemon.open }));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(daemon.isClosed).toBe(true);
  });

  it("gives up on a daemon that does not greet in time", async () => {
    vi.useFakeTimers();
    const daemon = new ScriptedDaemon(null);
    const failure = failureOf(MatchboxClient.connect({ openSocket: daemon.open, connectTimeoutMs: 700 }));
    await vi.advanceTimersByTimeAsync(700);
    expect(await failure).toMatchObject({ code: "connection_failed", retryable: true });
    expect(daemon.isClosed).toBe(true);
  });

  it("stops connecting when its signal aborts, with the signal's reason", async () => {
    const daemon = new ScriptedDaemon(null);
    const controller = new AbortController();
    const failure = failureOf(MatchboxClient.connect({ openSocket: daemon.open, signal: controller.signal }));
    const reason = new Error("changed my mind");
    await Promise.resolve();
    controller.abort(reason);
    expect(await failure).toBe(reason);
    expect(daemon.isClosed).toBe(true);
  });

  it("rejects with the daemon's own words when it is refused", async () => {
    const daemon = new ScriptedDaemon({
      type: "error",
      code: "unauthorized",
      message: "The token is wrong.",
      retryable: false,
    });
    const connecting = MatchboxClient.connect({ openSocket: daemon.open });
    setTimeout(() => daemon.drop({ code: 1008 }));
    const error = await failureOf(connecting);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ code: "unauthorized", message: "The token is wrong.", retryable: false });
  });

  it("refuses an address that is none", async () => {
    await expect(MatchboxClient.connect({ url: "localhost:7070" })).rejects.toThrow(/not an address/);
    await expect(MatchboxClient.connect({ url: "ftp://localhost" })).rejects.toThrow(/not an address/);
  });
});

describe("a run that is collected", () => {
  it("has the streams, the files and the ending", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    expect(daemon.received).toEqual([{ type: "run", id: "a", ...REQUEST }]);
    const say = script("a");
    for (const message of [say.queued(), say.started(), say.stdout("hello "), say.stderr("oh"), say.stdout("world\n")])
      daemon.say(message);
    daemon.say(say.file("out/x.txt", "ü"));
    daemon.say(say.exit({ exitCode: 3 }));
    const result = await run.result();
    expect(result).toMatchObject({
      stdout: "hello world\n",
      stderr: "oh",
      complaints: [],
      exit: { reason: "exited", exitCode: 3 },
    });
    expect(result.started?.launch).toBe("warm");
    expect(result.files).toEqual([
      { path: "out/x.txt", size: 1, mode: 0o644, bytes: new Uint8Array([0xc3, 0xbc]), skipped: undefined },
    ]);
    expect(run.result()).toBe(run.result());
  });

  it("sends no more input than half of what may wait, until the daemon has passed some on", async () => {
    const daemon = new ScriptedDaemon(hello({ stdinWindowBytes: 400_000 }));
    const client = await MatchboxClient.connect({ openSocket: daemon.open });
    const run = client.run({ ...REQUEST, id: "a", stdin: true });
    const say = script("a");
    daemon.say(say.started());
    const writing = run.write("é".repeat(400_000));
    const sent = () =>
      daemon.received.reduce((sum, { data }) => sum + (typeof data === "string" ? Buffer.byteLength(data) : 0), 0);
    await new Promise(setImmediate);
    const first = sent();
    expect(first).toBeGreaterThan(200_000);
    expect(first).toBeLessThan(400_000);
    daemon.say(say.taken(first));
    await new Promise(setImmediate);
    expect(sent()).toBeGreaterThan(first);
    expect(sent()).toBeLessThan(800_000);
    // The end of the run is the end of the wait.
    daemon.say(say.exit());
    expect(await writing).toBe(false);
  });

  it("says where something is missing within a stream", async () => {
    const { client, daemon } = await connect();
    const text = client.run({ ...REQUEST, id: "a" });
    const bytes = client.run({ ...REQUEST, id: "b", encoding: "base64" });
    for (const [id, head] of [
      ["a", "ab"],
      ["b", "/wA="],
    ] as const) {
      const say = script(id);
      for (const message of [say.started(), say.stdout(head), { ...say.stdout("YQ=="), omittedBytes: 7 }, say.exit()])
        daemon.say(message);
    }
    for (const run of [text, bytes])
      expect((await run.result()).gaps).toEqual([{ stream: "stdout", at: 2, omittedBytes: 7 }]);
  });

  it("gives exact bytes when base64 was asked for", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a", encoding: "base64" });
    const say = script("a");
    for (const message of [say.started(), say.stdout("/wA="), say.stdout("AQ=="), say.exit()]) daemon.say(message);
    const { stdout, stderr } = await run.result();
    expect([...stdout]).toEqual([0xff, 0x00, 0x01]);
    expect(stderr).toHaveLength(0);
  });

  it("gets an id of its own when it has none", async () => {
    const { client, daemon } = await connect();
    const ids = [client.run(REQUEST).id, client.run(REQUEST).id];
    expect(ids[0]).toMatch(/^[0-9a-f]{24}-1$/);
    expect(ids[0]).not.toBe(ids[1]);
    expect(daemon.received.map(({ id }) => id)).toEqual(ids);
  });

  it("rejects with the daemon's error when it is refused before it starts", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    daemon.say(script("a").error("queue_full", { retryAfterMs: 250 }));
    const error = await failureOf(run.result());
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ code: "queue_full", retryable: true, retryAfterMs: 250, runId: "a" });
    expect(await run.destroyed).toBeUndefined();
  });

  it("rejects when a message was too large to be read, although the daemon cannot say which one it was", async () => {
    const { client, daemon } = await connect();
    const [running, refused] = [client.run({ ...REQUEST, id: "a" }), client.run({ ...REQUEST, id: "b" })];
    const say = script("a");
    daemon.say(say.started());
    daemon.say({ type: "error", code: "too_large", message: "9 MB; 8 MB is the most.", retryable: false });
    expect(await failureOf(refused.result())).toMatchObject({ code: "too_large", runId: "b" });
    daemon.say(say.exit());
    expect((await running.result()).exit.exitCode).toBe(0);
  });

  it("keeps what came before the daemon failed it", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    for (const message of [say.started(), say.stdout("half"), say.error("internal")]) daemon.say(message);
    expect(await failureOf(run.result())).toMatchObject({ code: "internal", partial: { stdout: "half", stderr: "" } });
  });

  it("goes on after an error that is about one later message, and reports it", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    daemon.say(say.started());
    daemon.say({ type: "error", id: "a", code: "bad_message", message: "stdin is not open", retryable: false });
    daemon.say(say.exit());
    const { complaints, exit } = await run.result();
    expect(complaints.map(({ message }) => message)).toEqual(["stdin is not open"]);
    expect(exit.exitCode).toBe(0);
  });
});

describe("a run that is streamed", () => {
  it("gives every message in order and ends after the exit", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    const types: string[] = [];
    const reading = (async () => {
      for await (const { type } of run) types.push(type);
    })();
    for (const message of [say.started(), say.stdout("1"), say.stderr("2")]) daemon.say(message);
    await Promise.resolve();
    for (const message of [say.exit(), say.destroyed()]) daemon.say(message);
    await reading;
    expect(types).toEqual(["started", "stdout", "stderr", "exit"]);
    expect((await run.exit).reason).toBe("exited");
    expect((await run.destroyed)?.afterMs).toBe(40);
  });

  it("gives what had come before it throws the failure", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    for (const message of [say.started(), say.stdout("1"), say.error("engine_down")]) daemon.say(message);
    const types: string[] = [];
    const error = await failureOf(
      (async () => {
        for await (const { type } of run) types.push(type);
      })(),
    );
    expect(types).toEqual(["started", "stdout"]);
    expect(error).toMatchObject({ code: "engine_down" });
  });

  it("has one reader only", async () => {
    const { client } = await connect();
    const run = client.run(REQUEST);
    run[Symbol.asyncIterator]();
    expect(() => run[Symbol.asyncIterator]()).toThrow(/a reader already/);
    expect(() => run.result()).toThrow(/for await/);
  });

  it("goes on when its reader leaves early, and its ending can still be had", async () => {
    const { client, daemon } = await connect({ highWaterBytes: 1_000 });
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    daemon.say(say.started());
    for await (const { type } of run) if (type === "started") break;
    for (let index = 0; index < 10; index += 1) daemon.say(say.stdout("x".repeat(1_000)));
    expect(daemon.isPaused).toBe(false);
    daemon.say(say.exit({ exitCode: 7 }));
    expect((await run.exit).exitCode).toBe(7);
  });

  it("stops reading the connection while its reader lags behind", async () => {
    const { client, daemon } = await connect({ highWaterBytes: 4_000 });
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    const reader = run[Symbol.asyncIterator]();
    daemon.say(say.started());
    for (let index = 0; index < 4; index += 1) daemon.say(say.stdout("x".repeat(1_000)));
    expect(daemon.isPaused).toBe(true);
    for (let index = 0; index < 3; index += 1) await reader.next();
    expect(daemon.isPaused).toBe(true);
    for (let index = 0; index < 2; index += 1) await reader.next();
    expect(daemon.isPaused).toBe(false);
  });

  it("does not hold the connection back for runs that nobody streams, so that awaiting one never blocks on another", async () => {
    const { client, daemon } = await connect({ highWaterBytes: 1_000 });
    const [a, b] = [client.run({ ...REQUEST, id: "a" }), client.run({ ...REQUEST, id: "b" })];
    const [sayA, sayB] = [script("a"), script("b")];
    daemon.say(sayA.started());
    for (let index = 0; index < 10; index += 1) daemon.say(sayA.stdout("x".repeat(1_000)));
    for (const message of [sayA.exit(), sayB.started(), sayB.exit()]) daemon.say(message);
    expect(daemon.isPaused).toBe(false);
    await b.result();
    expect((await a.result()).stdout).toHaveLength(10_000);
  });
});

describe("the order of a run's messages", () => {
  it("fails the run and cancels it when a message is missing; other runs go on", async () => {
    const { client, daemon } = await connect();
    const [a, b] = [client.run({ ...REQUEST, id: "a" }), client.run({ ...REQUEST, id: "b" })];
    const [sayA, sayB] = [script("a"), script("b")];
    daemon.say(sayA.started());
    sayA.skip();
    for (const message of [sayA.stdout("lost the one before"), sayA.exit(), sayB.started(), sayB.exit()])
      daemon.say(message);
    const error = await failureOf(a.result());
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "protocol_violation", runId: "a", partial: { stdout: "" } });
    expect(daemon.received.at(-1)).toEqual({ type: "cancel", id: "a" });
    expect((await b.result()).exit.reason).toBe("exited");
  });

  it.each([
    ["a message comes twice", (say: ReturnType<typeof script>) => [say.started(), { ...say.stdout("x"), seq: 0 }]],
    [
      "the sandbox is destroyed before the ending",
      (say: ReturnType<typeof script>) => [say.started(), say.destroyed()],
    ],
    [
      "a message cannot be read",
      (say: ReturnType<typeof script>) => [say.started(), { type: "stdout", id: "a", seq: 1 }],
    ],
  ])("fails the run when %s", async (_title, messages) => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    for (const message of messages(script("a"))) daemon.say(message);
    expect(await failureOf(run.result())).toMatchObject({ code: "protocol_violation" });
  });

  it("counts and skips a message of a type that a newer daemon has", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    for (const message of [say.started(), say.unheardOf(), say.stdout("1"), say.exit()]) daemon.say(message);
    expect((await run.result()).stdout).toBe("1");
  });

  it("keeps the first ending", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    for (const message of [say.started(), say.exit({ exitCode: 1 }), say.exit({ exitCode: 2 }), say.error("internal")])
      daemon.say(message);
    expect((await run.result()).exit.exitCode).toBe(1);
  });
});

describe("a run's id", () => {
  it("stays taken until the sandbox is destroyed", async () => {
    const { client, daemon } = await connect();
    const first = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    for (const message of [say.started(), say.exit()]) daemon.say(message);
    await first.result();
    const tooEarly = await failureOf(client.run({ ...REQUEST, id: "a" }).result());
    expect(tooEarly).toBeInstanceOf(DuplicateRunError);
    expect(daemon.received).toHaveLength(1);
    daemon.say(say.destroyed());
    const second = client.run({ ...REQUEST, id: "a" });
    const sayAgain = script("a");
    for (const message of [sayAgain.started(), sayAgain.stdout("2"), sayAgain.exit()]) daemon.say(message);
    expect((await second.result()).stdout).toBe("2");
  });

  it.each([
    ["never had a sandbox", (say: ReturnType<typeof script>) => [say.error("queue_timeout")]],
    [
      "was cancelled while it waited",
      (say: ReturnType<typeof script>) => [say.queued(), say.exit({ reason: "cancelled" })],
    ],
  ])("is free at once after a run that %s", async (_title, messages) => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    for (const message of messages(script("a"))) daemon.say(message);
    expect(await run.destroyed).toBeUndefined();
    client.run({ ...REQUEST, id: "a" });
    expect(daemon.received).toHaveLength(2);
  });

  it("stays taken by a run that Matchbox failed in its sandbox, until that is destroyed", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    for (const message of [say.started(), say.error("bad_message")]) daemon.say(message);
    await failureOf(run.result());
    expect(await failureOf(client.run({ ...REQUEST, id: "a" }).result())).toBeInstanceOf(DuplicateRunError);
    daemon.say(say.destroyed());
    expect((await run.destroyed)?.sandbox).toBe("5a5b");
    client.run({ ...REQUEST, id: "a" });
    expect(daemon.received).toHaveLength(2);
  });

  it("is free again after a broken order once the sandbox is gone", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    say.skip();
    for (const message of [say.started(), say.exit(), say.destroyed()]) daemon.say(message);
    expect((await run.destroyed)?.sandbox).toBe("5a5b");
  });
});

describe("cancelling", () => {
  it("asks once while the run is live, and the ending still comes", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    daemon.say(say.started());
    run.cancel();
    expect(daemon.received.at(-1)).toEqual({ type: "cancel", id: "a" });
    daemon.say(say.exit({ reason: "cancelled", exitCode: null }));
    expect((await run.result()).exit.reason).toBe("cancelled");
    run.cancel();
    expect(daemon.received).toHaveLength(2);
  });

  it("happens when the run's signal aborts", async () => {
    const { client, daemon } = await connect();
    const controller = new AbortController();
    client.run({ ...REQUEST, id: "a" }, { signal: controller.signal });
    controller.abort();
    expect(daemon.received.at(-1)).toEqual({ type: "cancel", id: "a" });
  });

  it("happens when a live run is disposed, which waits for the ending", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    let isDisposed = false;
    const disposing = run[Symbol.asyncDispose]().then(() => (isDisposed = true));
    await Promise.resolve();
    expect(isDisposed).toBe(false);
    const say = script("a");
    for (const message of [say.started(), say.exit({ reason: "cancelled", exitCode: null })]) daemon.say(message);
    await disposing;
  });
});

describe("input", () => {
  it("goes out in pieces that cut no character in half, until its end", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a", stdin: true });
    const text = `${"x".repeat(65_535)}😀${"y".repeat(10)}`;
    expect(await run.write(text)).toBe(true);
    run.end();
    const pieces = daemon.received.slice(1, -1).map(({ data }) => String(data));
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
    expect(pieces.join("")).toBe(text);
    expect(daemon.received.at(-1)).toEqual({ type: "stdin_end", id: "a" });
  });

  it("waits while the connection is full", async () => {
    vi.useFakeTimers();
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a", stdin: true });
    daemon.bufferedAmount = 2 * 1024 * 1024;
    let isWritten = false;
    const writing = run.write("x").then(() => (isWritten = true));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(isWritten).toBe(false);
    daemon.bufferedAmount = 0;
    await vi.advanceTimersByTimeAsync(10);
    await writing;
  });

  it("says that it went nowhere once the run has ended", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a", stdin: true });
    const say = script("a");
    for (const message of [say.started(), say.exit()]) daemon.say(message);
    expect(await run.write("late")).toBe(false);
    expect(daemon.received).toHaveLength(1);
  });
});

describe("many runs at once", () => {
  it("each get their own messages, however those are mixed", async () => {
    const { client, daemon } = await connect();
    const ids = Array.from({ length: 50 }, (_, index) => `run-${index}`);
    const runs = ids.map((id) => client.run({ ...REQUEST, id }));
    const scripts = ids.map((id) => script(id));
    const turns: ((say: ReturnType<typeof script>, id: string) => object)[] = [
      (say) => say.started(),
      (say, id) => say.stdout(`${id}:1 `),
      (say, id) => say.stdout(`${id}:2`),
      (say) => say.exit(),
      (say) => say.destroyed(),
    ];
    for (const turn of turns) ids.forEach((id, index) => daemon.say(turn(scripts[index]!, id)));
    const results = await Promise.all(runs.map((run) => run.result()));
    expect(results.map(({ stdout }) => stdout)).toEqual(ids.map((id) => `${id}:1 ${id}:2`));
  });
});

describe("a connection that ends", () => {
  it("rejects every live run with an error of its own, and never makes up an ending", async () => {
    const { client, daemon } = await connect();
    const [a, b] = [client.run({ ...REQUEST, id: "a" }), client.run({ ...REQUEST, id: "b" })];
    const say = script("a");
    for (const message of [say.started(), say.stdout("so far")]) daemon.say(message);
    const results = [failureOf(a.result()), failureOf(b.result())];
    daemon.drop({ cause: new Error("read ECONNRESET") });
    const [lossOfA, lossOfB] = await Promise.all(results);
    expect(lossOfA).toBeInstanceOf(ConnectionError);
    expect(lossOfA).toMatchObject({
      code: "connection_lost",
      retryable: true,
      runId: "a",
      partial: { stdout: "so far" },
    });
    expect(String(lossOfA)).toContain("ECONNRESET");
    expect(lossOfB).toMatchObject({ runId: "b" });
    expect(await failureOf(a.destroyed)).toMatchObject({ code: "connection_lost" });
    expect(await client.closed).toMatchObject({ code: "connection_lost" });
  });

  it("is explained with the daemon's last word about it", async () => {
    const { client, daemon } = await connect();
    const run = client.run(REQUEST);
    daemon.say({ type: "error", code: "slow_client", message: "The client read too slowly.", retryable: false });
    daemon.drop({ code: 4008 });
    const error = await failureOf(run.result());
    expect(String(error)).toContain("The client read too slowly.");
    expect(error).toMatchObject({ code: "connection_lost", cause: { code: "slow_client" } });
  });

  it("keeps an ending that had come, and only takes the proof of removal away", async () => {
    const { client, daemon } = await connect();
    const run = client.run({ ...REQUEST, id: "a" });
    const say = script("a");
    for (const message of [say.started(), say.stdout("1"), say.exit()]) daemon.say(message);
    daemon.drop();
    expect((await run.result()).stdout).toBe("1");
    expect(await failureOf(run.destroyed)).toMatchObject({ code: "connection_lost" });
  });

  it("is dropped by the client when a frame cannot be read and belongs to no run", async () => {
    const { client, daemon } = await connect();
    const run = client.run(REQUEST);
    daemon.sayText("{not json");
    expect(await failureOf(run.result())).toBeInstanceOf(ProtocolError);
    expect(daemon.isClosed).toBe(true);
  });

  it("takes no more runs", async () => {
    const { client, daemon } = await connect();
    daemon.drop();
    expect(await failureOf(client.run(REQUEST).result())).toMatchObject({ code: "connection_lost" });
  });

  it("ends live runs as closed by this side when the client is disposed", async () => {
    const { client } = await connect();
    const run = client.run(REQUEST);
    await client[Symbol.asyncDispose]();
    await client.close();
    expect(await failureOf(run.result())).toMatchObject({ code: "connection_closed", retryable: false });
  });
});

it("gives messages of a run to nobody after its reader left", async () => {
  const { client, daemon } = await connect();
  const run = client.run({ ...REQUEST, id: "a" });
  const seen: RunEvent[] = [];
  const say = script("a");
  daemon.say(say.started());
  for await (const event of run) {
    seen.push(event);
    break;
  }
  daemon.say(say.stdout("x"));
  expect(seen).toHaveLength(1);
});
