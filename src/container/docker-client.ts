import type { Agent } from "node:http";
import { createRequire, Module } from "node:module";
import type Docker from "dockerode";
import type { EngineAddress } from "./engine-address.js";

/**
 * Parts of dockerode and of docker-modem that only BuildKit sessions and `ssh://` addresses need, which Matchbox has not. With
 * what they load (gRPC, Protocol Buffers, an SSH client) they are 8 MB of the daemon's memory and a tenth of a second of its
 * start (docs/performance.md), and code that nobody has to keep an eye on where it is never loaded.
 */
const UNUSED = { dockerode: ["./session", "./buildkit"], "docker-modem": ["./ssh"] };

/** @param agent keeps the connections; by default the process's own */
export function connectToEngine(address: EngineAddress, agent?: Agent): Docker {
  const DockerClient = loadDockerode();
  const options: Docker.DockerOptions & { agent?: Agent } = {
    protocol: "http",
    ...(agent === undefined ? {} : { agent }),
    // Both are given, one as undefined: the environment's DOCKER_HOST would win otherwise.
    ...(address.kind === "socket"
      ? { socketPath: address.socketPath, host: undefined }
      : { host: address.host, port: address.port, socketPath: undefined }),
  };
  return new DockerClient(options);
}

function loadDockerode(): typeof Docker {
  const ours = createRequire(import.meta.url);
  const dockerode = createRequire(ours.resolve("dockerode"));
  const modem = createRequire(dockerode.resolve("docker-modem"));
  for (const part of UNUSED.dockerode) leaveOut(dockerode, part);
  for (const part of UNUSED["docker-modem"]) leaveOut(modem, part);
  return ours("dockerode") as typeof Docker;
}

/** From now on who asks for this part gets one that says that it is not there. */
function leaveOut(from: NodeJS.Require, part: string): void {
  const path = from.resolve(part);
  if (from.cache[path] !== undefined) return;
  const module = new Module(path);
  module.filename = path;
  module.loaded = true;
  module.exports = (): never => {
    throw new Error(`${part} of the Docker client is left out of Matchbox`);
  };
  from.cache[path] = module;
}
