import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { systemClock } from "../clock.js";
import { type ConfigSources, configPath, loadConfig } from "../config/load.js";
import type { Config } from "../config/schema.js";
import { describeAddress, type EngineAddress, engineAddress } from "../container/engine-address.js";
import { OciRuntimeChoice } from "../container/oci-runtime.js";
import type { SandboxSpec } from "../container/runtime.js";
import { readSeccompProfile } from "../container/seccomp-profile.js";
import { withDeadline } from "../deadline.js";
import { ConfigError, messageOf } from "../errors.js";
import { imageRemedy } from "../image-targets.js";
import { sandboxSpec } from "../pool/spec.js";
import { Door } from "../server/authenticate.js";
import { parseListenAddress } from "../server/listen-address.js";
import { ImageApi } from "../setup/docker-api.js";
import { PING_DEADLINE_MS, pingEngine } from "../setup/ping.js";
import { imageTag } from "../setup/sandbox-image.js";
import { type Check, fail, ok, skip, type Verdict } from "./check.js";
import { checkEngine, checkImages, type EngineAnswer, type ImageFacts } from "./engine.js";
import { type EngineInfo, engineInfo } from "./engine-info.js";
import { lookAtNetwork } from "./firewall.js";
import { checkRuntimes, checkSeccomp, checkUserNamespaces, type ProfileFacts } from "./isolation.js";
import { checkLimits, checkMemory, checkOpenFiles, type LaneSize } from "./limits.js";
import { originOf, parseOpenFilesLimit } from "./machine.js";
import { checkDirectPipes, checkGpus, checkNetwork, checkUser } from "./reach.js";
import { checkTrial, type TrialOutcome } from "./trial-check.js";

const WITHOUT_CONFIG = [
  ...["engine", "images", "limits", "runtimes", "seccomp", "user namespaces"],
  ...["user", "network", "direct pipes", "GPUs", "memory", "open files"],
];

export interface ExamineOptions {
  readonly sources: ConfigSources & { readonly env: Readonly<NodeJS.ProcessEnv> };
  /** Whether to start a sandbox of each lane as well. */
  readonly isDeep: boolean;
  readonly signal: AbortSignal;
  /** Hears what takes a while. */
  readonly onStep: (text: string) => void;
}

/** A lane as the daemon would open it. */
interface LaneFacts extends LaneSize {
  /** The one that it runs, and the one that the runner comes from where that is another. */
  readonly images: readonly string[];
  readonly ociRuntime: string | null;
  readonly hasGpus: boolean;
  readonly profile: ProfileFacts;
  /** Undefined where its profile cannot be used. */
  readonly spec: SandboxSpec | undefined;
}

/**
 * Looks at everything that sandboxes stand on, without a daemon, and changes nothing. A look in depth makes containers, and
 * for lanes with a network that and its rules; all of it is gone when this settles.
 * @returns the same checks in the same order whatever is wrong
 * @throws the signal's reason
 */
export async function examine(options: ExamineOptions): Promise<Check[]> {
  const { sources, signal } = options;
  // Every image is asked for at once, and every call listens to it.
  setMaxListeners(0, signal);
  let config: Config;
  let address: EngineAddress;
  try {
    config = await loadConfig(sources);
    address = engineAddress(config.engine.socket);
    // For what it throws: the daemon would refuse to start as well.
    new Door(parseListenAddress(config.server.listen), config.server);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const fix = "Correct what it names; config/default.yaml has every key with its meaning.";
    return [
      { name: "configuration", ...fail(error.message, fix) },
      ...WITHOUT_CONFIG.map((name) => ({ name, ...skip("needs the configuration, which cannot be used") })),
    ];
  }
  const answer = await askEngine(address, config.engine.callDeadlineMs, signal);
  const info = answer.kind === "answers" ? answer.info : undefined;
  const ofEngine = async (check: (info: EngineInfo) => Verdict | Promise<Verdict>): Promise<Verdict> =>
    info === undefined ? skip("needs the engine, which does not answer") : await check(info);

  const lanes = await lanesOf(config);
  const names = lanes.map(({ name }) => name);
  const { engine } = config;
  const isRoot = process.getuid?.() === 0;
  const engineFacts = { address: describeAddress(address), origin: originOf(engine.socket, sources.env), answer };
  const checks: Record<string, Verdict> = {
    configuration: ok(`${configPath(sources)}; lanes: ${names.join(", ")}`),
    engine: checkEngine(engineFacts),
    images: await ofEngine(() => lookForImages(lanes, { address, deadlineMs: engine.callDeadlineMs, signal })),
    limits: await ofEngine(checkLimits),
    runtimes: await ofEngine((said) => {
      const choice = new OciRuntimeChoice();
      choice.look(Object.keys(said.Runtimes));
      const chosen = choice.choose(engine.ociRuntime ?? undefined);
      const own = lanes.flatMap(({ name: lane, ociRuntime }) =>
        ociRuntime === null ? [] : [{ lane, ociRuntime: choice.choose(ociRuntime) ?? said.DefaultRuntime }],
      );
      const others = lanes.filter(({ ociRuntime }) => ociRuntime === null).map(({ name }) => name);
      return checkRuntimes({ configured: engine.ociRuntime, chosen, lanes: others, own }, said);
    }),
    seccomp: checkSeccomp(
      lanes.map(({ profile }) => profile),
      info,
    ),
    "user namespaces": await ofEngine(checkUserNamespaces),
    user: checkUser({
      isRoot,
      lanes: Object.entries(config.lanes).flatMap(([name, { network }]) => (network === "egress" ? [name] : [])),
      wantsPipes: engine.directPipes,
      wantsCpuLatency: config.server.cpuLatencyUs !== null,
    }),
    network: checkNetwork(await lookAtNetwork({ config, address, signal })),
    "direct pipes": await ofEngine((said) =>
      checkDirectPipes({ isWanted: engine.directPipes, address: address.kind, isRoot, hostname: hostname() }, said),
    ),
    GPUs: await ofEngine((said) =>
      checkGpus(
        lanes.filter(({ hasGpus }) => hasGpus).map(({ name }) => name),
        said,
      ),
    ),
    memory: await ofEngine((said) => checkMemory(lanes, said.MemTotal)),
    "open files": checkOpenFiles({ maxConnections: config.server.maxConnections, lanes }, await openFilesLimit()),
  };
  const deep = options.isDeep
    ? await tryAll({ ...options, config, address, lanes, isEngineThere: info !== undefined })
    : [];
  return [...Object.entries(checks).map(([name, verdict]) => ({ name, ...verdict })), ...deep];
}

