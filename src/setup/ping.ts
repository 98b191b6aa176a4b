import http from "node:http";
import type { EngineAddress } from "../container/engine-address.js";

/** Longest wait for an engine's first word, in ms: one that is well answers within a few. */
export const PING_DEADLINE_MS = 5_000;

/** What came of asking an engine whether it is there. */
export type Ping =
  | { readonly kind: "answers"; readonly apiVersion: string }
  /** Nobody listens. */
  | { readonly kind: "nobody" }
  /** The socket is there, but not for us. */
  | { readonly kind: "forbidden" }
  /** Somebody takes the connection and says nothing, or something that no engine says. */
  | { readonly kind: "silent"; readonly detail: string };

/** Asks once, and waits at most `deadlineMs` for the answer. Never rejects. */
export function pingEngine(address: EngineAddress, deadlineMs: number): Promise<Ping> {
  return new Promise((resolve) => {
    const request = http.get({ ...address, path: "/_ping", agent: false }, (response) => {
      response.resume();
      const apiVersion = response.headers["api-version"];
      if (response.statusCode === 200 && typeof apiVersion === "string") resolve({ kind: "answers", apiVersion });
      else resolve({ kind: "silent", detail: `it answered with status ${response.statusCode}` });
      request.destroy();
    });
    const timer = setTimeout(() => {
      resolve({ kind: "silent", detail: `no answer within ${deadlineMs / 1000} s` });
      request.destroy();
    }, deadlineMs);
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EACCES" || error.code === "EPERM") resolve({ kind: "forbidden" });
      else if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve({ kind: "nobody" });
      else resolve({ kind: "silent", detail: error.message });
    });
    request.on("close", () => {
      clearTimeout(timer);
    });
  });
}
