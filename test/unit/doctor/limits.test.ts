import { describe, expect, it } from "vitest";
import { checkLimits, checkMemory, checkOpenFiles } from "../../../src/doctor/limits.js";
import { parseOpenFilesLimit } from "../../../src/doctor/machine.js";

const GIB = 1024 ** 3;

describe("the check of limits", () => {
  const good = {
    CgroupVersion: "2",
    CgroupDriver: "systemd",
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsQuota: true,
    PidsLimit: true,
    SecurityOptions: [],
  };

  it("names version, driver and what is in force", () => {
    expect(checkLimits(good)).toEqual({
      status: "ok",
      finding: "cgroup v2, driver systemd; in force: memory, swap, cpu, pids",
    });
  });

  it.each([
    { key: "MemoryLimit", status: "fail", fix: "cgroup_enable=memory" },
    { key: "SwapLimit", status: "warn", fix: "swapaccount=1" },
    { key: "CpuCfsQuota", status: "fail", fix: "CONFIG_CFS_BANDWIDTH" },
    { key: "PidsLimit", status: "fail", fix: "CONFIG_CGROUP_PIDS" },
  ])("takes the loss of $key for $status", ({ key, status, fix }) => {
    expect(checkLimits({ ...good, [key]: false })).toMatchObject({ status, fix: expect.stringContaining(fix) });
  });

  it("tells a user's engine to have the controllers delegated", () => {
    const rootless = { ...good, SecurityOptions: ["name=rootless"] };
    const delegate = expect.stringContaining("Delegate=");
    expect(checkLimits({ ...rootless, CpuCfsQuota: false })).toMatchObject({ status: "fail", fix: delegate });
    expect(checkLimits({ ...rootless, CgroupDriver: "none" })).toMatchObject({ status: "fail", fix: delegate });
  });

  it("fails without a driver, whatever the engine claims", () => {
    expect(checkLimits({ ...good, CgroupDriver: "none" })).toMatchObject({ status: "fail" });
  });

  it("does not take silence for a yes", () => {
    expect(checkLimits({ ...good, PidsLimit: undefined })).toMatchObject({
      status: "warn",
      finding: expect.stringContaining("limits pids"),
    });
  });
});

describe("the check of memory", () => {
  const lane = (name: string, warm: number, maxSandboxes: number, memoryMiB: number) => ({
    ...{ name, warm, maxSandboxes, memoryMiB },
  });

  it("is content when all sandboxes together fit exactly", () => {
    expect(checkMemory([lane("a", 4, 8, 512), lane("b", 4, 8, 512)], 8 * GIB)).toEqual({
      status: "ok",
      finding: "stock about 80 MiB, all sandboxes full 8.0 GiB, the machine has 8.0 GiB",
    });
  });

  it("warns when they do not, with numbers that would fit", () => {
    const verdict = checkMemory([lane("a", 4, 32, 512), lane("b", 4, 8, 2048)], 16 * GIB);
    expect(verdict).toMatchObject({
      status: "warn",
      fix: "Lower memoryMiB, or: --set lanes.a.maxSandboxes=16 --set lanes.b.maxSandboxes=4",
    });
    expect(checkMemory([lane("a", 4, 16, 512), lane("b", 4, 4, 2048)], 16 * GIB)).toMatchObject({ status: "ok" });
  });

  it("suggests no lane that is smaller than its stock", () => {
    const verdict = checkMemory([lane("a", 30, 32, 512), lane("b", 0, 32, 512)], 16 * GIB);
    expect(verdict).toMatchObject({ status: "warn", fix: expect.stringContaining("warm") });
    expect(verdict).not.toMatchObject({ fix: expect.stringContaining("--set") });
  });

  it("fails when not even the stock fits", () => {
    expect(checkMemory([lane("a", 200, 200, 16)], GIB)).toMatchObject({ status: "fail" });
  });

  it("says nothing where the engine does not", () => {
    expect(checkMemory([lane("a", 1, 1, 16)], undefined)).toMatchObject({ status: "skip" });
  });
});

describe("the check of open files", () => {
  const needs = { maxConnections: 1000, lanes: [{ maxSandboxes: 32 }, { maxSandboxes: 32 }] };

  it("counts connections, sandboxes and the daemon itself", () => {
    expect(checkOpenFiles(needs, 1256)).toMatchObject({ status: "ok" });
    expect(checkOpenFiles(needs, 1255)).toMatchObject({
      status: "warn",
      fix: expect.stringContaining("LimitNOFILE=1256"),
    });
  });

  it("reads the limit as the kernel writes it", () => {
    const head = "Limit                     Soft Limit           Hard Limit           Units     \n";
    expect(
      parseOpenFilesLimit(`${head}Max open files            1024                 524288               files     \n`),
    ).toBe(1024);
    expect(
      parseOpenFilesLimit(`${head}Max open files            unlimited            unlimited            files     \n`),
    ).toBe(undefined);
    expect(checkOpenFiles(needs, undefined)).toMatchObject({ status: "ok" });
  });
});
