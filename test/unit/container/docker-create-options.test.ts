import { describe, expect, it } from "vitest";
import { createOptions } from "../../../src/container/docker-create-options.js";
import { newSandboxId } from "../../../src/container/labels.js";
import type { SandboxId, SandboxSpec } from "../../../src/container/runtime.js";

const id = "00112233445566778899aabbccddeeff" as SandboxId;
const spec: SandboxSpec = {
  lane: "python",
  image: "matchbox-sandbox:abc",
  command: ["--main", "main.py", "--", "python3", "main.py"],
  memoryBytes: 536_870_912,
  cpus: 0.5,
  pids: 128,
  openFiles: 1_024,
  workspaceBytes: 1_000,
  tmpBytes: 2_000,
  homeBytes: 3_000,
  network: "none",
  ociRuntime: undefined,
  seccompProfile: '{"defaultAction":"SCMP_ACT_ERRNO"}',
};

const closed = (changes: Partial<SandboxSpec> = {}) =>
  createOptions({ ...spec, ...changes }, { id, instance: "host/1", daemon: "d1", network: undefined });

describe("the options of a container", () => {
  it("are these, every one of them", () => {
    expect(closed()).toEqual({
      name: `matchbox-${id}`,
      Image: "matchbox-sandbox:abc",
      Entrypoint: ["/opt/matchbox/runner"],
      Cmd: ["--main", "main.py", "--", "python3", "main.py"],
      User: "10001:10001",
      WorkingDir: "/workspace",
      Hostname: "sandbox",
      Labels: { matchbox: "host/1", "matchbox.daemon": "d1", "matchbox.lane": "python", "matchbox.sandbox": id },
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      StopSignal: "SIGKILL",
      HostConfig: {
        AutoRemove: true,
        NetworkMode: "none",
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges:true", 'seccomp={"defaultAction":"SCMP_ACT_ERRNO"}'],
        ReadonlyRootfs: true,
        Tmpfs: {
          "/workspace": "rw,exec,nosuid,nodev,size=1000,nr_inodes=65536,mode=0700,uid=10001,gid=10001",
          "/tmp": "rw,exec,nosuid,nodev,size=2000,nr_inodes=65536,mode=1777",
          "/home/sandboxuser": "rw,exec,nosuid,nodev,size=3000,nr_inodes=65536,mode=0700,uid=10001,gid=10001",
        },
        ShmSize: 67_108_864,
        Memory: 536_870_912,
        MemorySwap: 536_870_912,
        NanoCpus: 500_000_000,
        PidsLimit: 128,
        OomScoreAdj: 500,
        Ulimits: [
          { Name: "nofile", Soft: 1_024, Hard: 1_024 },
          { Name: "core", Soft: 0, Hard: 0 },
        ],
        LogConfig: { Type: "none", Config: {} },
        IpcMode: "private",
        RestartPolicy: { Name: "no" },
      },
    });
  });

  it("open nothing of the host: no mounts, no devices, no ports, no privileges, no shared namespaces", () => {
    const { HostConfig, ...rest } = closed();
    const forbidden = [
      "Binds",
      "Mounts",
      "VolumesFrom",
      "Devices",
      "DeviceRequests",
      "DeviceCgroupRules",
      "PortBindings",
      "PublishAllPorts",
      "Privileged",
      "CapAdd",
      "GroupAdd",
      "PidMode",
      "UTSMode",
      "UsernsMode",
      "CgroupParent",
      "CgroupnsMode",
      "Links",
      "ExtraHosts",
      "Sysctls",
      "OomKillDisable",
    ];
    for (const key of forbidden) expect(HostConfig).not.toHaveProperty(key);
    for (const key of ["Volumes", "ExposedPorts", "Env", "Healthcheck"]) expect(rest).not.toHaveProperty(key);
  });

  it("never say unconfined: without a profile of ours the engine's own holds", () => {
    expect(closed({ seccompProfile: undefined }).HostConfig?.SecurityOpt).toEqual(["no-new-privileges:true"]);
    expect(JSON.stringify(closed())).not.toContain("unconfined");
  });

  it("allow no swap, whatever the memory", () => {
    const host = closed({ memoryBytes: 16_777_216 }).HostConfig;
    expect([host?.Memory, host?.MemorySwap]).toEqual([16_777_216, 16_777_216]);
  });

  it.each([
    [0.05, 50_000_000],
    [0.1, 100_000_000],
    [0.3, 300_000_000],
    [2, 2_000_000_000],
  ])("give %d processors as whole billionths", (cpus, nano) => {
    expect(closed({ cpus }).HostConfig?.NanoCpus).toBe(nano);
  });

  it("join our own network, with resolvers that we chose, only where the lane has one", () => {
    const network = { name: "matchbox-1", resolvers: ["9.9.9.9"] };
    expect(
      createOptions({ ...spec, network: "egress" }, { id, instance: "i", daemon: "d1", network }).HostConfig,
    ).toMatchObject({
      NetworkMode: "matchbox-1",
      Dns: ["9.9.9.9"],
    });
    expect(closed().HostConfig).not.toHaveProperty("Dns");
  });

  it("name a runtime only where one was chosen", () => {
    expect(closed({ ociRuntime: "crun" }).HostConfig).toMatchObject({ Runtime: "crun" });
    expect(closed().HostConfig).not.toHaveProperty("Runtime");
  });

  it("are the same for the same spec, and share nothing with it", () => {
    expect(closed()).toEqual(closed());
    expect(closed().Cmd).not.toBe(spec.command);
  });
});

describe("the id of a sandbox", () => {
  it("is 128 random bits", () => {
    const ids = new Set(Array.from({ length: 1_000 }, newSandboxId));
    expect(ids.size).toBe(1_000);
    for (const one of ids) expect(one).toMatch(/^[0-9a-f]{32}$/);
  });
});
