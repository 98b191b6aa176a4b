import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeAddress, engineAddress, type EngineAddress } from "../container/engine-address.js";
import { isOlder, OLDEST_API } from "./engine-version.js";
import { clearLeftovers, findDockerd } from "./leftovers.js";
import { ensurePrograms, isDebianLike } from "./packages.js";
import { PING_DEADLINE_MS, pingEngine, type Ping } from "./ping.js";
import { findProgram, lastLines, runProgram } from "./process.js";
import { SetupError } from "./setup-error.js";
import type { Progress } from "./step.js";

/** Where the engine that we start keeps its things. */
export interface EngineLocations {
  readonly socketPath: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidFile: string;
  readonly configFile: string;
  readonly logFile: string;
  /** The containerd that the whole system shares, where there is one; dockerd prefers it to its own. */
  readonly systemContainerdSocket: string;
  /** Arguments for dockerd beyond the locations. */
  readonly extraArguments: readonly string[];
}

export const DEFAULT_LOCATIONS: EngineLocations = {
  socketPath: "/var/run/docker.sock",
  dataRoot: "/var/lib/docker",
  execRoot: "/var/run/docker",
  pidFile: "/var/run/docker.pid",
  configFile: "/etc/docker/daemon.json",
  logFile: "/var/log/matchbox-dockerd.log",
  systemContainerdSocket: "/run/containerd/containerd.sock",
  extraArguments: [],
};

export interface EngineOptions {
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  /** Replaces DOCKER_HOST; an engine named like this is used or missed, never started. */
  readonly dockerHost?: string | undefined;
  readonly locations?: EngineLocations;
  /** How long an engine may take until it answers. */
  readonly deadlineMs?: number;
}

/** A start takes 1-3 s; a first start on a slow disk, with all its iptables rules to make, has taken 20. */
const DEFAULT_DEADLINE_MS = 60_000;
const POLL_MS = 100;
/** An installation takes some seconds. */
const CRUN_DEADLINE_MS = 60_000;
/** Where systemd mounts version 2 of the control groups beside version 1. */
const UNIFIED_CGROUPS = "/sys/fs/cgroup/unified";

/**
 * Finds the container engine, and installs and starts one where there is none.
 *
 * An engine that takes connections without answering is given `deadlineMs` and then reported, never killed: it may be
 * somebody else's, and may hold running containers. Only when nobody listens and no dockerd lives in the default
 * locations are leftovers cleared away and a new one started.
 * @throws SetupError saying what is wrong and what to do
 */
export async function ensureEngine(options: EngineOptions): Promise<EngineAddress> {
  const { progress, deadlineMs = DEFAULT_DEADLINE_MS, locations = DEFAULT_LOCATIONS, signal } = options;
  const dockerHost = options.dockerHost ?? process.env["DOCKER_HOST"] ?? "";
  const address = engineAddress(dockerHost === "" ? `unix://${locations.socketPath}` : dockerHost);
  const first = await listen(address, deadlineMs, signal);
  if (first.kind === "nobody" && dockerHost !== "") {
    throw new SetupError(`No engine answers at DOCKER_HOST=${dockerHost}. Start it, or unset DOCKER_HOST.`);
  }
  if (first.kind === "nobody") await startEngine(locations, progress, deadlineMs, signal);
  const answer = first.kind === "nobody" ? await pingEngine(address, PING_DEADLINE_MS) : first;
  if (answer.kind !== "answers") throw new SetupError(await describeSilence(address, answer, locations));
  if (isOlder(answer.apiVersion, OLDEST_API)) {
    throw new SetupError(
      `The engine at ${describeAddress(address)} is too old: API ${answer.apiVersion}, and Matchbox needs ${OLDEST_API.join(".")} ` +
        "(Docker 20.10) or newer.",
    );
  }
  if (first.kind === "answers") progress.note(`answers, API ${answer.apiVersion}`);
  return address;
}

