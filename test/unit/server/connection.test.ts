import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type RawData, WebSocket } from "ws";
import type { ServerConfig } from "../../../src/config/schema.js";
import { deferred, type Deferred } from "../../../src/deferred.js";
import { decodeServerMessage } from "../../../src/protocol/codec.js";
import type { ServerMessage } from "../../../src/protocol/messages.js";
import { BadRunError } from "../../../src/run/program.js";
import type { Run } from "../../../src/run/run.js";
import type { HttpServer } from "../../../src/server/http-server.js";
import { serverOf } from "./support.js";

const NOTHING = { bytes: 0, sent: 0, truncated: false };

/** A run in the test's hands: what came in about it, and the end when the test says so. */
class HeldRun {
  readonly run: Run;
  readonly #over: Deferred<undefined> = deferred();

  constructor(run: Run) {
    this.run = run;
    run.termination.signal.addEventListener("abort", () => this.exit());
  }

  get over(): Promise<undefined> {
    return this.#over.promise;
  }

  exit(): void {
    if (this.run.ended) return;
    this.run.emit({
      type: "exit",
      reason: this.run.termination.reason ?? "exited",
      exitCode: this.run.termination.reason === undefined ? 0 : null,
      signal: null,
      timings: { queueMs: 0, handoutMs: 0, firstByteMs: null, runMs: 0 },
      usage: { cpuMs: null, maxRssBytes: null, oomKills: null },
      output: { stdout: NOTHING, stderr: NOTHING },
    });
    this.#over.resolve(undefined);
  }
}

/** A real listener on the loopback, whose runs do only what the test lets them do. */
class ServerRig implements AsyncDisposable {
  readonly runs: HeldRun[] = [];
  readonly rehearsed: Run[] = [];
  readonly server: HttpServer;
  readonly #clients: Client[] = [];

  constructor(config: Partial<ServerConfig>) {
    this.server = serverOf(config, {
      routes: {
        "/healthz": () => ({ status: 200, type: "text/plain", body: "ok\n" }),
        "/broken": () => Promise.reject(new Error("a path of the host: /etc/secret")),
      },
      execute: async (run) => {
        const held = new HeldRun(run);
        this.runs.push(held);
        await held.over;
      },
      rehearse: (run) => {
        this.rehearsed.push(run);
        new HeldRun(run).exit();
        return Promise.resolve();
      },
    });
  }

  static async start(config: Partial<ServerConfig> = {}): Promise<ServerRig> {
    const rig = new ServerRig(config);
    await rig.server.listen();
    return rig;
  }

  get authority(): string {
    const { address } = this.server;
    return address.kind === "tcp" ? `127.0.0.1:${address.port}` : "";
  }

  async connect(): Promise<Client> {
    const client = new Client(`ws://${this.authority}/v1/ws`);
    this.#clients.push(client);
    await once(client.socket, "open");
    expect(await client.next()).toMatchObject({ type: "hello" });
    return client;
  }

  /** The run with this id, once it has arrived. */
  async held(client: Client, id: string): Promise<HeldRun> {
    await client.sync();
    const found = this.runs.findLast(({ run }) => run.request.id === id);
    if (found === undefined) throw new Error(`no run ${id}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#clients) socket.terminate();
    await this.server.close({ graceMs: 0 });
  }
}

class Client {
  readonly socket: WebSocket;
  readonly #inbox: ServerMessage[] = [];
  #arrived: Deferred<undefined> = deferred();
  #syncs = 0;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on("message", (data: RawData) => {
      this.#inbox.push(decodeServerMessage((data as Buffer).toString()));
      this.#arrived.resolve(undefined);
      this.#arrived = deferred();
    });
    this.socket.on("error", () => undefined);
  }

  send(message: unknown): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  run(id: string, fields: Record<string, unknown> = {}): void {
    this.send({ type: "run", id, lane: "python", code: "", ...fields });
  }

  async next(): Promise<ServerMessage> {
    for (;;) {
      const first = this.#inbox.shift();
      if (first !== undefined) return first;
      await this.#arrived.promise;
    }
  }

  /** Settles when the server has answered everything sent so far. @returns what came in the meantime */
  async sync(): Promise<ServerMessage[]> {
    this.#syncs += 1;
    const id = `sync-${this.#syncs}`;
    this.send({ type: "cancel", id });
    const before: ServerMessage[] = [];
    for (;;) {
      const message = await this.next();
      if (message.type === "error" && message.id === id) {
        this.#inbox.unshift(...before);
        return before;
      }
      before.push(message);
    }
  }
}

describe("a connection", () => {
  it("says hello, and carries many runs at once", async () => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    for (let index = 0; index < 20; index += 1) client.run(`r${index}`);
    await client.sync();
    expect(rig.runs).toHaveLength(20);
    for (const { run } of [...rig.runs].reverse()) run.emitOutput("stdout", Buffer.from(run.request.id), 0);
    for (const held of rig.runs) held.exit();
    const messages = await client.sync();
    for (let index = 0; index < 20; index += 1) {
      const own = messages.filter((message) => "id" in message && message.id === `r${index}`);
      expect(own).toMatchObject([
        { type: "stdout", seq: 0, data: `r${index}` },
        { type: "exit", seq: 1, exitCode: 0 },
      ]);
    }
  });

  it("refuses a second run of a live id, and the first goes on unharmed", async () => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    client.run("same");
    client.run("same");
    const [refusal] = await client.sync();
    expect(refusal).toMatchObject({ type: "error", id: "same", code: "duplicate_run" });
    // Without a place in the sequence it is not the first run's ending.
    expect(refusal).not.toHaveProperty("seq");
    expect(rig.runs).toHaveLength(1);
    await client.next();
    rig.runs[0]!.exit();
    expect(await client.next()).toMatchObject({ type: "exit", id: "same", seq: 0 });
  });

  it("lets an id be used again as soon as its run has ended", async () => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    for (let round = 0; round < 3; round += 1) {
      client.run("again");
      (await rig.held(client, "again")).exit();
      expect(await client.next()).toMatchObject({ type: "exit", seq: 0 });
    }
    expect(rig.runs).toHaveLength(3);
  });

