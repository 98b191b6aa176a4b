import type { EngineAddress } from "../container/engine-address.js";
import { fail, ok, type Verdict, warn } from "./check.js";
import type { EngineInfo } from "./engine-info.js";

const SLOWER = "runs go through the engine, about 1 ms slower";

/** What lanes with a network need of this machine. */
export interface NetworkFacts {
  /** Lanes with `network: egress`. */
  readonly lanes: readonly string[];
  /** Why their rules could not be put in place from here, in words with what to do; none when they could. */
  readonly faults: readonly string[];
  /** Whom sandboxes would ask for names. */
  readonly resolvers: readonly string[];
}

export function checkNetwork({ lanes, faults, resolvers }: NetworkFacts): Verdict {
  if (lanes.length === 0) return ok("no lane has one, so no rules are needed");
  const users = lanes.join(", ");
  if (faults.length === 0)
    return ok(`rules for ${users} can be put in place from here; names from ${resolvers.join(", ")}`);
  const settings = lanes.map((lane) => `--set lanes.${lane}.network=none`).join(" ");
  return fail(`${users} would stay closed`, [...faults, `Or without a network: ${settings}`].join("\n"));
}

export interface UserFacts {
  readonly isRoot: boolean;
  /** Lanes with `network: egress`. */
  readonly lanes: readonly string[];
  /** `engine.directPipes`. */
  readonly wantsPipes: boolean;
  /** Whether `server.cpuLatencyUs` asks for something. */
  readonly wantsCpuLatency: boolean;
}

/** What of the configuration needs root. The engine's group is enough for all the rest. */
export function checkUser({ isRoot, lanes, wantsPipes, wantsCpuLatency }: UserFacts): Verdict {
  if (isRoot) return ok("root");
  const lost = [
    ...lanes.map((lane) => ({
      what: `lane ${lane} (its network takes rules in the firewall)`,
      key: `lanes.${lane}.network=none`,
    })),
    ...(wantsPipes ? [{ what: `the way past the engine (${SLOWER})`, key: "engine.directPipes=false" }] : []),
    ...(wantsCpuLatency ? [{ what: "server.cpuLatencyUs", key: "server.cpuLatencyUs=null" }] : []),
  ];
  if (lost.length === 0) return ok("not root, and nothing in the configuration needs it");
  return warn(
    `not root: lanes without a network work; what does not: ${lost.map(({ what }) => what).join(", ")}`,
    `Run the daemon as root, or settle for what works: ${lost.map(({ key }) => `--set ${key}`).join(" ")}`,
  );
}

export interface PipeFacts {
  /** `engine.directPipes`. */
  readonly isWanted: boolean;
  readonly address: EngineAddress["kind"];
  readonly isRoot: boolean;
  readonly hostname: string;
}

/**
 * Whether runs can go past the engine. From outside of a sandbox only the signs can be read; a trial tells for certain.
 */
export function checkDirectPipes(facts: PipeFacts, info: Pick<EngineInfo, "Name">): Verdict {
  if (!facts.isWanted) return ok(`switched off (engine.directPipes); ${SLOWER}`);
  if (facts.address === "tcp")
    return warn(
      `the engine is reached over the network; ${SLOWER}`,
      "Run the daemon on the engine's machine, with its unix socket.",
    );
  if (!facts.isRoot) return warn(`not root; ${SLOWER}`, "Run the daemon as root, or set engine.directPipes to false.");
  // A daemon in a container, or an engine in a virtual machine, has a name of its own.
  if (info.Name !== "" && info.Name !== facts.hostname)
    return warn(
      `the engine's machine is "${info.Name}", this one "${facts.hostname}"; if they are two, ${SLOWER}`,
      "Run the daemon on the engine's machine, outside of containers. matchbox doctor --deep tries it.",
    );
  return ok("root on the engine's machine: runs go past the engine");
}

/** A line that says whether the whole way works, without Matchbox. */
const GPU_TRIAL = "docker run --rm --gpus all IMAGE nvidia-smi";

/**
 * Whether the host can pass graphics processors to containers. An engine does not say what it could do if it were asked;
 * what it knows by name is a sign, and only a sandbox that starts is a proof.
 * @param lanes those with `gpus`
 */
export function checkGpus(
  lanes: readonly string[],
  { Runtimes: runtimes, DiscoveredDevices: devices }: Pick<EngineInfo, "Runtimes" | "DiscoveredDevices">,
): Verdict {
  const found = devices
    .filter(({ Source: source, ID: id }) => source === "cdi" && /gpu/i.test(id))
    .map(({ ID: id }) => id);
  const ways = [...(Object.hasOwn(runtimes, "nvidia") ? ["the nvidia runtime"] : []), ...found];
  const users = lanes.join(", ");
  if (lanes.length === 0)
    return ok(ways.length === 0 ? "none" : `the engine could pass some (${ways.join(", ")}); lanes have none`);
  if (ways.length > 0) return ok(`for ${users}: the engine has ${ways.join(", ")}`);
  return warn(
    `for ${users}, but the engine names neither the nvidia runtime nor a device`,
    [
      "Install the driver and the nvidia-container-toolkit, then: nvidia-ctk runtime configure --runtime=docker; systemctl restart docker",
      `Try it without Matchbox: ${GPU_TRIAL}`,
      `Or without: ${lanes.map((lane) => `--set lanes.${lane}.gpus=null`).join(" ")}`,
    ].join("\n"),
  );
}
