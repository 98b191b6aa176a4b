import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer } from "../support/peer.js";

const TOKEN = "a-token-of-some-length";

/** Asks as no browser would let a page ask. @returns status and body; for an upgrade, 101 */
async function ask(
  url: string,
  headers: Record<string, string>,
  path = "/v1/lanes",
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request(`${url}${path}`, { headers, agent: false });
    call.on("error", reject);
    call.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, body: "" });
    });
    call.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.end();
  });
}

const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": Buffer.alloc(16).toString("base64"),
};

describe("the door", () => {
  let open: TestDaemon;
  let locked: TestDaemon;
  beforeAll(async () => {
    open = await startDaemon(["server.allowedOrigins=[https://console.example]"]);
    locked = await startDaemon(["server.listen=0.0.0.0:0", `server.tokens=[${TOKEN}]`]);
  });
  afterAll(async () => {
    await open[Symbol.asyncDispose]();
    await locked[Symbol.asyncDispose]();
  });

  it.each([
    "http://evil.example",
    "null",
    "http://localhost.evil.example",
    "https://console.example.evil.example",
    "HTTPS://CONSOLE.EXAMPLE",
    "https://console.example:444",
  ])("a foreign origin %s gets 403, before the upgrade and on plain requests", async (origin) => {
    for (const [headers, path] of [
      [{ Origin: origin }, "/v1/lanes"],
      [{ Origin: origin, ...UPGRADE }, "/v1/ws"],
    ] as const) {
      const { status, body } = await ask(open.url, headers, path);
      expect(status).toBe(403);
      expect(JSON.parse(body)).toMatchObject({ type: "error", code: "forbidden_origin", retryable: false });
    }
  });

  it("the daemon's own origin, an allowed one and none at all are let in", async () => {
    for (const headers of [{ Origin: open.url }, { Origin: "https://console.example" }, {}]) {
      expect((await ask(open.url, { ...headers, ...UPGRADE }, "/v1/ws")).status).toBe(101);
    }
  });

  it.each(["evil.example", "evil.example:7070", "localhost.evil.example", "198.51.100.7"])(
    "a foreign host %j gets 403",
    async (host) => {
      expect((await ask(open.url, { Host: host, ...UPGRADE }, "/v1/ws")).status).toBe(403);
    },
  );

  it("without the token, or with one that is nearly right, everything but probes and pages is 401", async () => {
    const url = locked.url.replace("0.0.0.0", "127.0.0.1");
    for (const authorization of [
      "",
      "Bearer",
      `Bearer ${TOKEN.slice(0, -1)}`,
      `Bearer ${TOKEN}x`,
      `Basic ${TOKEN}`,
      TOKEN,
    ]) {
      const headers: Record<string, string> = authorization === "" ? {} : { Authorization: authorization };
      expect((await ask(url, { ...headers, ...UPGRADE }, "/v1/ws")).status).toBe(401);
      expect((await ask(url, { ...headers, ...UPGRADE }, "/v1/watch")).status).toBe(401);
      expect((await ask(url, headers, "/metrics")).status).toBe(401);
      expect((await ask(url, headers, `/v1/lanes?token=${TOKEN}`)).status).toBe(401);
    }
    expect((await ask(url, {}, "/healthz")).status).toBe(200);
  });

  it("with the token, runs go through", async () => {
    const url = locked.url.replace("0.0.0.0", "127.0.0.1");
    await using peer = await Peer.connect(url, { headers: { Authorization: `Bearer ${TOKEN}` } });
    expect((await peer.run("python", "print('in')")).stdout).toBe("in\n");
  });

  it("what is not there is 404, and a program cannot be started by a form", async () => {
    expect((await ask(open.url, {}, "/nothing")).status).toBe(404);
    expect((await ask(open.url, {}, "/__proto__")).status).toBe(404);
    const posted = await fetch(`${open.url}/v1/lanes`, {
      method: "POST",
      body: "x",
      headers: { "Content-Type": "text/plain" },
    });
    expect(posted.status).toBe(404);
    expect(posted.headers.get("access-control-allow-origin")).toBeNull();
  });
});