  it("passes input and cancels to the run that is meant", async () => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    client.run("a");
    client.run("b");
    const [a, b] = [await rig.held(client, "a"), await rig.held(client, "b")];
    const heard: string[] = [];
    for (const [name, { run }] of Object.entries({ a, b })) {
      run.writeStdin = (data) => heard.push(`${name}: ${String(data)}`);
      run.endStdin = () => heard.push(`${name}: end`);
    }
    client.send({ type: "stdin", id: "b", data: "x" });
    client.send({ type: "stdin", id: "a", data: "y" });
    client.send({ type: "stdin_end", id: "b" });
    client.send({ type: "cancel", id: "a" });
    await client.sync();
    expect(heard).toEqual(["b: x", "a: y", "b: end"]);
    expect([a.run.termination.reason, b.run.termination.reason]).toEqual(["cancelled", undefined]);
  });

  it("tells the client what a run refuses, under its id, and the run goes on", async () => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    client.run("a");
    const { run } = await rig.held(client, "a");
    run.writeStdin = () => {
      throw new BadRunError("stdin: the input of this run is not open");
    };
    client.send({ type: "stdin", id: "a", data: "x" });
    const answer = await client.next();
    expect(answer).toMatchObject({
      type: "error",
      id: "a",
      code: "bad_message",
      message: expect.stringMatching(/^stdin: /),
    });
    expect(answer).not.toHaveProperty("seq");
    expect(run.ended).toBe(false);
  });

  it.each(["stdin", "stdin_end", "cancel"])(
    "answers %s of a run that is not live, whoever had one of that name",
    async (type) => {
      await using rig = await ServerRig.start();
      const [client, other] = [await rig.connect(), await rig.connect()];
      other.run("foreign");
      const foreign = await rig.held(other, "foreign");
      client.run("over");
      (await rig.held(client, "over")).exit();
      await client.next();
      for (const id of ["foreign", "over", "never"]) {
        client.send({ type, id, ...(type === "stdin" ? { data: "" } : {}) });
        expect(await client.next()).toEqual({
          type: "error",
          id,
          code: "unknown_run",
          message: "This connection has no live run with this id.",
          retryable: false,
        });
      }
      expect(foreign.run.termination.reason).toBeUndefined();
    },
  );

  it.each<[string, string, object]>([
    ["no JSON", "{", { code: "bad_message" }],
    ["an unknown type", '{"type":"nope","id":"x"}', { code: "bad_message", id: "x" }],
    ["nothing", "", { code: "bad_message" }],
  ])("answers what it does not understand, and stays open: %s", async (_what, text, answer) => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    client.run("live");
    const live = await rig.held(client, "live");
    client.send(text);
    expect(await client.next()).toMatchObject({ type: "error", ...answer });
    live.exit();
    expect(await client.next()).toMatchObject({ type: "exit", id: "live" });
  });

  it("makes the refusal of a broken run that run's ending, but never a live run's", async () => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    client.run("live");
    await rig.held(client, "live");
    client.run("fresh", { code: 5 });
    client.run("live", { code: 5 });
    const [fresh, live] = [await client.next(), await client.next()];
    expect(fresh).toMatchObject({ type: "error", id: "fresh", seq: 0, code: "bad_message" });
    expect(live).toMatchObject({ type: "error", id: "live", code: "bad_message" });
    expect(live).not.toHaveProperty("seq");
  });

  it("refuses binary frames, and stays open", async () => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    client.socket.send(Buffer.from('{"type":"run","id":"b","lane":"python","code":""}'));
    expect(await client.next()).toMatchObject({
      type: "error",
      code: "bad_message",
      message: expect.stringContaining("Binary"),
    });
    expect(rig.runs).toHaveLength(0);
    await client.sync();
  });

  it("refuses a message over the limit and stays open; far over it, closes with 1009", async () => {
    await using rig = await ServerRig.start({ maxMessageBytes: 1_024 });
    const client = await rig.connect();
    client.run("big", { code: "x".repeat(1_024) });
    expect(await client.next()).toMatchObject({
      type: "error",
      code: "too_large",
      message: expect.stringMatching(/ 1024 is the most/),
    });
    expect(rig.runs).toHaveLength(0);
    await client.sync();
    client.run("huge", { code: "x".repeat(5_000) });
    const [code] = (await once(client.socket, "close")) as [number];
    expect(code).toBe(1009);
  });

  it("counts bytes and not characters against the limit", async () => {
    await using rig = await ServerRig.start({ maxMessageBytes: 1_024 });
    const client = await rig.connect();
    client.run("euro", { code: "€".repeat(400) });
    expect(await client.next()).toMatchObject({ code: "too_large" });
  });

  it("refuses more live runs than it may have, and takes more when some have ended", async () => {
    await using rig = await ServerRig.start({ maxRunsPerConnection: 2 });
    const client = await rig.connect();
    for (const id of ["a", "b", "c"]) client.run(id);
    expect(await client.next()).toMatchObject({
      type: "error",
      id: "c",
      seq: 0,
      code: "too_many_runs",
      retryable: true,
    });
    (await rig.held(client, "a")).exit();
    await client.next();
    client.run("c");
    await rig.held(client, "c");
    expect(rig.runs).toHaveLength(3);
  });

  it("ends its runs when the client goes, and no other client's of the same name", async () => {
    await using rig = await ServerRig.start();
    const [client, other] = [await rig.connect(), await rig.connect()];
    other.run("a");
    const theirs = await rig.held(other, "a");
    client.run("a");
    client.run("b");
    const mine = [await rig.held(client, "a"), await rig.held(client, "b")];
    client.socket.terminate();
    await Promise.all(mine.map(({ over }) => over));
    expect(mine.map(({ run }) => run.termination.reason)).toEqual(["client_gone", "client_gone"]);
    expect(theirs.run.termination.reason).toBeUndefined();
  });

  it("holds its runs back while the client does not read, and lets them go on when it does", async () => {
    await using rig = await ServerRig.start({ highWaterBytes: 65_536 });
    const client = await rig.connect();
    client.run("loud");
    client.run("quiet");
    const runs = [await rig.held(client, "loud"), await rig.held(client, "quiet")];
    const state = runs.map(() => "running");
    runs.forEach(({ run }, index) => {
      run.pause = () => (state[index] = "held");
      run.resume = () => (state[index] = "running");
    });
    client.socket.pause();
    const chunk = Buffer.alloc(65_536, "x");
    // More than the kernel's buffers of both ends take.
    for (let count = 0; count < 400 && state[0] === "running"; count += 1) {
      runs[0]!.run.emitOutput("stdout", chunk, 0);
      await new Promise(setImmediate);
    }
    expect(state).toEqual(["held", "held"]);
    client.socket.resume();
    await client.sync();
    expect(state).toEqual(["running", "running"]);
  });

  it("sends a client away that reads nothing; reading on, it hears the endings of its runs and the reason", async () => {
    await using rig = await ServerRig.start({ highWaterBytes: 65_536, slowClientMs: 100 });
    const client = await rig.connect();
    client.run("loud");
    client.run("quiet");
    const [loud, quiet] = [await rig.held(client, "loud"), await rig.held(client, "quiet")];
    client.socket.pause();
    const chunk = Buffer.alloc(65_536, "x");
    for (let count = 0; count < 400 && loud.run.termination.reason === undefined; count += 1) {
      loud.run.emitOutput("stdout", chunk, 0);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all([loud.over, quiet.over]);
    const closed = once(client.socket, "close");
    client.socket.resume();
    const endings = new Map<string, string>();
    while (endings.size < 2) {
      const message = await client.next();
      if (message.type === "exit") endings.set(message.id, message.reason);
    }
    expect(Object.fromEntries(endings)).toEqual({ loud: "client_gone", quiet: "client_gone" });
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4008, "The client took nothing for too long."]);
  });
});

