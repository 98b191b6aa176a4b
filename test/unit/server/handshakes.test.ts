import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HttpServer } from "../../../src/server/http-server.js";
import { serverOf } from "./support.js";

/** A request must have arrived within so many ms; that is looked at once a second. */
const HANDSHAKE_MS = 300;

describe("a connection that does not come to a request", () => {
  let server: HttpServer;
  let port: number;
  beforeAll(async () => {
    server = serverOf(
      { handshakeTimeoutMs: HANDSHAKE_MS },
      { routes: { "/healthz": () => ({ status: 200, type: "text/plain", body: "ok\n" }) } },
    );
    await server.listen();
    port = server.address.kind === "tcp" ? server.address.port : 0;
  });
  afterAll(() => server.close({ graceMs: 0 }));

  /** Sends this and nothing more. @returns the socket, and all that comes back until the server closes it */
  const send = (text: string): { socket: Socket; answer: Promise<string> } => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let received = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => (received += chunk));
    socket.on("error", () => undefined);
    return { socket, answer: once(socket, "close").then(() => received) };
  };
  const upgrade = (headers: string): string =>
    `GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n`;
  const isServed = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok;

  it.each([
    ["nothing at all", ""],
    ["the beginning of a line", "GET /v1/"],
    ["headers without their end", "GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "],
    [
      "a body that is shorter than announced",
      "POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n12",
    ],
  ])("is closed when its time is over, and others are served meanwhile: %s", async (_what, text) => {
    const { answer } = send(text);
    expect(await isServed()).toBe(true);
    expect(await answer).toMatch(/^(?:HTTP\/1\.1 4\d\d |$)/);
    expect(server.connections).toBe(0);
  });

  it("is closed as well when it goes on byte by byte", async () => {
    const { socket, answer } = send("GET /v1/ws HTTP/1.1\r\nX-Slow: ");
    const drip = setInterval(() => socket.write("a"), 20);
    expect(await answer).toMatch(/^(?:HTTP\/1\.1 408 |$)/);
    clearInterval(drip);
  });

  it.each([
    ["bytes that are no HTTP", () => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["no key", () => upgrade("Sec-WebSocket-Version: 13\r\n"), 400],
    ["a key of the wrong length", () => upgrade("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n"), 400],
    [
      "an unknown version",
      () => upgrade("Sec-WebSocket-Version: 99\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"),
      400,
    ],
    ["headers without end", () => `GET /v1/ws HTTP/1.1\r\nX-Long: ${"a".repeat(64 * 1024)}`, 431],
  ])("is refused at once: %s", async (_what, text, status) => {
    const { answer } = send(text());
    expect(await answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(await isServed()).toBe(true);
    expect(server.connections).toBe(0);
  });

  it("may break off at any byte of its handshake, and leaves nothing behind", async () => {
    const whole = upgrade("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n");
    for (let length = 0; length <= whole.length; length += 7) {
      const { socket, answer } = send(whole.slice(0, length));
      await once(socket, "connect");
      socket.resetAndDestroy();
      await answer;
    }
    expect(await isServed()).toBe(true);
    while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
