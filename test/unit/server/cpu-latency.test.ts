import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CpuLatency } from "../../../src/server/cpu-latency.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "matchbox-latency-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function descriptorsOf(file: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file;
    } catch {
      return false; // The one that lists them.
    }
  }).length;
}

function setUp(device: string): { latency: CpuLatency; refusals: Error[] } {
  const refusals: Error[] = [];
  const latency = new CpuLatency((error) => refusals.push(error), device);
  return { latency, refusals };
}

describe("the latency asked of processors", () => {
  it("is a number of four bytes, and stands as long as the file is open", () => {
    const device = join(folder, "device");
    writeFileSync(device, "");
    const { latency, refusals } = setUp(device);
    latency.ask(1_000);
    expect(readFileSync(device)).toEqual(Buffer.from(Int32Array.of(1_000).buffer));
    expect(descriptorsOf(device)).toBe(1);
    latency.ask(1_000);
    latency.ask(0);
    expect(readFileSync(device)).toEqual(Buffer.from([0, 0, 0, 0]));
    expect(descriptorsOf(device)).toBe(1);
    latency.ask(null);
    expect(descriptorsOf(device)).toBe(0);
    latency.ask(5);
    latency[Symbol.dispose]();
    latency[Symbol.dispose]();
    expect(descriptorsOf(device)).toBe(0);
    expect(refusals).toEqual([]);
  });

  it("is asked for once where it cannot be had, and the reason is told", () => {
    const { latency, refusals } = setUp(join(folder, "missing"));
    latency.ask(0);
    latency.ask(0);
    latency.ask(20);
    latency[Symbol.dispose]();
    expect(refusals.map((error) => error.message)).toEqual([expect.stringContaining("ENOENT")]);
  });

  it("keeps nothing open where the number is refused", () => {
    const { latency, refusals } = setUp("/dev/full");
    latency.ask(0);
    expect(refusals.map((error) => error.message)).toEqual([expect.stringContaining("ENOSPC")]);
    expect(descriptorsOf("/dev/full")).toBe(0);
  });
});
