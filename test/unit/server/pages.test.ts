import { mkdtemp, rm, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HttpServer } from "../../../src/server/http-server.js";
import { Pages } from "../../../src/server/pages.js";
import { serverOf } from "./support.js";

const TOKEN = "correct-horse-battery";
const HTML = "<!doctype html><title>page</title>".repeat(20);
const SCRIPT = "console.log(1);".repeat(20);

async function serve(folder: string): Promise<{ server: HttpServer; url: string }> {
  const routes = { "/v1/lanes": () => ({ status: 200, type: "application/json", body: "{}" }) };
  const server = serverOf({ tokens: [TOKEN] }, { routes, pages: await Pages.read(folder) });
  await server.listen();
  const { address } = server;
  return { server, url: `http://127.0.0.1:${address.kind === "tcp" ? address.port : 0}` };
}

describe("the pages", () => {
  let folder: string;
  let server: HttpServer;
  let url: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "matchbox-pages-"));
    await mkdir(join(folder, "assets"));
    for (const [name, text] of [
      ["index.html", HTML],
      ["playground.html", HTML],
      ["assets/main-abc.js", SCRIPT],
    ] as const) {
      // prettier-ignore
      await writeFile(join(folder, name), text);
      await writeFile(join(folder, `${name}.br`), brotliCompressSync(text));
      await writeFile(join(folder, `${name}.gz`), gzipSync(text));
    }
    await writeFile(join(folder, "notes.md"), "not a page");
    ({ server, url } = await serve(folder));
  });
  afterAll(async () => {
    await server.close({ graceMs: 0 });
    await rm(folder, { recursive: true });
  });

  it.each(["/", "/playground"])(
    "answer at %s without a token, under a policy that lets them do nothing else",
    async (path) => {
      const answer = await fetch(url + path);
      expect([answer.status, await answer.text()]).toEqual([200, HTML]);
      const headers = Object.fromEntries(answer.headers);
      expect(headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
      });
      const policy = headers["content-security-policy"] ?? "";
      expect(policy.split("; ")).toEqual(
        expect.arrayContaining([
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self'",
          "frame-ancestors 'none'",
        ]),
      );
      expect(policy).not.toMatch(/unsafe|http|\*/);
    },
  );

  it("leave what has data behind the door", async () => {
    expect((await fetch(`${url}/v1/lanes`)).status).toBe(401);
    expect((await fetch(url, { method: "POST" })).status).toBe(401);
  });

  it("do not open to a name that somebody made point here", async () => {
    const answer = await fetch(url, { headers: { Origin: "https://evil.example" } });
    expect(answer.status).toBe(403);
  });

  it.each([
    ["br, gzip", "br"],
    ["gzip, deflate", "gzip"],
    ["br;q=0, gzip;q=0.5", "gzip"],
    ["identity", null],
  ])("come as a browser that accepts %s can read them", async (accepted, expected) => {
    const answer = await fetch(`${url}/assets/main-abc.js`, { headers: { "Accept-Encoding": accepted } });
    expect(answer.headers.get("content-encoding")).toBe(expected);
    expect(answer.headers.get("vary")).toBe("Accept-Encoding");
    expect(await answer.text()).toBe(SCRIPT);
  });

  it("may be kept for ever where the name has a hash, and are asked for again where it has none", async () => {
    const script = await fetch(`${url}/assets/main-abc.js`);
    expect(script.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    const etag = (await fetch(url)).headers.get("etag") ?? "";
    const again = await fetch(url, { headers: { "If-None-Match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect((await fetch(url, { headers: { "If-None-Match": '"other"' } })).status).toBe(200);
  });

  it("send no body for HEAD", async () => {
    const answer = await fetch(url, { method: "HEAD" });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });

  it.each(["/notes.md", "/index.html.br", "/assets/", "/../package.json", "/assets%2fmain-abc.js"])(
    "are these files and nothing else: %s is not there",
    async (path) => {
      const answer = await fetch(url + path, { headers: { Authorization: `Bearer ${TOKEN}` } });
      expect(answer.status).toBe(404);
    },
  );
});

describe("pages that were not built", () => {
  it("say so in words, and how to build them", async () => {
    const { server, url } = await serve(join(tmpdir(), "matchbox-no-such-folder"));
    const answer = await fetch(url);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([503, "text/plain; charset=utf-8"]);
    expect(await answer.text()).toMatch(/not built.*npm run build/s);
    await server.close({ graceMs: 0 });
  });
});
