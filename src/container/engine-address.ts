import { ConfigError } from "../errors.js";

/** Where the engine listens. */
export type EngineAddress =
  | { readonly kind: "socket"; readonly socketPath: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

const DEFAULT_SOCKET = "/var/run/docker.sock";

/**
 * Reads an engine's address in the form that DOCKER_HOST has; nothing means the default socket.
 * @throws ConfigError for any other form; TLS is not among them
 */
export function engineAddress(configured: string | null): EngineAddress {
  const text = configured === null || configured === "" ? `unix://${DEFAULT_SOCKET}` : configured;
  if (text.startsWith("unix://")) return { kind: "socket", socketPath: text.slice("unix://".length) };
  const tcp = /^(?:tcp|http):\/\/(\[[^\]]+\]|[^:/]+):(\d+)\/?$/.exec(text);
  if (tcp?.[1] !== undefined && tcp[2] !== undefined) {
    return { kind: "tcp", host: tcp[1].replace(/^\[|\]$/g, ""), port: Number(tcp[2]) };
  }
  throw new ConfigError(`engine.socket: ${text} must be unix:///path or tcp://host:port`);
}

export function describeAddress(address: EngineAddress): string {
  return address.kind === "socket" ? `unix://${address.socketPath}` : `tcp://${address.host}:${address.port}`;
}
