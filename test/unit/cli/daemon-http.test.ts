import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { getLanes } from "../../../src/cli/daemon-http.js";
import { parseAddress } from "../../../src/client/address.js";
import { makeError } from "../../../src/protocol/codec.js";

const REPORT = { server: "1.2.3", uptimeMs: 1, connections: 0, lanes: [] };
let server: Server;
let answer: { status: number; body: string };
beforeAll(async () => {
  server = createServer((_request, response) => response.writeHead(answer.status).end(answer.body));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => server.close());

async function ask(status: number, body: unknown): Promise<unknown> {
  answer = { status, body: typeof body === "string" ? body : JSON.stringify(body) };
  return getLanes(parseAddress(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), {});
}

it("the daemon's report is given as it is", async () => {
  expect(await ask(200, REPORT)).toEqual(REPORT);
});

it.each([
  ["another form", 200, { ...REPORT, lanes: "none" }, /another form than this command knows/],
  ["no JSON", 200, "<html>", /answered 200, which Matchbox does not: is it another server\?$/],
  ["somebody else's refusal", 403, "no", /answered 403, which Matchbox does not/],
  ["a token that is missing", 401, makeError("unauthorized", "Send a token."), /^Send a token\. Give it with --token/],
  [
    "a refusal that passes",
    429,
    makeError("rate_limited", "Too many.", { retryAfterMs: 2_000 }),
    /^Too many\. Try again in 2 s\. \(rate_limited\)$/,
  ],
])("in place of a report: %s", async (_what, status, body, message) => {
  await expect(ask(status, body)).rejects.toThrow(message);
});
