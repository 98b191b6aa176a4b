import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { MatchboxClient } from "../../../src/client/client.js";
import { openNodeSocket } from "../../../src/client/node-socket.js";
import type { OpenSocket } from "../../../src/client/socket.js";
import { type StandardWebSocket, standardSocket } from "../../../src/client/web-socket.js";
import { hello } from "./scripted-daemon.js";

const servers: { server: Server; sockets: Set<Socket> }[] = [];

afterEach(async () => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

type Answer = (socket: Socket, request: string) => void;

/** A server of bytes, which may break every rule. @param answer is given the request's head as soon as that is whole */
async function serve(answer: Answer): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", (head) => {
      answer(socket, head.toString());
    });
  });
  servers.push({ server, sockets });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function upgraded(request: string): string {
  const key = /sec-websocket-key: (\S+)/i.exec(request)?.[1] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const protocol = /sec-websocket-protocol: matchbox\.v1/i.test(request)
    ? "Sec-WebSocket-Protocol: matchbox.v1\r\n"
    : "";
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${protocol}Sec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

function textFrame(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 126, bytes.length >> 8, bytes.length & 255]), bytes]);
}

const greeting = (): Buffer => textFrame(JSON.stringify(hello()));
const refusal = JSON.stringify({ type: "error", code: "shutting_down", message: "It stops.", retryable: true });

const NEVER_MADE: readonly (readonly [string, Answer])[] = [
  ["401", (socket) => socket.end("HTTP/1.1 401 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")],
  [
    "503 in the daemon's words",
    (socket) => socket.end(`HTTP/1.1 503 No\r\nContent-Length: ${refusal.length}\r\n\r\n${refusal}`),
  ],
  ["200 with a body that never ends", (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\nhello")],
  ["a redirection", (socket) => socket.end("HTTP/1.1 302 No\r\nLocation: http://127.0.0.1:1/\r\n\r\n")],
  ["something that is not HTTP", (socket) => socket.end("220 smtp ready\r\n")],
  ["half a header", (socket) => socket.end("HTTP/1.1 101 Switching Pro")],
  ["nothing, and an end", (socket) => socket.end()],
  ["nothing, and a reset", (socket) => socket.resetAndDestroy()],
  ["another key", (socket, request) => socket.write(upgraded(request.replace(/(key: )\S+/i, "$1AAAA")))],
  ["an upgrade, and an end", (socket, request) => socket.end(upgraded(request))],
  ["nothing at all", () => undefined],
  ["an upgrade, and no greeting", (socket, request) => socket.write(upgraded(request))],
];

const LOST: readonly (readonly [string, (socket: Socket) => void])[] = [
  ["an end", (socket) => socket.end()],
  ["a reset", (socket) => socket.resetAndDestroy()],
  ["a broken frame", (socket) => socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))],
  ["half a frame and an end", (socket) => socket.end(Buffer.from([0x81, 100, 0x7b]))],
  ["a binary frame", (socket) => socket.write(Buffer.from([0x82, 1, 0]))],
  ["a goodbye", (socket) => socket.end(Buffer.from([0x88, 2, 0x03, 0xe9]))],
];

/** The WebSocket of the platform; Node has one from version 22 on. */
const platformWebSocket = globalThis.WebSocket as typeof globalThis.WebSocket | undefined;

const SOCKETS: readonly (readonly [string, OpenSocket])[] = [
  ["the socket for Node", openNodeSocket],
  ["the standard socket on ws", standardSocket(WebSocket)],
  ...(platformWebSocket === undefined
    ? []
    : [["the standard socket on the platform's own", standardSocket(platformWebSocket)] as const]),
];

describe.each(SOCKETS)("%s", (_name, openSocket) => {
  it.each(NEVER_MADE)("gives up where the answer is %s", async (_answer, answer) => {
    const url = await serve(answer);
    const failure = await MatchboxClient.connect({ url, openSocket, connectTimeoutMs: 2_500 }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ name: expect.stringMatching(/^(ConnectionError|RemoteError)$/), retryable: true });
  });

  it("gives up where nobody listens", async () => {
    const url = await serve(() => undefined);
    for (const { server } of servers) await new Promise((resolve) => server.close(resolve));
    await expect(MatchboxClient.connect({ url, openSocket, connectTimeoutMs: 60_000 })).rejects.toMatchObject({
      code: "connection_failed",
    });
  });

  it.each(LOST)("ends its runs where the daemon's last word is %s", async (_word, end) => {
    const url = await serve((socket, request) => {
      socket.write(Buffer.concat([Buffer.from(upgraded(request)), greeting()]));
      socket.on("data", () => {
        end(socket);
      });
    });
    const client = await MatchboxClient.connect({ url, openSocket });
    await expect(client.run({ lane: "python", code: "" }).result()).rejects.toMatchObject({ code: "connection_lost" });
    expect(await client.closed).toMatchObject({ code: "connection_lost" });
  });
});

/** A WebSocket that a test plays by hand. */
class ScriptedWebSocket implements StandardWebSocket {
  static made: ScriptedWebSocket[] = [];
  readonly bufferedAmount = 0;
  readonly readyState = 0;
  readonly #listeners = new Map<string, ((event: never) => void)[]>();

  constructor() {
    ScriptedWebSocket.made.push(this);
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  emit(type: string, event: object = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }

  send(): void {
    // Nobody is there.
  }

  close(): void {
    // Nor says goodbye.
  }
}

describe("a WebSocket of a platform that does not keep to the standard", () => {
  function open(): { socket: ScriptedWebSocket; ends: object[] } {
    const ends: object[] = [];
    standardSocket(ScriptedWebSocket)(
      { address: { kind: "tcp", host: "localhost", secure: false, basePath: "" }, token: undefined },
      { onMessage: () => undefined, onClose: (end) => void ends.push(end) },
    );
    const socket = ScriptedWebSocket.made.at(-1);
    if (socket === undefined) throw new Error("no socket was made");
    return { socket, ends };
  }

  it("has ended with an error before it was open, though no close follows", () => {
    const { socket, ends } = open();
    const error = new TypeError("Received network error or non-101 status code.");
    socket.emit("error", { error });
    expect(ends).toEqual([{ code: 1006, reason: "", cause: error }]);
  });

  it("ends once, whatever follows", () => {
    const { socket, ends } = open();
    socket.emit("error");
    socket.emit("error");
    socket.emit("close", { code: 1006, reason: "" });
    expect(ends).toHaveLength(1);
  });

  it("keeps the code of a close that follows an error of an open one", () => {
    const { socket, ends } = open();
    socket.emit("open");
    socket.emit("error");
    expect(ends).toEqual([]);
    socket.emit("close", { code: 1009, reason: "too large" });
    expect(ends).toMatchObject([{ code: 1009, reason: "too large" }]);
  });

  it("has ended soon after an error of an open one, though no close follows", async () => {
    const { socket, ends } = open();
    socket.emit("open");
    socket.emit("error");
    await expect.poll(() => ends.length, { timeout: 5_000 }).toBe(1);
  });
});
