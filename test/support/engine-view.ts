import { readdir, readFile } from "node:fs/promises";
import { callEngine } from "./probes/engine.js";

export interface SeenContainer {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** What the engine itself says: containers of an instance, in whatever state. */
export async function containersOf(instance: string): Promise<SeenContainer[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`matchbox=${instance}`] }));
  return JSON.parse(
    (await callEngine("GET", `/containers/json?all=1&filters=${filters}`)).toString(),
  ) as SeenContainer[];
}

/** The container of one sandbox; undefined when it is gone. */
export async function containerOf(sandbox: string): Promise<SeenContainer | undefined> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`matchbox.sandbox=${sandbox}`] }));
  const found = JSON.parse(
    (await callEngine("GET", `/containers/json?all=1&filters=${filters}`)).toString(),
  ) as SeenContainer[];
  return found[0];
}

export async function networksOf(instance: string): Promise<{ Id: string }[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`matchbox=${instance}`] }));
  return JSON.parse((await callEngine("GET", `/networks?filters=${filters}`)).toString()) as { Id: string }[];
}

/** Volumes of an instance, by name. */
export async function volumesOf(instance: string): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`matchbox=${instance}`] }));
  const answer = JSON.parse((await callEngine("GET", `/volumes?filters=${filters}`)).toString()) as {
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
