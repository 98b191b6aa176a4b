import { readdir } from "node:fs/promises";

const MIB = 1024 * 1024;

/** What a process holds that a run must give back. */
export interface Footprint {
  readonly descriptors: number;
  readonly timers: number;
  readonly residentBytes: number;
}

/** How much more is nothing to worry about: connections that are kept open, a timer of somebody else's, a heap before its collection. */
const SLACK: Footprint = { descriptors: 16, timers: 16, residentBytes: 256 * MIB };

/** Of this process: the daemon under test runs in it. */
export async function footprint(): Promise<Footprint> {
  return {
    descriptors: (await readdir("/proc/self/fd")).length,
    timers: process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind === "Immediate").length,
    residentBytes: process.memoryUsage.rss(),
  };
}

/** What has grown beyond its slack; empty when all is as it was. */
export function growth(baseline: Footprint, now: Footprint): string[] {
  return (Object.keys(SLACK) as (keyof Footprint)[])
    .filter((what) => now[what] > baseline[what] + SLACK[what])
    .map((what) => `${what}: ${baseline[what]} -> ${now[what]}`);
}
