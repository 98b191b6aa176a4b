import { readdir, readFile } from "node:fs/promises";

/** A process as `/proc/PID/stat` has it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** The name of its program, cut to 15 characters by the kernel. */
  readonly name: string;
}

/** All processes that can be seen from here; one that ends meanwhile is left out. */
export async function allProcesses(): Promise<ProcessEntry[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined)), // Gone meanwhile.
  );
  return texts.flatMap((text) => (text === undefined ? [] : [parseStat(text)]));
}

/** @throws Error when it is not a line of `/proc/PID/stat` */
export function parseStat(text: string): ProcessEntry {
  // The name may hold anything, brackets and blanks included, so its end is the last bracket.
  const match = /^(\d+) \((.*)\) \S (\d+) /s.exec(text);
  if (match === null) throw new Error(`not a line of /proc/PID/stat: ${JSON.stringify(text)}`);
  return { pid: Number(match[1]), name: match[2] ?? "", parent: Number(match[3]) };
}

/** The process and everything that descends from it. */
export function familyOf(pid: number, processes: readonly ProcessEntry[]): number[] {
  const family = [pid];
  for (const member of family) {
    for (const { pid: child, parent } of processes) if (parent === member) family.push(child);
  }
  return family;
}
