import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.js";
import { checkTrial } from "../../../src/doctor/trial-check.js";
import { sandboxSpec } from "../../../src/pool/spec.js";

const config = await loadConfig({ env: {} });
const spec = sandboxSpec("python", config.lanes["python"]!, {
  image: "image:1",
  ociRuntime: null,
  seccompProfile: "{}",
});
const steps = { createMs: 9.6, attachMs: 1, startMs: 80, readyMs: 40, runMs: 3, removeMs: 20 };

const STATUS = "/proc/self/status Name: bash CapBnd: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 Seccomp_filters: 1";
const V2 = [
  "/sys/fs/cgroup/memory.max 536870912",
  "/sys/fs/cgroup/memory.swap.max 0",
  "/sys/fs/cgroup/cpu.max 50000 100000",
  "/sys/fs/cgroup/pids.max 128",
  STATUS,
];
const V1 = [
  "/sys/fs/cgroup/memory/memory.limit_in_bytes 536870912",
  "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes 536870912",
  "/sys/fs/cgroup/cpu/cpu.cfs_quota_us 50000",
  "/sys/fs/cgroup/cpu/cpu.cfs_period_us 100000",
  "/sys/fs/cgroup/pids/pids.max 128",
  STATUS,
];

const check = (lines: readonly string[]) =>
  checkTrial({ kind: "ran", spec, steps, isDirect: true, output: `${lines.join("\n")}\n` });

describe("what a sandbox saw of its limits", () => {
  it.each([
    ["v2", V2],
    ["v1", V1],
  ])("is as its lane has them under cgroup %s", (_version, lines) => {
    const { status, finding } = check(lines);
    expect(status).toBe("ok");
    expect(finding).toContain("512 MiB");
    expect(finding).toContain("past the engine");
    expect(finding).toContain("create 10, attach 1, start 80, ready 40, run 3, remove 20 ms");
  });

  it.each([
    ["memory.max 536870912", "memory.max max", "memory is max"],
    ["memory.swap.max 0", "memory.swap.max max", "swap is max"],
    ["cpu.max 50000", "cpu.max max", "cpu is NaN"],
    ["cpu.max 50000", "cpu.max 51000", "cpu is 0.51"],
    ["pids.max 128", "pids.max max", "pids is max"],
    ["Seccomp: 2", "Seccomp: 0", "seccomp mode is 0"],
    ["NoNewPrivs: 1", "NoNewPrivs: 0", "NoNewPrivs is 0"],
    ["CapBnd: 0000000000000000", "CapBnd: 00000000a80425fb", "CapBnd is 00000000a80425fb"],
  ])("fails v2 with %s turned into %s", (good, bad, finding) => {
    const verdict = check(V2.map((line) => line.replace(good, bad)));
    expect(verdict).toMatchObject({ status: "fail", finding: expect.stringContaining(finding) });
  });

  it.each([
    ["limit_in_bytes 536870912", "limit_in_bytes 9223372036854771712"],
    ["cfs_quota_us 50000", "cfs_quota_us -1"],
  ])("fails v1 with %s turned into %s", (good, bad) => {
    expect(check(V1.map((line) => line.replace(good, bad)))).toMatchObject({ status: "fail" });
  });

  it.each(V2.map((line) => [line.split(" ")[0]!] as const))(
    "fails without %s: what cannot be seen may not be there",
    (path) => {
      expect(check(V2.filter((line) => !line.startsWith(`${path} `)))).toMatchObject({
        status: "fail",
        finding: expect.stringMatching(/unknown|NaN/),
      });
    },
  );

  it("is not claimed for a lane whose command nobody can write a program for", () => {
    expect(checkTrial({ kind: "waited", spec })).toMatchObject({
      status: "ok",
      finding: expect.stringContaining("was not read"),
    });
  });

  it("is told in the words of whatever kept it from starting", () => {
    expect(checkTrial({ kind: "failed", spec, reason: "no such image" })).toMatchObject({
      status: "fail",
      finding: "no such image",
    });
  });
});
