import { describe, expect, it } from "vitest";
import { createOptions, type Surroundings } from "../../../src/container/docker-create-options.js";
import { newSandboxId } from "../../../src/container/labels.js";
import type { SandboxId, SandboxSpec } from "../../../src/container/runtime.js";

const id = "00112233445566778899aabbccddeeff" as SandboxId;
const spec: SandboxSpec = {
  lane: "python",
  image: "matchbox-sandbox:abc",
  runnerImage: undefined,
  env: { LANE: "a b=c" },
  suggestedEnv: {},
  user: { uid: 10_001, gid: 10_002 },
  gpus: undefined,
  command: ["--main", "main.py", "--", "python3", "main.py"],
  memoryBytes: 536_870_912,
  cpus: 0.5,
  pids: 128,
  openFiles: 1_024,
  workspace: { bytes: 1_000, inodes: 10 },
  tmp: { bytes: 2_000, inodes: 20 },
  home: { bytes: 3_000, inodes: 30 },
  sharedMemory: { bytes: 4_000, inodes: 40 },
  maskedPaths: ["/usr/bin/curl"],
  network: "none",
  ociRuntime: undefined,
  seccompProfile: '{"defaultAction":"SCMP_ACT_ERRNO"}',
};

const identity = { sandbox: id, instance: "host/1", daemon: "d1", network: undefined };
const about: Surroundings = {
  imageId: "sha256:abc",
  resolvesLocalhost: true,
  hasIPv6: true,
  imageVolumes: [],
  imageVariables: [],
  runnerVolume: undefined,
};

const closed = (changes: Partial<SandboxSpec> = {}, surroundings: Partial<Surroundings> = {}) =>
  createOptions({ ...spec, ...changes }, identity, { ...about, ...surroundings });