/** Asks until the answer is clear: an engine that comes up, or one that just died, takes connections and says nothing. */
async function listen(address: EngineAddress, deadlineMs: number, signal: AbortSignal | undefined): Promise<Ping> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const left = deadline - performance.now();
    const ping = await pingEngine(address, Math.max(POLL_MS, Math.min(PING_DEADLINE_MS, left)));
    if (ping.kind !== "silent" || left <= 0) return ping;
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function startEngine(
  locations: EngineLocations,
  progress: Progress,
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const address: EngineAddress = { kind: "socket", socketPath: locations.socketPath };
  const wait = { locations, deadlineMs, signal };
  if ((await findDockerd(locations)) !== undefined) {
    await waitUntilAnswers(address, wait);
    progress.note("was starting");
    return;
  }
  if (process.getuid?.() !== 0) throw new SetupError(await howToInstall(address));
  await ensurePrograms(["dockerd", "iptables"], ["docker.io", "iptables"], {
    purpose: "A container engine",
    progress,
    signal,
  });
  // Where service scripts are allowed, the package has started it by now.
  if ((await findDockerd(locations)) !== undefined) {
    await waitUntilAnswers(address, wait);
    return;
  }
  if (
    await stat("/run/systemd/system").then(
      () => locations === DEFAULT_LOCATIONS,
      () => false,
    )
  ) {
    progress.update("systemctl start docker");
    const { ok, output } = await runProgram("systemctl", ["start", "docker"], { signal });
    if (!ok) {
      const log = await runProgram("journalctl", ["-u", "docker", "-n", "20", "--no-pager"]).catch(() => undefined);
      throw new SetupError(`systemctl could not start docker:\n${output}\n${log?.output ?? ""}`);
    }
    await waitUntilAnswers(address, wait);
    progress.note("started with systemctl");
    return;
  }
  await tryInstallCrun(progress, signal);
  const cleared = await clearLeftovers(locations);
  progress.update("starting dockerd");
  await using dockerd = await spawnDockerd(locations);
  await waitUntilAnswers(address, { ...wait, dockerd });
  progress.note([...cleared, `started, log in ${locations.logFile}`].join("; "));
}

/** Optional, so no reason to fail, nor to wait for long where no packages can be had: without it containers take longer to start. */
async function tryInstallCrun(progress: Progress, signal: AbortSignal | undefined): Promise<void> {
  const signals = [AbortSignal.timeout(CRUN_DEADLINE_MS), ...(signal === undefined ? [] : [signal])];
  const purpose = "A faster start of containers";
  await ensurePrograms(["crun"], ["crun"], { purpose, progress, signal: AbortSignal.any(signals) }).catch(
    () => undefined,
  );
  signal?.throwIfAborted();
}

interface SpawnedDockerd extends AsyncDisposable {
  /** How it ended, if it did. */
  readonly ended: () => string | undefined;
  /** What it wrote to its log since it started. */
  readonly log: () => Promise<string>;
}

