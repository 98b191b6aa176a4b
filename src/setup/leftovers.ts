import { readFile, readdir, realpath, rm, stat } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../errors.js";
import type { EngineLocations } from "./engine.js";
import { SetupError } from "./setup-error.js";

/** A process as /proc shows it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly startTime: string;
  readonly args: readonly string[];
}

const END_DEADLINE_MS = 10_000;

/** The dockerd that lives, or comes up, in these locations; undefined when there is none. */
export async function findDockerd(locations: EngineLocations): Promise<ProcessEntry | undefined> {
  const processes = await listProcesses();
  const execRoot = await real(locations.execRoot);
  for (const entry of processes) {
    if (programName(entry) !== "dockerd") continue;
    if ((await real(optionValue(entry.args, "--exec-root") ?? "/var/run/docker")) === execRoot) return entry;
  }
  return undefined;
}

/**
 * Removes what a killed dockerd left in its locations and what keeps the next one from starting: its containerd, shims and
 * containers, their state, pid files and sockets. Touches only what names these locations, and so cannot be anybody
 * else's. The caller makes sure that no dockerd lives there.
 *
 * The containers are ended because the next dockerd would end them too, unless the engine is configured for live-restore:
 * then containers, shims and containerd stay as they are.
 * @returns what was done, in words
 * @throws SetupError when a process does not end
 */
export async function clearLeftovers(locations: EngineLocations): Promise<string[]> {
  const done: string[] = [];
  const leftovers = await findLeftoverProcesses(locations, await listProcesses());
  const keep = await hasLiveRestore(locations.configFile);
  if (!keep && leftovers.length > 0) {
    await endProcesses(leftovers);
    done.push(`ended what was left of a dead engine (${leftovers.length} processes)`);
  }
  if (!keep) await removeContainerState(locations);
  if (!keep || !leftovers.some((entry) => programName(entry) === "containerd")) {
    // dockerd takes a pid that exists, be it a zombie's or a stranger's, for a containerd that it need not start.
    for (const name of ["containerd.pid", "containerd.sock", "containerd.sock.ttrpc", "containerd-debug.sock"]) {
      await rm(path.join(locations.execRoot, "containerd", name), { force: true });
    }
  }
  if (await exists(locations.pidFile)) {
    await rm(locations.pidFile, { force: true });
    done.push("removed a stale pid file");
  }
  // Left behind, this socket makes dockerd wait for a containerd that does not exist, instead of starting its own.
  for (const socket of [locations.socketPath, locations.systemContainerdSocket]) {
    if ((await exists(socket)) && (await nobodyListens(socket))) {
      await rm(socket, { force: true });
      done.push(`removed a stale socket, ${path.basename(socket)}`);
    }
  }
  return done;
}

/** The containerd, shims and containers of a dead dockerd; pure but for the paths it resolves. */
export async function findLeftoverProcesses(
  locations: EngineLocations,
  processes: readonly ProcessEntry[],
): Promise<ProcessEntry[]> {
  const containerd = path.join(await real(locations.execRoot), "containerd");
  const roots: ProcessEntry[] = [];
  for (const entry of processes) {
    const name = programName(entry);
    const config = name === "containerd" ? optionValue(entry.args, "--config") : undefined;
    const address = name.startsWith("containerd-shim") ? optionValue(entry.args, "-address") : undefined;
    if (config !== undefined && (await realParent(config)) === path.join(containerd, "containerd.toml")) {
      roots.push(entry);
    }
    if (address !== undefined && (await realParent(address)) === path.join(containerd, "containerd.sock")) {
      roots.push(entry);
    }
  }
  // A container whose shim died first has no parent that names us; the runtime's record of it does.
  for (const { pid, startTime } of await recordedContainers(locations)) {
    const entry = processes.find((candidate) => candidate.pid === pid && candidate.startTime === startTime);
    if (entry !== undefined) roots.push(entry);
  }
  return [...withDescendants(roots, processes)];
}

function withDescendants(roots: readonly ProcessEntry[], processes: readonly ProcessEntry[]): Set<ProcessEntry> {
  const all = new Set(roots);
  for (const parent of all) {
    for (const entry of processes) if (entry.parent === parent.pid) all.add(entry);
  }
  return all;
}

