import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { MatchboxClient } from "../../../src/client/client.js";
import { standardSocket } from "../../../src/client/web-socket.js";
import { hello, script } from "./scripted-daemon.js";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A daemon of a real socket: greets, and answers every run with its code as the output. */
async function listen(
  where: { socketPath?: string } = {},
): Promise<{ http: Server; requests: IncomingMessage[]; url: string }> {
  const http = createServer();
  const requests: IncomingMessage[] = [];
  const sockets = new WebSocketServer({ noServer: true });
  http.on("upgrade", (request, socket, head) => {
    requests.push(request);
    if (request.url !== "/v1/ws" && request.url !== "/prefix/v1/ws") {
      const body = JSON.stringify({ type: "error", code: "not_found", message: "Nothing is here.", retryable: false });
      socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.send(JSON.stringify(hello()));
      webSocket.on("message", (data: Buffer) => {
        const message = JSON.parse(data.toString("utf8")) as { type: string; id: string; code: string };
        if (message.type !== "run") return;
        const say = script(message.id);
        for (const answer of [say.started(), say.stdout(message.code), say.exit(), say.destroyed()])
          webSocket.send(JSON.stringify(answer));
      });
    });
  });
  http.listen(where.socketPath === undefined ? { port: 0, host: "127.0.0.1" } : { path: where.socketPath });
  await once(http, "listening");
  cleanups.push(async () => {
    for (const webSocket of sockets.clients) webSocket.terminate();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  const address = http.address();
  return {
    http,
    requests,
    url: typeof address === "string" ? `unix:${address}` : `http://127.0.0.1:${(address as AddressInfo).port}`,
  };
}

describe("the socket for Node", () => {
  it("sends the token in a header and runs over TCP", async () => {
    const { url, requests } = await listen();
    await using client = await MatchboxClient.connect({ url, token: "0123456789abcdef" });
    expect(requests[0]?.headers.authorization).toBe("Bearer 0123456789abcdef");
    const { stdout } = await client.run({ lane: "python", code: "echo" }).result();
    expect(stdout).toBe("echo");
  });

  it("keeps a path in the address, for daemons behind a proxy", async () => {
    const { url } = await listen();
    await using client = await MatchboxClient.connect({ url: `${url}/prefix/` });
    expect(client.hello.protocol).toBe(1);
  });

  it("runs over a unix socket", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-client-"));
    cleanups.push(() => rm(folder, { recursive: true }));
    const socketPath = join(folder, "with:colon.sock");
    await listen({ socketPath });
    await using client = await MatchboxClient.connect({ socketPath });
    expect((await client.run({ lane: "python", code: "1" }).result()).stdout).toBe("1");
  });

  it("rejects with the daemon's error when the upgrade is refused", async () => {
    const { url } = await listen();
    await expect(MatchboxClient.connect({ url: `${url}/elsewhere` })).rejects.toMatchObject({
      code: "not_found",
      message: "Nothing is here.",
    });
  });

  it("says so when somebody else answers", async () => {
    const http = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(http, "listening");
    cleanups.push(() => new Promise((resolve) => http.close(resolve)));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    await expect(MatchboxClient.connect({ url })).rejects.toMatchObject({
      code: "connection_failed",
      message: expect.stringContaining("200"),
    });
  });

  it("rejects when nobody listens", async () => {
    const { http, url } = await listen();
    await new Promise((resolve) => http.close(resolve));
    await expect(MatchboxClient.connect({ url })).rejects.toMatchObject({
      code: "connection_failed",
      retryable: true,
      message: expect.stringContaining("ECONNREFUSED"),
    });
    await expect(MatchboxClient.connect({ socketPath: "/nonexistent/matchbox.sock" })).rejects.toMatchObject({
      code: "connection_failed",
    });
  });
});

describe("the standard socket", () => {
  it("runs on any WebSocket of the standard's form", async () => {
    const { url } = await listen();
    await using client = await MatchboxClient.connect({ url, openSocket: standardSocket(WebSocket) });
    expect((await client.run({ lane: "python", code: "browser" }).result()).stdout).toBe("browser");
  });

  it("sends the token as a subprotocol, in letters that a header may have", async () => {
    const { url, requests } = await listen();
    const token = "0123456789abcdef?>ü";
    await using client = await MatchboxClient.connect({ url, token, openSocket: standardSocket(WebSocket) });
    expect((await client.run({ lane: "python", code: "token" }).result()).stdout).toBe("token");
    const encoded = Buffer.from(token).toString("base64url");
    expect(requests[0]?.headers["sec-websocket-protocol"]).toBe(`matchbox.v1,matchbox.token.${encoded}`);
    expect(requests[0]?.headers.authorization).toBeUndefined();
  });

  it("refuses what it cannot do: unix sockets", async () => {
    const openSocket = standardSocket(WebSocket);
    await expect(MatchboxClient.connect({ socketPath: "/x", openSocket })).rejects.toThrow(/unix/);
  });
});