async function askEngine(address: EngineAddress, deadlineMs: number, signal: AbortSignal): Promise<EngineAnswer> {
  const ping = await pingEngine(address, Math.min(PING_DEADLINE_MS, deadlineMs));
  signal.throwIfAborted();
  if (ping.kind !== "answers") return { kind: "away", ping };
  try {
    const said = await withDeadline({ clock: systemClock, ms: deadlineMs, signal }, (abort) =>
      new ImageApi(address).info({ signal: abort }),
    );
    return { kind: "answers", apiVersion: ping.apiVersion, info: engineInfo.parse(said) };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "away", ping: { kind: "silent", detail: `asked about itself: ${messageOf(error)}` } };
  }
}

async function lanesOf(config: Config): Promise<LaneFacts[]> {
  return await Promise.all(
    Object.entries(config.lanes).map(async ([name, lane]) => {
      const { warm, maxSandboxes, memoryMiB, seccomp, ociRuntime } = lane;
      const ownImage = imageTag(lane.target);
      const read = await readSeccompProfile(seccomp, `lanes.${name}.seccomp`).then(
        (seccompProfile) => ({ seccompProfile, fault: undefined }),
        (error: unknown) => {
          if (!(error instanceof ConfigError)) throw error;
          return { seccompProfile: undefined, fault: error.message };
        },
      );
      const { seccompProfile, fault } = read;
      const spec =
        seccompProfile === undefined
          ? undefined
          : sandboxSpec(name, lane, { image: ownImage, ociRuntime: config.engine.ociRuntime, seccompProfile });
      return {
        name,
        warm: typeof warm === "number" ? warm : warm.max,
        maxSandboxes,
        memoryMiB,
        images: lane.image === null ? [ownImage] : [lane.image, ownImage],
        ociRuntime,
        hasGpus: lane.gpus !== null,
        profile: { lane: name, path: seccomp ?? undefined, fault },
        spec,
      };
    }),
  );
}

/** Each image once, however many lanes take it. */
async function lookForImages(
  lanes: readonly LaneFacts[],
  options: { address: EngineAddress; deadlineMs: number; signal: AbortSignal },
): Promise<Verdict> {
  const { address, deadlineMs: ms, signal } = options;
  const images = new ImageApi(address);
  const look = async (reference: string): Promise<ImageFacts> => ({
    reference,
    lanes: lanes.flatMap(({ name, images: wanted }) => (wanted.includes(reference) ? [name] : [])),
    isThere: await withDeadline({ clock: systemClock, ms, signal }, (abort) =>
      images.has(reference, { signal: abort }),
    ),
    remedy: imageRemedy(reference),
  });
  try {
    return checkImages(await Promise.all([...new Set(lanes.flatMap(({ images: wanted }) => wanted))].map(look)));
  } catch (error) {
    signal.throwIfAborted();
    return fail(`the engine could not be asked: ${messageOf(error)}`, "Name images as the engine does, and try again.");
  }
}

/** Of this process, which node has raised to what it may be: the daemon's is, too. */
async function openFilesLimit(): Promise<number | undefined> {
  return parseOpenFilesLimit(await readFile("/proc/self/limits", "utf8").catch(() => ""));
}

async function tryAll(
  options: ExamineOptions & {
    config: Config;
    address: EngineAddress;
    lanes: readonly LaneFacts[];
    isEngineThere: boolean;
  },
): Promise<Check[]> {
  const { lanes, isEngineThere, onStep } = options;
  const nameOf = (lane: string): string => `sandbox ${lane}`;
  if (!isEngineThere)
    return lanes.map(({ name }) => ({ name: nameOf(name), ...skip("needs the engine, which does not answer") }));
  const { tryLanes } = await import("./trial.js");
  const instance = `doctor-${randomBytes(6).toString("hex")}`;
  let outcomes: TrialOutcome[];
  try {
    outcomes = await tryLanes({
      ...options,
      instance,
      specs: lanes.flatMap(({ spec }) => (spec === undefined ? [] : [spec])),
      onLane: (lane) => {
        onStep(`a sandbox of lane ${lane}`);
      },
    });
  } catch (error) {
    options.signal.throwIfAborted();
    const fix = `See what is left: docker ps -a --filter label=matchbox=${instance}; docker network ls --filter label=matchbox=${instance}`;
    return [{ name: "sandboxes", ...fail(`not everything could be taken away: ${messageOf(error)}`, fix) }];
  }
  return lanes.map(({ name }) => {
    const outcome = outcomes.find(({ spec }) => spec.lane === name);
    const verdict = outcome === undefined ? skip("its seccomp profile cannot be used") : checkTrial(outcome);
    return { name: nameOf(name), ...verdict };
  });
}
