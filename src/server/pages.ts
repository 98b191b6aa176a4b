import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";
import { hasCode } from "../errors.js";

/**
 * What a page may do: load what this daemon serves and speak to this daemon, nothing else. No inline script or style, so
 * that a text which got into the page as markup still could not act; no frame around it, so that no other page can lend the
 * operator's clicks to it.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // blob: is for pictures that a run has made; they are shown as pictures, in which nothing can run.
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

const HEADERS = {
  "Content-Security-Policy": CONTENT_SECURITY_POLICY,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
};

/** The pages by the paths that people see. */
const PAGES: Readonly<Record<string, string>> = { "/": "/index.html", "/playground": "/playground.html" };

/** The bundler puts a hash of the content into these names, so what is under one of them never changes. */
const HASHED = "/assets/";
const FOR_EVER = "public, max-age=31536000, immutable";

const NOT_BUILT =
  "The dashboard and the playground are not built: dist/web is missing. Run `npm run build` in Matchbox's folder and start " +
  "the daemon anew. Everything else works: `npx matchbox status --watch` shows the lanes in a terminal.\n";

interface Page {
  readonly status: number;
  readonly type: string;
  readonly cacheControl: string;
  readonly etag: string;
  readonly plain: Buffer;
  /** Compressed when they were built, so that a request costs no more than sending it. */
  readonly brotli: Buffer | undefined;
  readonly gzip: Buffer | undefined;
}

/** The files of the pages, read once: a request touches no disk, and what is no file of theirs cannot be asked for. */
export class Pages {
  readonly #pages: ReadonlyMap<string, Page>;

  private constructor(pages: ReadonlyMap<string, Page>) {
    this.#pages = pages;
  }

  /** Reads what the build left in a folder; where that is missing, the pages say so in words. */
  static async read(folder: string): Promise<Pages> {
    const files = await filesIn(folder);
    const pages = new Map<string, Page>();
    for (const [name, plain] of files) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      const cacheControl = name.startsWith(HASHED) ? FOR_EVER : "no-cache";
      const compressed = { brotli: files.get(`${name}.br`), gzip: files.get(`${name}.gz`) };
      pages.set(name, { status: 200, type, cacheControl, etag: etagOf(plain), plain, ...compressed });
    }
    for (const [path, file] of Object.entries(PAGES)) pages.set(path, pages.get(file) ?? notBuilt());
    return new Pages(pages);
  }

  /** Whether there is something at this path; it holds no secrets and asks for no token. */
  has(path: string): boolean {
    return this.#pages.has(path);
  }

  /** Answers a GET or HEAD. @returns false, with nothing sent, when there is no page at this path */
  answer(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const page = this.#pages.get(path);
    if (page === undefined) return false;
    const { status, type, cacheControl, etag } = page;
    const headers = { ...HEADERS, "Cache-Control": cacheControl, Vary: "Accept-Encoding", ETag: etag };
    if (request.headers["if-none-match"]?.split(/\s*,\s*/).includes(etag) === true) {
      response.writeHead(304, headers).end();
      return true;
    }
    const [encoding, body] = pick(page, request.headers["accept-encoding"] ?? "");
    response.writeHead(status, {
      ...headers,
      "Content-Type": type,
      "Content-Length": body.length,
      ...(encoding === undefined ? {} : { "Content-Encoding": encoding }),
    });
    response.end(request.method === "HEAD" ? undefined : body);
    return true;
  }
}

function pick({ plain, brotli, gzip }: Page, accepted: string): ["br" | "gzip" | undefined, Buffer] {
  const accepts = (encoding: string): boolean =>
    new RegExp(`\\b${encoding}\\b(?!\\s*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))`).test(accepted);
  if (brotli !== undefined && accepts("br")) return ["br", brotli];
  if (gzip !== undefined && accepts("gzip")) return ["gzip", gzip];
  return [undefined, plain];
}

function notBuilt(): Page {
  const plain = Buffer.from(NOT_BUILT);
  const type = "text/plain; charset=utf-8";
  return {
    status: 503,
    type,
    cacheControl: "no-store",
    etag: etagOf(plain),
    plain,
    brotli: undefined,
    gzip: undefined,
  };
}

/** By their paths in a URL; none when there is no such folder. */
async function filesIn(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.map(async (file): Promise<[string, Buffer]> => {
        return [`/${relative(folder, file).replaceAll(sep, "/")}`, await readFile(file)];
      }),
    ),
  );
}

function etagOf(content: Buffer): string {
  return `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
}
