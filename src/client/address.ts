import { DEFAULT_ADDRESS } from "../protocol/handshake.js";

/** Where a client looks for a daemon that is told nothing. */
export const DEFAULT_URL = `http://${DEFAULT_ADDRESS}`;

/** Where a daemon listens. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly secure: boolean; readonly basePath: string }
  | { readonly kind: "unix"; readonly socketPath: string };

const SECURE_BY_PROTOCOL: ReadonlyMap<string, boolean> = new Map([
  ["http:", false],
  ["ws:", false],
  ["https:", true],
  ["wss:", true],
]);

/**
 * Reads `http://host:port` (or https, ws, wss; a path is kept as a prefix, for reverse proxies) or `unix:/path/to/socket`.
 * @throws TypeError that says what is allowed
 */
export function parseAddress(text: string): Address {
  if (text.startsWith("unix:")) {
    const socketPath = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    if (socketPath === "")
      throw new TypeError('"unix:" must be followed by the path of a socket, such as unix:/run/matchbox.sock');
    return { kind: "unix", socketPath };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const secure = url === undefined ? undefined : SECURE_BY_PROTOCOL.get(url.protocol);
  if (url === undefined || secure === undefined) {
    throw new TypeError(`"${text}" is not an address; write http://host:port, https://host or unix:/path/to/socket`);
  }
  return { kind: "tcp", host: url.host, secure, basePath: url.pathname.replace(/\/+$/, "") };
}

/** The address as people write it; for messages. */
export function showAddress(address: Address): string {
  return address.kind === "unix"
    ? `unix:${address.socketPath}`
    : `http${address.secure ? "s" : ""}://${address.host}${address.basePath}`;
}

/** The WebSocket's URL; over a unix socket only its path and Host header mean anything. */
export function webSocketUrl(address: Address): string {
  return address.kind === "unix"
    ? "ws://localhost/v1/ws"
    : `ws${address.secure ? "s" : ""}://${address.host}${address.basePath}/v1/ws`;
}