/** Starts dockerd in a session of its own, so that it outlives us and hears nothing of our terminal. */
async function spawnDockerd(locations: EngineLocations): Promise<SpawnedDockerd> {
  const [command = "", ...args] = await dockerdCommand(locations);
  await mkdir(path.dirname(locations.logFile), { recursive: true });
  const log = await open(locations.logFile, "a", 0o640);
  const { size: logStart } = await log.stat();
  const child = spawn(command, args, {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin` },
  });
  let ended: string | undefined;
  child.on("exit", (code, signal) => (ended = signal ?? `exit code ${code}`));
  try {
    await once(child, "spawn");
  } catch (error) {
    await log.close();
    throw error;
  }
  child.unref();
  return {
    ended: () => ended,
    log: async () => (await readFile(locations.logFile)).subarray(logStart).toString("utf8"),
    [Symbol.asyncDispose]: () => log.close(),
  };
}

/**
 * dockerd as we start it: with crun beside its own runtime, where there is one and the engine's configuration says nothing of
 * runtimes. On a host that mounts both cgroup versions crun refuses to work as long as it sees the second, which nothing
 * uses there; so the engine does not see it, in a mount namespace of its own.
 */
async function dockerdCommand(locations: EngineLocations): Promise<string[]> {
  const dockerd = [(await findProgram("dockerd")) ?? "dockerd", ...locationArguments(locations)];
  const crun = await findProgram("crun");
  const config = await readFile(locations.configFile, "utf8").catch(() => "");
  if (crun === undefined || config.includes('"runtimes"')) return dockerd;
  const withCrun = [...dockerd, `--add-runtime=crun=${crun}`];
  const unshare = await findProgram("unshare");
  if (unshare === undefined || !(await isMountPoint(UNIFIED_CGROUPS))) return withCrun;
  const script = `umount ${UNIFIED_CGROUPS}; exec "$@"`;
  return [unshare, "--mount", "--propagation", "slave", "sh", "-c", script, "dockerd", ...withCrun];
}

/** In its usual places dockerd is told none of them, so that its own configuration file counts. */
function locationArguments(locations: EngineLocations): string[] {
  if (locations === DEFAULT_LOCATIONS) return [];
  return [
    `--host=unix://${locations.socketPath}`,
    `--data-root=${locations.dataRoot}`,
    `--exec-root=${locations.execRoot}`,
    `--pidfile=${locations.pidFile}`,
    `--config-file=${locations.configFile}`,
    ...locations.extraArguments,
  ];
}

async function isMountPoint(folder: string): Promise<boolean> {
  const mounts = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return mounts.split("\n").some((line) => line.split(" ")[4] === folder);
}

async function waitUntilAnswers(
  address: EngineAddress,
  options: {
    locations: EngineLocations;
    deadlineMs: number;
    signal: AbortSignal | undefined;
    dockerd?: SpawnedDockerd;
  },
): Promise<void> {
  const { locations, deadlineMs, signal, dockerd } = options;
  const deadline = performance.now() + deadlineMs;
  const log = async (): Promise<string> =>
    dockerd === undefined ? "" : `\nThe end of ${locations.logFile}:\n${lastLines(await dockerd.log(), 15)}`;
  for (;;) {
    const left = deadline - performance.now();
    const ping = await pingEngine(address, Math.max(POLL_MS, Math.min(PING_DEADLINE_MS, left)));
    if (ping.kind === "answers") return;
    // Two set-ups at once start two engines; the one that loses ends, and the other is as good.
    const ended = dockerd?.ended();
    if (ended !== undefined && (await findDockerd(locations)) === undefined) {
      throw new SetupError(`dockerd ended as it started (${ended}).${await log()}`);
    }
    if (ping.kind === "forbidden" || left <= 0) {
      throw new SetupError((await describeSilence(address, ping, locations)) + (await log()));
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function describeSilence(
  address: EngineAddress,
  ping: Exclude<Ping, { kind: "answers" }>,
  locations: EngineLocations,
): Promise<string> {
  const where = describeAddress(address);
  switch (ping.kind) {
    case "nobody":
      return `No engine answers at ${where}.`;
    case "forbidden":
      return (
        `This user may not talk to the engine at ${where}. Run this as root, or join the engine's group and log in anew:\n\n` +
        '  sudo usermod -aG docker "$USER"\n'
      );
    case "silent": {
      const told = `Something takes connections at ${where} but is no engine that works: ${ping.detail}.`;
      const isOurs = address.kind === "socket" && address.socketPath === locations.socketPath;
      const dockerd = isOurs ? await findDockerd(locations) : undefined;
      if (dockerd === undefined) return told;
      return (
        `${told}\ndockerd runs as process ${dockerd.pid}. If nobody needs its containers, end it with ` +
        `"kill ${dockerd.pid}" (or "kill -9") and try again.`
      );
    }
    default:
      return ping satisfies never;
  }
}

async function howToInstall(address: EngineAddress): Promise<string> {
  const installed = (await findProgram("dockerd")) !== undefined;
  const start = "sudo systemctl start docker     # without systemd: sudo sh -c 'dockerd >/var/log/dockerd.log 2>&1 &'";
  const commands = [
    ...(installed ? [] : ["sudo apt-get update && sudo apt-get install -y docker.io iptables"]),
    start,
    'sudo usermod -aG docker "$USER"  # then log in anew',
  ];
  const missing = `No container engine answers at ${describeAddress(address)}, and only root can install and start one.`;
  if (!installed && !(await isDebianLike())) {
    return `${missing}\nPlease install Docker Engine 20.10 or newer (https://docs.docker.com/engine/install/) and start it.`;
  }
  return `${missing}\nRun this command as root, or:\n\n${commands.map((line) => `  ${line}\n`).join("")}`;
}
