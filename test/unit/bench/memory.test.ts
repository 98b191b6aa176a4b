import { describe, expect, it } from "vitest";
import { kernelBytes, memoryGroup } from "../../../bench/lib/memory/cgroup-memory.js";
import { mebibytesOf } from "../../../bench/lib/memory/memory.js";
import { familyOf, parseStat } from "../../../bench/lib/memory/process-tree.js";

describe("mebibytesOf", () => {
  const status = "VmPeak:\t  9999 kB\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n";

  it("reads the line of that name alone", () => {
    expect(mebibytesOf(status, "VmRSS")).toBe(2);
    expect(mebibytesOf(status, "VmHWM")).toBe(4);
  });

  it("does not take one name for the beginning of another", () => {
    expect(mebibytesOf("Pss_Anon:  1024 kB\nPss:  3072 kB\n", "Pss")).toBe(3);
  });

  it("says which line is missing", () => {
    expect(() => mebibytesOf(status, "Pss")).toThrow('"Pss: ... kB"');
  });
});

describe("memoryGroup", () => {
  it("finds the first version's own hierarchy, also where both are mounted", () => {
    const text = "12:cpu,cpuacct:/docker/a\n4:memory:/docker/b\n0::/\n";
    expect(memoryGroup(text)).toEqual({ version: 1, folder: "/sys/fs/cgroup/memory/docker/b" });
  });

  it("finds the second version's one hierarchy", () => {
    const text = "0::/system.slice/docker-c.scope\n";
    expect(memoryGroup(text)).toEqual({ version: 2, folder: "/sys/fs/cgroup/system.slice/docker-c.scope" });
  });

  it("has none for a process that is seen without its group", () => {
    expect(memoryGroup("0::/\n")).toBeUndefined();
  });
});

describe("kernelBytes", () => {
  it("reads the sum, and not what it is made of", () => {
    expect(kernelBytes("anon 5\nkernel_stack 7\nkernel 11\n")).toBe(11);
  });

  it("has none on a kernel that does not tell it", () => {
    expect(kernelBytes("anon 5\nkernel_stack 7\n")).toBeUndefined();
  });
});

describe("parseStat", () => {
  it("reads a name with brackets and blanks in it", () => {
    expect(parseStat("17 (a) (b) S 4 17 17 0 -1")).toEqual({ pid: 17, name: "a) (b", parent: 4 });
  });

  it("refuses what is no such line", () => {
    expect(() => parseStat("17 runner S 4")).toThrow("/proc/PID/stat");
  });
});

describe("familyOf", () => {
  it("takes children of children in, and neither parents nor siblings", () => {
    const parents = { 1: 0, 2: 1, 3: 2, 4: 3, 5: 1 };
    const processes = Object.entries(parents).map(([pid, parent]) => ({ pid: Number(pid), parent, name: "any" }));
    expect(familyOf(2, processes)).toEqual([2, 3, 4]);
  });
});
