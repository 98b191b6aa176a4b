import { readdir, readFile } from "node:fs/promises";
import { askEngine, callEngine, labelFilter } from "./probes/engine.js";

export interface SeenContainer {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** What the engine itself says: containers of an instance, in whatever state. */
export async function containersOf(instance: string): Promise<SeenContainer[]> {
  return (await askEngine(`/containers/json?all=1&${labelFilter(`matchbox=${instance}`)}`)) as SeenContainer[];
}

/** The container of one sandbox; undefined when it is gone. */
export async function containerOf(sandbox: string): Promise<SeenContainer | undefined> {
  const filter = labelFilter(`matchbox.sandbox=${sandbox}`);
  const [found] = (await askEngine(`/containers/json?all=1&${filter}`)) as SeenContainer[];
  return found;
}

export async function networksOf(instance: string): Promise<{ Id: string }[]> {
  return (await askEngine(`/networks?${labelFilter(`matchbox=${instance}`)}`)) as { Id: string }[];
}

/** Volumes of an instance, by name. */
export async function volumesOf(instance: string): Promise<string[]> {
  const answer = (await askEngine(`/volumes?${labelFilter(`matchbox=${instance}`)}`)) as {
    Volumes: { Name: string }[] | null;
  };
  return (answer.Volumes ?? []).map(({ Name }) => Name);
}

/** A daemon that was killed cannot take its network away. */
export async function removeNetworkOf(instance: string): Promise<void> {
  for (const { Id } of await networksOf(instance)) await callEngine("DELETE", `/networks/${Id}`);
}

/** Processes of this machine whose command line has this text: containers' processes are among them. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    // A process may end between the two looks.
    const commandLine = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
    if (commandLine.includes(text)) found.push(Number(entry));
  }
  return found;
}