async function endProcesses(doomed: readonly ProcessEntry[]): Promise<void> {
  let living = [...doomed];
  const deadline = performance.now() + END_DEADLINE_MS;
  while (living.length > 0) {
    if (performance.now() > deadline) {
      const names = living.map((entry) => `${programName(entry)} (pid ${entry.pid})`).join(", ");
      throw new SetupError(
        `These leftovers of a dead engine cannot be ended: ${names}.\nA restart of the machine helps.`,
      );
    }
    for (const entry of living) kill(entry.pid);
    await sleep(50);
    const now = await listProcesses();
    living = living.filter((old) => now.some((entry) => entry.pid === old.pid && entry.startTime === old.startTime));
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (hasCode(error, "ESRCH")) return; // already gone
    throw error;
  }
}

/** Removes what runtimes and shims recorded of containers that have ended; nobody else would remove the shims' sockets. */
async function removeContainerState({ execRoot, dataRoot }: EngineLocations): Promise<void> {
  const tasks = path.join("containerd", "daemon", "io.containerd.runtime.v2.task", "moby");
  for (const id of await names(path.join(execRoot, tasks))) {
    const bundle = path.join(execRoot, tasks, id);
    const address = await readFile(path.join(bundle, "address"), "utf8").catch(() => "");
    const shimSocket = /^unix:\/\/(\/run\/containerd\/s\/[0-9a-f]+)$/.exec(address.trim())?.[1];
    if (shimSocket !== undefined) await rm(shimSocket, { force: true });
    await rm(bundle, { recursive: true, force: true });
  }
  await rm(path.join(dataRoot, tasks), { recursive: true, force: true });
  for (const runtime of await names(execRoot)) {
    if (runtime.startsWith("runtime-"))
      await rm(path.join(execRoot, runtime, "moby"), { recursive: true, force: true });
  }
}

async function recordedContainers({ execRoot }: EngineLocations): Promise<{ pid: number; startTime: string }[]> {
  const records: { pid: number; startTime: string }[] = [];
  for (const runtime of await names(execRoot)) {
    if (!runtime.startsWith("runtime-")) continue;
    for (const id of await names(path.join(execRoot, runtime, "moby"))) {
      const folder = path.join(execRoot, runtime, "moby", id);
      // runc's, else crun's.
      const text = await readFile(path.join(folder, "state.json"), "utf8").catch(() =>
        readFile(path.join(folder, "status"), "utf8").catch(() => ""),
      );
      const pid = /"(?:init_process_pid|pid)"\s*:\s*(\d+)/.exec(text)?.[1];
      const startTime = /"(?:init_process_start|process-start-time)"\s*:\s*(\d+)/.exec(text)?.[1];
      if (pid !== undefined && startTime !== undefined) records.push({ pid: Number(pid), startTime });
    }
  }
  return records;
}

/** Every process that lives; one that died and waits for its parent does not count. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(pids.map(readProcess));
  return entries.filter((entry) => entry !== undefined);
}

async function readProcess(pid: string): Promise<ProcessEntry | undefined> {
  try {
    const [status, commandLine] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
    ]);
    return parseProcess(Number(pid), status, commandLine);
  } catch {
    return undefined; // gone while we looked
  }
}

/** Reads `/proc/PID/stat` and `/proc/PID/cmdline`; undefined for a process that is dead already. */
export function parseProcess(pid: number, status: string, commandLine: string): ProcessEntry | undefined {
  // The name in brackets may hold anything, even a bracket: what follows the last one is safe to split.
  const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  const startTime = fields[19];
  if (state === undefined || parent === undefined || startTime === undefined || "ZX".includes(state)) return undefined;
  return { pid, parent: Number(parent), startTime, args: commandLine.split("\0").slice(0, -1) };
}

function programName({ args }: ProcessEntry): string {
  return path.basename(args[0] ?? "");
}

/** The value of an option written as `--name value` or `--name=value`. */
function optionValue(args: readonly string[], name: string): string | undefined {
  const index = args.indexOf(name);
  if (index >= 0) return args[index + 1];
  return args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
}

async function hasLiveRestore(configFile: string): Promise<boolean> {
  const text = await readFile(configFile, "utf8").catch(() => "");
  return /"live-restore"\s*:\s*true/.test(text);
}

/** Whether a socket refuses connections; one that takes them belongs to somebody. */
function nobodyListens(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    socket.on("connect", () => {
      resolve(false);
      socket.destroy();
    });
    socket.on("error", (error) => {
      resolve(hasCode(error, "ECONNREFUSED"));
    });
  });
}

/** Resolves links, because /var/run is /run on most systems; a path that does not exist stays as it is. */
async function real(file: string): Promise<string> {
  return await realpath(file).catch(() => path.resolve(file));
}

/** The same for a file that may be gone while its folder is still there. */
async function realParent(file: string): Promise<string> {
  return path.join(await real(path.dirname(file)), path.basename(file));
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}
