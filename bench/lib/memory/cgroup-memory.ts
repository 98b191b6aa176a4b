import { readFile } from "node:fs/promises";
import { hasCode } from "../../../src/errors.js";

const BYTES_PER_MIB = 1_048_576;
const ROOT = "/sys/fs/cgroup";

/** Where the kernel keeps the account of a process's memory, by the version of its control groups. */
export type MemoryGroup = { readonly version: 1 | 2; readonly folder: string };

/**
 * What the kernel itself holds for a process's control group (stacks, page tables, file system entries), in MiB.
 * @returns undefined where the group cannot be seen from here, or its kernel memory is not told
 */
export async function kernelMiB(pid: number): Promise<number | undefined> {
  try {
    const group = memoryGroup(await readFile(`/proc/${pid}/cgroup`, "utf8"));
    if (group === undefined) return undefined;
    const bytes =
      group.version === 1
        ? Number(await readFile(`${group.folder}/memory.kmem.usage_in_bytes`, "utf8"))
        : kernelBytes(await readFile(`${group.folder}/memory.stat`, "utf8"));
    return bytes === undefined ? undefined : bytes / BYTES_PER_MIB;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Reads `/proc/PID/cgroup`. With both versions mounted the memory is in the first one's hands if that names it. */
export function memoryGroup(text: string): MemoryGroup | undefined {
  const first = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.+)$/m.exec(text)?.[1];
  if (first !== undefined) return { version: 1, folder: `${ROOT}/memory${first}` };
  const second = /^0::(\/.+)$/m.exec(text)?.[1];
  return second === undefined ? undefined : { version: 2, folder: `${ROOT}${second}` };
}

/** The line `kernel` of `memory.stat`; kernels before 5.18 have none. */
export function kernelBytes(stat: string): number | undefined {
  const value = /^kernel (\d+)$/m.exec(stat)?.[1];
  return value === undefined ? undefined : Number(value);
}
