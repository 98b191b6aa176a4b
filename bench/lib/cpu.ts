import { readFile } from "node:fs/promises";

/** What the first line of /proc/stat counts in: the kernel's interface has 100 a second whatever its own clock does. */
const TICKS_PER_S = 100;

/** Processor time spent while something was done. */
export interface CpuSpent {
  /** By everything on the machine but this process, in ms. */
  readonly othersMs: number;
  /** How long it took. */
  readonly wallMs: number;
}

/** Processor time that the whole machine spends while this is done, without what this process spends itself. */
export async function cpuDuring(work: () => Promise<unknown>): Promise<CpuSpent> {
  const before = await read();
  await work();
  const after = await read();
  return {
    othersMs: after.busyMs - before.busyMs - (after.ownMs - before.ownMs),
    wallMs: after.atMs - before.atMs,
  };
}

/**
 * What each of so many cost, after what the machine would have spent in that time anyway. Below 0 when it was busier
 * while nothing was done.
 */
export function cpuOfEach(count: number, work: CpuSpent, idle: CpuSpent): number {
  return (work.othersMs - (idle.othersMs / idle.wallMs) * work.wallMs) / count;
}

/**
 * The time that all processors have been busy since the start, from the text of /proc/stat.
 * @throws Error when its first line is not that of all processors
 */
export function parseBusyMs(stat: string): number {
  const [name, ...columns] = stat.slice(0, stat.indexOf("\n")).trim().split(/\s+/);
  // Waiting for a disk is idling; what a guest uses is in user and nice already; what was stolen somebody else had.
  const [user, nice, system, , , irq, softirq] = columns.map(Number);
  const ticks = (user ?? NaN) + (nice ?? NaN) + (system ?? NaN) + (irq ?? NaN) + (softirq ?? NaN);
  if (name !== "cpu" || !Number.isFinite(ticks)) {
    throw new Error(
      `/proc/stat begins with ${JSON.stringify(stat.slice(0, 80))}, not with the times of all processors`,
    );
  }
  return (ticks * 1_000) / TICKS_PER_S;
}

async function read(): Promise<{ busyMs: number; ownMs: number; atMs: number }> {
  const busyMs = parseBusyMs(await readFile("/proc/stat", "utf8"));
  const { user, system } = process.cpuUsage();
  return { busyMs, ownMs: (user + system) / 1_000, atMs: performance.now() };
}