describe("the listener", () => {
  it("answers its routes and nothing else, by GET and HEAD only", async () => {
    await using rig = await ServerRig.start();
    const ask = (path: string, init?: RequestInit) => fetch(`http://${rig.authority}${path}`, init);
    const health = await ask("/healthz?verbose=1");
    expect([health.status, await health.text()]).toEqual([200, "ok\n"]);
    expect([health.headers.get("cache-control"), health.headers.get("x-content-type-options")]).toEqual([
      "no-store",
      "nosniff",
    ]);
    expect(health.headers.get("access-control-allow-origin")).toBeNull();
    const head = await ask("/healthz", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    for (const [path, method] of [
      ["/nope", "GET"],
      ["/constructor", "GET"],
      ["/__proto__", "GET"],
      ["/healthz", "POST"],
      ["/v1/ws", "GET"],
    ] as const) {
      const answer = await ask(path, { method });
      expect([path, answer.status, await answer.json()]).toMatchObject([
        path,
        404,
        { type: "error", code: "not_found" },
      ]);
    }
  });

  it("answers an offer of subprotocols with its version, and never with a token", async () => {
    await using rig = await ServerRig.start({ tokens: ["correct-horse-battery"] });
    const carrier = `matchbox.token.${Buffer.from("correct-horse-battery").toString("base64url")}`;
    const socket = new WebSocket(`ws://${rig.authority}/v1/ws`, [carrier, "matchbox.v1"]);
    await once(socket, "open");
    expect(socket.protocol).toBe("matchbox.v1");
    socket.terminate();
    // Without one that the daemon speaks there is nothing to agree on, which a client may take as a failure.
    const alone = new WebSocket(`ws://${rig.authority}/v1/ws`, [carrier]);
    const [error] = (await once(alone, "error")) as [Error];
    expect(error.message).toContain("no subprotocol");
  });

  it("tells nothing of the host when a route fails", async () => {
    await using rig = await ServerRig.start();
    const answer = await fetch(`http://${rig.authority}/broken`);
    const text = await answer.text();
    expect([answer.status, text.includes("secret")]).toEqual([500, false]);
  });

  it.each<[string, string, Record<string, string>, number]>([
    ["another site's page", "/v1/ws", { Origin: "http://evil.example" }, 403],
    ["a name that was rebound", "/v1/ws", { Host: "evil.example" }, 403],
    ["no token", "/v1/ws", {}, 401],
    ["another path", "/v2/ws", { Authorization: "Bearer 0123456789abcdef" }, 404],
  ])("refuses a WebSocket before it is one: %s", async (_what, path, headers, status) => {
    await using rig = await ServerRig.start({ tokens: ["0123456789abcdef"] });
    const socket = new WebSocket(`ws://${rig.authority}${path}`, { headers });
    const [, response] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(status);
    expect(rig.server.connections).toBe(0);
  });

  it("refuses connections beyond their number", async () => {
    await using rig = await ServerRig.start({ maxConnections: 1 });
    await rig.connect();
    const socket = new WebSocket(`ws://${rig.authority}/v1/ws`);
    const [, response] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(429);
  });

  it("says that its address is taken", async () => {
    await using rig = await ServerRig.start();
    await expect(ServerRig.start({ listen: rig.authority })).rejects.toThrow(
      /server\.listen: .* in use.*--set server\.listen/,
    );
  });

  it("drains: takes no new runs, lets live ones finish, then says goodbye with 1001", async () => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    client.run("live");
    const live = await rig.held(client, "live");
    const closed = once(client.socket, "close") as Promise<[number]>;
    const closing = rig.server.close({ graceMs: 60_000 });
    client.run("late");
    expect(await client.next()).toMatchObject({
      type: "error",
      id: "late",
      seq: 0,
      code: "shutting_down",
      retryable: true,
    });
    expect(live.run.termination.reason).toBeUndefined();
    live.exit();
    expect(await client.next()).toMatchObject({ type: "exit", id: "live", reason: "exited" });
    expect((await closed)[0]).toBe(1001);
    await closing;
  });

  it("ends live runs as shutdown when their grace is over", async () => {
    await using rig = await ServerRig.start();
    const client = await rig.connect();
    client.run("live");
    await rig.held(client, "live");
    const closing = rig.server.close({ graceMs: 0 });
    expect(await client.next()).toMatchObject({ type: "exit", id: "live", reason: "shutdown" });
    await closing;
  });
});

describe("the daemon's own requests", () => {
  it("begin with a client's run, and are neither runs nor a connection", async () => {
    await using rig = await ServerRig.start({ rehearsalMs: 10_000 });
    const client = await rig.connect();
    client.run("mine");
    const held = await rig.held(client, "mine");
    while (rig.rehearsed.length < 3) await sleep(5);
    expect(rig.runs).toEqual([held]);
    expect(rig.server.connections).toBe(1);
    held.exit();
  });
});
