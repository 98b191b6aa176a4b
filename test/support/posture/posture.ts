import { hasCode } from "../../../src/errors.js";
import { askEngine } from "../probes/engine.js";
import { waitFor } from "../wait.js";
import { describeEnvironment, describeProcess, nameOf, processesOf, sleeps } from "./processes.js";
import { describeSurroundings, shareCgroup } from "./surroundings.js";

interface Inspected {
  readonly State: { readonly Pid: number };
  readonly HostConfig: { readonly MaskedPaths: readonly string[] | null };
}

export async function inspect(container: string): Promise<Inspected> {
  return (await askEngine(`/containers/${container}/json`)) as Inspected;
}

/** Where a container lives, as the host's kernel has it. */
export async function surroundings(container: string): Promise<string> {
  const { State, HostConfig } = await inspect(container);
  return block("surroundings", await describeSurroundings(State.Pid, HostConfig.MaskedPaths ?? []));
}

/** The variables of each of a container's processes. */
export async function environments(container: string): Promise<string> {
  return grouped(await pidsOf(container), describeEnvironment);
}

/** A container's processes, as the host's kernel has them: a block for each that differs from those before it. */
export async function processes(container: string): Promise<string> {
  const pids = await pidsOf(container);
  const cgroup = (await shareCgroup(pids)) ? "all" : "NOT ALL";
  return `${await grouped(pids, describeProcess)}${cgroup} in one cgroup\n`;
}

/** Waits until a container has exactly these processes, and each of their threads sleeps: nothing is on its way any more. */
export async function settled(container: string, names: readonly string[]): Promise<void> {
  const expected = [...names].sort().join(" ");
  const isSettled = async (): Promise<boolean> => {
    const pids = await pidsOf(container);
    const found = (await Promise.all(pids.map(nameOf))).sort().join(" ");
    return found === expected && (await Promise.all(pids.map(sleeps))).every(Boolean);
  };
  await waitFor(() => isSettled().catch(isEndedProcess), { timeoutMs: 20_000, what: `${expected} to sleep` });
}

/** A process may end between two looks at it, which are to be repeated then. */
function isEndedProcess(error: unknown): false {
  if (hasCode(error, "ENOENT", "ESRCH")) return false;
  throw error;
}

async function pidsOf(container: string): Promise<number[]> {
  return processesOf((await inspect(container)).State.Pid);
}

async function grouped(pids: readonly number[], describe: (pid: number) => Promise<string[]>): Promise<string> {
  const blocks = new Map<string, string[]>();
  for (const pid of pids) {
    const text = (await describe(pid)).join("\n");
    blocks.set(text, [...(blocks.get(text) ?? []), await nameOf(pid)]);
  }
  return [...blocks].map(([text, members]) => block(members.sort().join(", "), text.split("\n"))).join("");
}

function block(title: string, lines: readonly string[]): string {
  return `${title}\n${lines.map((line) => `    ${line}\n`).join("")}`;
}
