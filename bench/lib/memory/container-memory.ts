import { kernelMiB } from "./cgroup-memory.js";
import type { Engine } from "../engine.js";
import { proportionalMiB } from "./memory.js";
import { allProcesses, familyOf, type ProcessEntry } from "./process-tree.js";
import { mean } from "../summary.js";

/** The programs of an engine that run once for all containers. */
const ENGINE_PROGRAMS: readonly string[] = ["dockerd", "containerd"];
/** `containerd-shim-runc-v2`, cut by the kernel. */
const SHIM_PROGRAM = "containerd-shim";

/** What containers cost, each, in the mean; in MiB. */
export interface ContainerMemory {
  /** What runs in it. */
  readonly processesMiB: number;
  /** The engine's process beside it. */
  readonly shimMiB: number;
  /** What the kernel holds for what runs in it; undefined where it does not tell. */
  readonly kernelMiB: number | undefined;
}

/** @throws Error when there are no containers, or their processes cannot be seen from here */
export async function containerMemory(engine: Engine, ids: readonly string[]): Promise<ContainerMemory> {
  const pids = await Promise.all(ids.map((id) => engine.mainPid(id)));
  const processes = await allProcesses();
  const shims = pids.map((pid) => shimOf(pid, processes));
  const families = pids.map((pid) => familyOf(pid, processes));
  const kernel = await Promise.all(pids.map((pid) => kernelMiB(pid)));
  const known = kernel.filter((value) => value !== undefined);
  return {
    processesMiB: mean(await Promise.all(families.map(sharesOf))),
    shimMiB: mean(await Promise.all(shims.map(proportionalMiB))),
    kernelMiB: known.length === ids.length ? mean(known) : undefined,
  };
}

/** What the engine's own programs hold, in MiB; undefined where they cannot be found. */
export async function engineMiB(): Promise<number | undefined> {
  const own = (await allProcesses()).filter(({ name }) => ENGINE_PROGRAMS.includes(name));
  return own.length === 0 ? undefined : await sharesOf(own.map(({ pid }) => pid));
}

/** @throws Error when the container's first process is not the child of a shim here */
function shimOf(pid: number, processes: readonly ProcessEntry[]): number {
  const parent = processes.find((entry) => entry.pid === pid)?.parent;
  const shim = processes.find((entry) => entry.pid === parent);
  if (shim?.name !== SHIM_PROGRAM) {
    throw new Error(
      `process ${pid} of a container is ${parent === undefined ? "not to be seen" : `a child of ${shim?.name ?? "nobody"}`} here, not a child of ${SHIM_PROGRAM}: the engine must run on this machine, with containerd, among the same processes as the bench`,
    );
  }
  return shim.pid;
}

async function sharesOf(pids: readonly number[]): Promise<number> {
  return (await Promise.all(pids.map(proportionalMiB))).reduce((sum, share) => sum + share, 0);
}
