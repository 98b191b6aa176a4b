import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServerConfig } from "../../../src/config/schema.js";
import { withinDescriptors } from "../../../src/server/entrance.js";
import type { HttpServer } from "../../../src/server/http-server.js";
import { RawClient } from "./raw-client.js";
import { serverOf } from "./support.js";

let server: HttpServer;
let sockets: Socket[];
let made: number;

async function start(config: Partial<ServerConfig>): Promise<void> {
  server = serverOf(config, {
    routes: {
      "/healthz": () => ({ status: 200, type: "text/plain", body: "ok\n" }),
      "/readyz": () => ({ status: 200, type: "application/json", body: "{}" }),
      "/v1/lanes": () => {
        made += 1;
        return { status: 200, type: "application/json", body: JSON.stringify("x".repeat(100_000)) };
      },
    },
  });
  await server.listen();
}

function port(): number {
  return server.address.kind === "tcp" ? server.address.port : 0;
}

async function silent(from = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port: port(), host: "127.0.0.1", localAddress: from });
  socket.on("error", () => undefined);
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

/** All that is answered to this, until the server closes the connection. */
async function answerTo(text: string, where: { port: number } | { path: string } = { port: port() }): Promise<string> {
  const socket = connect(where);
  sockets.push(socket);
  let received = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (received += chunk));
  socket.on("error", () => undefined);
  socket.end(text);
  await once(socket, "close");
  return received;
}

beforeEach(() => {
  sockets = [];
  made = 0;
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await server.close({ graceMs: 0 });
});

describe("connections that say nothing", () => {
  it("are so many at most, and the one that has been silent for longest makes room for the next", async () => {
    await start({ maxPendingConnections: 5 });
    const strangers: Socket[] = [];
    for (let count = 0; count < 5; count += 1) strangers.push(await silent());
    const closed = strangers.map((socket) => once(socket, "close"));
    const asked = await silent();
    await closed[0];
    asked.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const [answer] = (await once(asked, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
    // Who has asked something goes after those who have not.
    for (let count = 0; count < 4; count += 1) await silent();
    await Promise.all(closed);
    expect(asked.destroyed).toBe(false);
  });

  it("do not count once they have a WebSocket, and cost nobody a WebSocket", async () => {
    await start({ maxPendingConnections: 4 });
    const clients: RawClient[] = [];
    for (let count = 0; count < 8; count += 1) {
      clients.push(await RawClient.connect(port()));
      sockets.push(clients.at(-1)!.socket);
    }
    for (let count = 0; count < 20; count += 1) await silent();
    const late = await RawClient.connect(port());
    sockets.push(late.socket);
    expect(server.connections).toBe(9);
    expect([...clients, late].some(({ socket }) => socket.destroyed)).toBe(false);
  });

  it("make room at the address that has most of them", async () => {
    await start({ maxPendingConnections: 6 });
    const polite = await silent("127.0.0.2");
    const flood: Socket[] = [];
    for (let count = 0; count < 40; count += 1) flood.push(await silent("127.0.0.3"));
    await Promise.all(
      flood.slice(0, 35).map(async (socket) => {
        if (!socket.destroyed) await once(socket, "close");
      }),
    );
    polite.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const [answer] = (await once(polite, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("are bounded on a unix socket, too", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-"));
    const path = join(folder, "s");
    await start({ listen: `unix:${path}`, maxPendingConnections: 5 });
    const strangers = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const socket = connect(path);
        sockets.push(socket);
        socket.on("error", () => undefined);
        await once(socket, "connect");
        return socket;
      }),
    );
    await Promise.all(
      strangers.slice(0, 20).map(async (socket) => {
        if (!socket.destroyed) await once(socket, "close");
      }),
    );
    expect(await answerTo("GET /healthz HTTP/1.0\r\n\r\n", { path })).toMatch(/^HTTP\/1\.1 200 /);
    await rm(folder, { recursive: true });
  });

  it("may have an eighth of the descriptors, and all connections a half", () => {
    const limits = { maxPending: 256, maxPerAddress: 256, maxTotal: 1_306 };
    expect(withinDescriptors(limits, 300)).toEqual({ maxPending: 37, maxPerAddress: 256, maxTotal: 150 });
    expect(withinDescriptors(limits, Infinity)).toEqual(limits);
    expect(withinDescriptors(limits, 1_048_576)).toEqual(limits);
    expect(withinDescriptors(limits, 10)).toMatchObject({ maxPending: 4, maxTotal: 8 });
  });
});

describe("a request", () => {
  it.each<[string, string, RegExp]>([
    [
      "with the host in its first line",
      "GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 200 /,
    ],
    [
      "with the host in its first line, and a query",
      "GET HTTP://localhost:7070/healthz?x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 200 /,
    ],
    [
      "with a foreign host in its first line",
      "GET http://evil.example/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 403 /,
    ],
    [
      "with a foreign Host beside it",
      "GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 403 /,
    ],
    [
      "with two hosts",
      "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 400 [^]*several Host headers/,
    ],
    [
      "with the same host twice",
      "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nhost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "for a WebSocket with two hosts",
      "GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    ["of a checker that speaks HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n", /^HTTP\/1\.1 200 /],
    ["of such a checker for readiness", "HEAD /readyz HTTP/1.0\r\n\r\n", /^HTTP\/1\.1 200 /],
    ["without a host for anything else", "GET /v1/lanes HTTP/1.0\r\n\r\n", /^HTTP\/1\.1 403 /],
    ["without a host in HTTP/1.1", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400 /],
    [
      "for a path of thousands of characters",
      `GET /${"x".repeat(12_000)} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n`,
      /^HTTP\/1\.1 404 [^]{0,900}$/,
    ],
  ])("is answered as HTTP wants it: %s", async (_what, text, answer) => {
    await start({});
    expect(await answerTo(text)).toMatch(answer);
  });

  it("waits for those before it on its connection: answers that nobody reads are not made", async () => {
    await start({});
    const socket = await silent();
    socket.pause();
    const request = "GET /v1/lanes HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    socket.write(request.repeat(1_000));
    expect(await answerTo("GET /healthz HTTP/1.0\r\n\r\n")).toMatch(/ 200 /);
    // What the kernel keeps for a reader that does not read is a few megabytes, of the hundred that all of them are.
    expect(made).toBeLessThan(300);
    let length = 0;
    socket.on("data", (chunk: Buffer) => (length += chunk.length));
    socket.resume();
    while (length < 1_000 * 100_000) await once(socket, "data");
    expect(made).toBe(1_000);
  }, 30_000);
});

describe("the listener's place", () => {
  it("is told to lack a folder where it lacks one", async () => {
    const listen = `unix:${join(tmpdir(), "matchbox-nowhere", "deep", "s")}`;
    server = serverOf({ listen }, { routes: {} });
    await expect(server.listen()).rejects.toThrow(/the folder .*matchbox-nowhere\/deep does not exist/);
  });
});
