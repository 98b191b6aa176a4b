import { CliError } from "../../src/cli/cli-error.js";
import { loadConfig } from "../../src/config/load.js";
import type { Config } from "../../src/config/schema.js";
import { describeAddress, type EngineAddress, engineAddress } from "../../src/container/engine-address.js";
import type { SandboxSpec } from "../../src/container/runtime.js";
import type { ContainerIdentity, Surroundings } from "../../src/container/docker-create-options.js";
import { newSandboxId } from "../../src/container/labels.js";
import { OciRuntimeChoice } from "../../src/container/oci-runtime.js";
import { readSeccompProfile } from "../../src/container/seccomp-profile.js";
import { ConfigError } from "../../src/errors.js";
import { sandboxSpec } from "../../src/pool/spec.js";
import { imageTag } from "../../src/setup/sandbox-image.js";
import { Engine } from "./engine.js";

/** What a daemon of the bench's own would ask the engine for. */
export interface DefaultLanes {
  readonly config: Config;
  readonly engine: EngineAddress;
  /** @throws Error when there is no such lane */
  readonly specOf: (lane: string) => SandboxSpec;
}

/**
 * The lanes of the default configuration, environment and the user's settings included, as the daemon reads them, with the
 * OCI runtime that it would choose.
 * @param options.offered the engine's OCI runtimes; it is asked when they are not given
 * @throws CliError with a line for each mistake in the configuration
 */
export async function defaultLanes({
  set = [],
  offered,
}: { set?: readonly string[]; offered?: readonly string[] } = {}): Promise<DefaultLanes> {
  const config = await loadConfig({ overrides: set }).catch((error: unknown) => {
    throw error instanceof ConfigError ? new CliError(error.message, { exitCode: 1, cause: error }) : error;
  });
  const profiles = new Map<string, string>();
  for (const [name, { seccomp }] of Object.entries(config.lanes)) {
    profiles.set(name, await readSeccompProfile(seccomp, `lanes.${name}.seccomp`));
  }
  const engine = engineAddress(config.engine.socket);
  const choice = new OciRuntimeChoice();
  choice.look(offered ?? (await new Engine(engineSocket(engine)).ociRuntimes()));
  const ociRuntime = choice.choose(config.engine.ociRuntime ?? undefined) ?? null;
  return {
    config,
    engine,
    specOf: (name) => {
      const lane = config.lanes[name];
      const seccompProfile = profiles.get(name);
      if (lane === undefined || seccompProfile === undefined) {
        throw new Error(`there is no lane "${name}"; there are: ${Object.keys(config.lanes).join(", ")}`);
      }
      return sandboxSpec(name, lane, {
        image: imageTag(lane.target),
        ociRuntime,
        seccompProfile,
      });
    },
  };
}

/** One container of the bench's own, without a network. */
export function bareIdentity(instance: string): ContainerIdentity {
  return { sandbox: newSandboxId(), instance, daemon: instance, network: undefined };
}

/** What an image of ours brings along: the runner, and a way to find `localhost`. */
export function ownSurroundings({ image }: SandboxSpec): Surroundings {
  return {
    imageId: image,
    resolvesLocalhost: true,
    hasIPv6: true,
    imageVolumes: [],
    imageVariables: [],
    runnerVolume: undefined,
  };
}

/** @throws Error when the engine is not on this machine, where alone its containers can be compared */
export function engineSocket(engine: EngineAddress): string {
  if (engine.kind === "socket") return engine.socketPath;
  throw new Error(
    `the engine is at ${describeAddress(engine)}; this scenario needs one with a unix socket, on this machine`,
  );
}