describe("the options of a container", () => {
  it("are these, every one of them", () => {
    expect(closed()).toEqual({
      name: `matchbox-${id}`,
      Image: "matchbox-sandbox:abc",
      Entrypoint: ["/opt/matchbox/runner"],
      Cmd: ["--main", "main.py", "--", "python3", "main.py"],
      User: "10001:10002",
      Env: ["HOME=/home/sandboxuser", "LSAN_OPTIONS=detect_leaks=0", "LANE=a b=c"],
      WorkingDir: "/workspace",
      Hostname: "sandbox",
      NetworkDisabled: true,
      Labels: { matchbox: "host/1", "matchbox.daemon": "d1", "matchbox.lane": "python", "matchbox.sandbox": id },
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      StopSignal: "SIGKILL",
      Healthcheck: { Test: ["NONE"] },
      HostConfig: {
        AutoRemove: true,
        NetworkMode: "none",
        Dns: ["127.0.0.1"],
        DnsSearch: ["."],
        Sysctls: { "net.ipv6.conf.all.disable_ipv6": "1" },
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges:true", 'seccomp={"defaultAction":"SCMP_ACT_ERRNO"}'],
        ReadonlyRootfs: true,
        MaskedPaths: expect.any(Array) as string[],
        ReadonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        Tmpfs: {
          "/workspace": "rw,nosuid,nodev,size=1000,nr_inodes=10,exec,mode=0700,uid=10001,gid=10002",
          "/tmp": "rw,nosuid,nodev,size=2000,nr_inodes=20,exec,mode=1777",
          "/var/tmp": "rw,nosuid,nodev,size=2000,nr_inodes=20,exec,mode=1777",
          "/home/sandboxuser": "rw,nosuid,nodev,size=3000,nr_inodes=30,exec,mode=0700,uid=10001,gid=10002",
          "/dev/shm": "rw,nosuid,nodev,size=4000,nr_inodes=40,noexec,mode=1777",
        },
        Memory: 536_870_912,
        MemorySwap: 536_870_912,
        NanoCpus: 500_000_000,
        PidsLimit: 128,
        OomScoreAdj: 500,
        Ulimits: [
          { Name: "nofile", Soft: 1_024, Hard: 1_024 },
          { Name: "core", Soft: 1, Hard: 1 },
          { Name: "rtprio", Soft: 0, Hard: 0 },
          { Name: "nice", Soft: 0, Hard: 0 },
          { Name: "memlock", Soft: 65_536, Hard: 65_536 },
        ],
        LogConfig: { Type: "none", Config: {} },
        IpcMode: "private",
        CgroupnsMode: "private",
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
      "Links",
      "ExtraHosts",
      "OomKillDisable",
    ];
    for (const key of forbidden) expect(HostConfig).not.toHaveProperty(key);
    for (const key of ["Volumes", "ExposedPorts"]) expect(rest).not.toHaveProperty(key);
  });

  it("always have the spec's profile, and never say unconfined", () => {
    expect(closed({ seccompProfile: "{1}" }).HostConfig.SecurityOpt).toEqual(["no-new-privileges:true", "seccomp={1}"]);
    expect(JSON.stringify(closed())).not.toContain("unconfined");
  });

  it.each([
    // What moby masks by itself: 20.10, and what later ones have added.
    ..."acpi asound kcore keys latency_stats sched_debug scsi timer_list timer_stats interrupts"
      .split(" ")
      .map((name) => `/proc/${name}`),
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
    "/sys/devices/system/cpu/cpu0/thermal_throttle",
    "/sys/devices/system/cpu/cpu63/thermal_throttle",
    // Ours.
    ..."cmdline config.gz kallsyms modules pressure".split(" ").map((name) => `/proc/${name}`),
    "/sys/module",
    "/sys/devices/virtual/dmi",
    "/proc/sys/kernel/random/boot_id",
    // The lane's.
    "/usr/bin/curl",
  ])("mask %s", (path) => {
    expect(closed().HostConfig.MaskedPaths).toContain(path);
  });

  it("leave what the kernel counts by user, over all sandboxes, as the engine has it", () => {
    const names = closed().HostConfig.Ulimits?.map(({ Name }) => Name);
    expect(names).toHaveLength(5);
    for (const shared of ["nproc", "sigpending", "msgqueue"]) expect(names).not.toContain(shared);
  });

  it("allow no swap, whatever the memory", () => {
    const host = closed({ memoryBytes: 16_777_216 }).HostConfig;
    expect([host.Memory, host.MemorySwap]).toEqual([16_777_216, 16_777_216]);
  });

  it.each([
    [0.05, 50_000_000],
    [0.1, 100_000_000],
    [0.3, 300_000_000],
    [2, 2_000_000_000],
  ])("give %d processors as whole billionths", (cpus, nano) => {
    expect(closed({ cpus }).HostConfig.NanoCpus).toBe(nano);
  });

  it("join our own network, with resolvers that we chose, only where the lane has one", () => {
    const network = { name: "matchbox-1", resolvers: ["9.9.9.9"] };
    expect(createOptions({ ...spec, network: "egress" }, { ...identity, network }, about)).toMatchObject({
      NetworkDisabled: false,
      HostConfig: { NetworkMode: "matchbox-1", Dns: ["9.9.9.9"], DnsSearch: ["."] },
    });
  });

  it("leave /etc/hosts to the engine for images that need it, and do not tell it the host's resolvers or domains", () => {
    expect(closed({}, { resolvesLocalhost: false })).toMatchObject({
      NetworkDisabled: false,
      HostConfig: { NetworkMode: "none", Dns: ["127.0.0.1"], DnsSearch: ["."] },
    });
  });

  it("give the sandbox's name to /etc/hosts where the engine fills it and has no network to name", () => {
    const network = { name: "matchbox-1", resolvers: ["9.9.9.9"] };
    const named = createOptions({ ...spec, network: "egress" }, { ...identity, network }, about);
    expect(closed({}, { resolvesLocalhost: false }).HostConfig.ExtraHosts).toEqual(["sandbox:127.0.1.1"]);
    for (const { HostConfig } of [closed(), named]) expect(HostConfig).not.toHaveProperty("ExtraHosts");
  });

  it("switch IPv6 off where no engine does it, unless the kernel may have none", () => {
    for (const surroundings of [{ hasIPv6: false }, { resolvesLocalhost: false }]) {
      expect(closed({}, surroundings).HostConfig).not.toHaveProperty("Sysctls");
    }
  });

  it("name a runtime only where one was chosen", () => {
    expect(closed({ ociRuntime: "crun" }).HostConfig).toMatchObject({ Runtime: "crun" });
    expect(closed().HostConfig).not.toHaveProperty("Runtime");
  });

  it("mount the runner read-only, and nothing else, into an image that has none", () => {
    const { Mounts, ...rest } = closed({}, { runnerVolume: "volume-1" }).HostConfig;
    expect(Mounts).toEqual([
      {
        Type: "volume",
        Source: "volume-1",
        Target: "/opt/matchbox",
        ReadOnly: true,
        VolumeOptions: {
          NoCopy: true,
          Labels: { matchbox: "host/1", "matchbox.daemon": "d1" },
          DriverConfig: { Name: "local", Options: {} },
        },
      },
    ]);
    expect(rest).toEqual(closed().HostConfig);
  });

  it("has the suggested variables, where neither the image nor the lane has its own", () => {
    const suggestedEnv = { LANE: "1", IMAGE: "1", FREE: "1" };
    expect(closed({ suggestedEnv }, { imageVariables: ["IMAGE"] }).Env?.toSorted()).toEqual([
      ...["FREE=1", "HOME=/home/sandboxuser", "LANE=a b=c", "LSAN_OPTIONS=detect_leaks=0"],
    ]);
  });

  it("put memory with a limit in the place of every volume that the image asks for, and keep our own folders", () => {
    const { Tmpfs } = closed({}, { imageVolumes: ["/data", "/workspace"] }).HostConfig;
    expect(Tmpfs).toEqual({
      ...(closed().HostConfig.Tmpfs as object),
      "/data": "rw,nosuid,nodev,size=2000,nr_inodes=20,exec,mode=0700,uid=10001,gid=10002",
    });
  });

  it("let the lane's variables win over ours", () => {
    expect(closed({ env: { HOME: "/tmp", LSAN_OPTIONS: "" } }).Env).toEqual(["HOME=/tmp", "LSAN_OPTIONS="]);
  });

  it.each([
    ["all" as const, { Count: -1 }],
    [2, { Count: 2 }],
    [["0", "GPU-3faa8e"], { Count: 0, DeviceIDs: ["0", "GPU-3faa8e"] }],
  ])("ask for graphics processors as docker run --gpus does: %j", (gpus, request) => {
    const { DeviceRequests, ...rest } = closed({ gpus }).HostConfig;
    expect(DeviceRequests).toEqual([{ Driver: "", Capabilities: [["gpu"]], Options: {}, ...request }]);
    expect(rest).toEqual(closed().HostConfig);
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
