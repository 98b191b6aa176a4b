import { readFile, writeFile } from "node:fs/promises";

const KIB_PER_MIB = 1_024;
/** What `/proc/PID/clear_refs` takes for "begin to take the peak of the resident set anew" (proc(5)). */
const RESET_PEAK = "5";

/** What `/proc` tells of one process, in MiB. */
export interface ProcessMemory {
  /** All pages that it has in memory, those that it shares with others included. */
  readonly residentMiB: number;
  /** The most of that since the peak was reset. */
  readonly peakMiB: number;
}

/** @throws Error when the process is gone */
export async function processMemory(pid: number): Promise<ProcessMemory> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return { residentMiB: mebibytesOf(status, "VmRSS"), peakMiB: mebibytesOf(status, "VmHWM") };
}

/** Begins to take the peak of the process anew. @throws Error when this user may not */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, RESET_PEAK);
}

/**
 * The process's share of memory, in MiB: its own pages, and of those that it shares with n others one part in n.
 * @throws Error when the process is gone, or belongs to another user and this one is not root
 */
export async function proportionalMiB(pid: number): Promise<number> {
  const file = `/proc/${pid}/smaps_rollup`;
  try {
    return mebibytesOf(await readFile(file, "utf8"), "Pss");
  } catch (error) {
    throw new Error(`${file} cannot be read; the memory of other users' processes needs root`, { cause: error });
  }
}

/** What the kernel says it could give to programs without swapping, in MiB. */
export async function availableMiB(): Promise<number> {
  return mebibytesOf(await readFile("/proc/meminfo", "utf8"), "MemAvailable");
}

/** A line such as `VmRSS:     760 kB`, in MiB. @throws Error when there is none */
export function mebibytesOf(text: string, field: string): number {
  const value = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`there is no line "${field}: ... kB"`);
  return Number(value) / KIB_PER_MIB;
}
