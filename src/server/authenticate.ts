import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { ServerConfig } from "../config/schema.js";
import { ConfigError } from "../errors.js";
import type { ErrorCode } from "../protocol/error-codes.js";
import { TOKEN_SUBPROTOCOL_PREFIX } from "../protocol/handshake.js";
import { isLoopback, type ListenAddress } from "./listen-address.js";

/** Why a request is not let in. */
export interface Refusal {
  readonly code: Extract<ErrorCode, "unauthorized" | "forbidden_origin">;
  readonly message: string;
}

/** Paths that answer without a token, for whatever watches the process; they tell the names of lanes and which are ready, not why. */
const OPEN_PATHS = new Set(["/healthz", "/readyz"]);

/**
 * The door: who may speak to the daemon at all.
 *
 * Three attacks stand in front of it: a stranger on the network (tokens), a web page in the operator's browser (Origin),
 * and a web page whose name was made to point at the daemon (Host; DNS rebinding).
 */
export class Door {
  readonly #address: ListenAddress;
  readonly #tokenHashes: readonly Buffer[];
  readonly #origins: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;

  /** @throws ConfigError for an address that others can reach while no token is configured */
  constructor(address: ListenAddress, config: Pick<ServerConfig, "tokens" | "allowedOrigins" | "allowedHosts">) {
    if (!isLoopback(address) && config.tokens.length === 0) {
      throw new ConfigError(
        "server.listen: this address can be reached by others, and no token is configured. " +
          "Add one to server.tokens or as MATCHBOX_TOKEN, or listen on 127.0.0.1 or a unix socket.",
      );
    }
    this.#address = address;
    this.#tokenHashes = config.tokens.map(hash);
    this.#origins = new Set(config.allowedOrigins);
    this.#hosts = new Set(config.allowedHosts.map((host) => host.toLowerCase()));
  }

  /**
   * @param entrance `page`: what holds no secrets and a browser loads before it can show a token. `socket`: a WebSocket's
   * upgrade, for which a browser lets a page set no header but the subprotocols.
   * @returns undefined for a request that may come in
   */
  check(
    request: IncomingMessage,
    path: string,
    entrance: "request" | "page" | "socket" = "request",
  ): Refusal | undefined {
    const { host, origin } = request.headers;
    const { authority } = targetOf(request);
    // A browser always sends it; a checker that speaks HTTP/1.0 need not, and learns nothing there.
    const isChecker = host === undefined && request.httpVersion === "1.0" && OPEN_PATHS.has(path);
    if ((!isChecker && !this.#isKnownHost(host)) || (authority !== undefined && !this.#isKnownHost(authority))) {
      return { code: "forbidden_origin", message: "This Host is not allowed; server.allowedHosts has those that are." };
    }
    // A browser sends it, and a page cannot change it; everything else may leave it out.
    if (origin !== undefined && origin !== `http://${host ?? ""}` && !this.#origins.has(origin)) {
      return {
        code: "forbidden_origin",
        message: "This Origin is not allowed; server.allowedOrigins has those that are.",
      };
    }
    if (this.#tokenHashes.length === 0 || entrance === "page" || OPEN_PATHS.has(path)) return undefined;
    if (!this.#isKnownToken(tokenOf(request, entrance))) {
      return { code: "unauthorized", message: "Send a configured token as `Authorization: Bearer TOKEN`." };
    }
    return undefined;
  }

  /** Names are what rebinding plays with; an address in the Host header means that the client dialled that address. */
  #isKnownHost(header: string | undefined): boolean {
    // No browser can speak to a unix socket.
    if (this.#address.kind === "unix") return true;
    if (header === undefined) return false;
    const host = /^(\[[^\]]+\]|[^:]+)(?::\d+)?$/.exec(header.toLowerCase())?.[1];
    if (host === undefined) return false;
    if (this.#hosts.has(host) || this.#hosts.has(header.toLowerCase())) return true;
    const bare = host.replace(/^\[|\]$/g, "");
    if (bare === this.#address.host.toLowerCase()) return true;
    if (isLoopback(this.#address)) return bare === "localhost" || bare === "127.0.0.1" || bare === "::1";
    return isIP(bare) !== 0;
  }

  /** Compares hashes of equal length, all of them, in constant time: how long it takes tells nothing of a token. */
  #isKnownToken(token: string | undefined): boolean {
    const given = hash(token ?? "");
    let known = false;
    for (const expected of this.#tokenHashes) known = timingSafeEqual(given, expected) || known;
    return known && token !== undefined;
  }
}

/**
 * What a request is for. A client that thinks it speaks to a proxy names the host as well (`GET http://host/path`), and so
 * may any other (RFC 9112, 3.2.2).
 */
export function targetOf({ url = "/" }: { readonly url?: string | undefined }): {
  readonly path: string;
  readonly authority: string | undefined;
} {
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url);
  const rest = absolute?.[2] ?? url;
  const query = rest.indexOf("?");
  const path = query < 0 ? rest : rest.slice(0, query);
  return { path: absolute !== null && path === "" ? "/" : path, authority: absolute?.[1] };
}

/** The token that a request carries, known or not. */
export function tokenOf({ headers }: IncomingMessage, entrance: "request" | "page" | "socket"): string | undefined {
  const { authorization, "sec-websocket-protocol": subprotocols } = headers;
  return bearerToken(authorization) ?? (entrance === "socket" ? subprotocolToken(subprotocols) : undefined);
}

function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer ([^\s]+)$/i.exec(header ?? "")?.[1];
}

/** Of `matchbox.v1, matchbox.token.BASE64URL`, as a page in a browser offers it. The first one counts. */
function subprotocolToken(header: string | undefined): string | undefined {
  const encoded = (header ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX))
    .map((name) => name.slice(TOKEN_SUBPROTOCOL_PREFIX.length))
    .find((text) => /^[\w-]+$/.test(text));
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64url").toString("utf8");
}

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
