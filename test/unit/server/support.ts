import { pino } from "pino";
import type { ServerConfig } from "../../../src/config/schema.js";
import { HttpServer, type HttpServerOptions } from "../../../src/server/http-server.js";
import { SERVER_CONFIG } from "../pool/rig.js";

/** A server on a port of the loopback, without lanes; nothing gets as far as a run unless `more` executes it. */
export function serverOf(
  config: Partial<ServerConfig>,
  more: Pick<HttpServerOptions, "routes"> & Partial<HttpServerOptions>,
): HttpServer {
  return new HttpServer({
    config: { ...SERVER_CONFIG, listen: "127.0.0.1:0", ...config },
    hello: () => ({ type: "hello", protocol: 1, server: "test", lanes: [] }),
    now: () => 0,
    execute: () => Promise.reject(new Error("nothing here gets as far as a run")),
    rehearse: () => Promise.reject(new Error("nothing here is rehearsed")),
    log: pino({ level: "silent" }),
    ...more,
  });
}
