import type { ContainerCreateOptions, HostConfig } from "dockerode";
import { containerName, DAEMON_LABEL, INSTANCE_LABEL, LANE_LABEL, SANDBOX_LABEL } from "./labels.js";
import type { FileSystemLimits, SandboxId, SandboxSpec } from "./runtime.js";

/** The user of the sandbox image, by number, so that no file of the image decides who it is. */
const SANDBOX_UID = 10_001;
const OWNED = `uid=${SANDBOX_UID},gid=${SANDBOX_UID}`;

/** Where every sandbox image has the runner. */
const RUNNER = "/opt/matchbox/runner";

/** Makes the kernel choose sandboxes before the host's own processes when the host itself runs out of memory. */
const OOM_SCORE_ADJ = 500;

/**
 * Limits of each process, besides its descriptors. All are at most what an engine has itself, so that one without
 * privileges can set them too. Not here, for it would do harm: processes, pending signals and message queues, which the
 * kernel counts by user, over all sandboxes. A low limit is one that a neighbour can use up; what bounds a sandbox alone
 * is its cgroup's memory and processes, and its IPC namespace.
 */
const ULIMITS = {
  // 1, not 0: no core file is that small, and 1 alone keeps the kernel from starting a crash handler, which runs as root
  // on the host and reads what the program made of itself. The profile keeps programs from setting it to 0.
  core: 1,
  // Real-time scheduling and a priority above others': neither is held by the cgroup's share of the processor.
  rtprio: 0,
  nice: 0,
  // What is locked cannot be reclaimed: pages of the image, which are on nobody's account, would stay for good.
  memlock: 64 * 1024,
} as const;

/** As many as any engine masks by itself; those that the host does not have cost nothing. */
const MAX_CPUS = 64;

/**
 * What tells of the host, or lets its state be watched, and no program needs. A list of ours takes the place of the
 * engine's, so all of theirs are here, those of engines to come as far as known.
 */
const MASKED_PATHS: readonly string[] = [
  // The engines' own.
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
  ...Array.from({ length: MAX_CPUS }, (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`),
  // The kernel's command line can hold credentials; the rest is a map for an attack on exactly this kernel.
  "/proc/cmdline",
  "/proc/config.gz",
  "/proc/kallsyms",
  "/proc/modules",
  "/sys/module",
  // How busy the whole host is, to the microsecond; and recent kernels let everybody set triggers there.
  "/proc/pressure",
  // Names, serial numbers and the start of the machine.
  "/proc/sys/kernel/random/boot_id",
  "/sys/devices/virtual/dmi",
];

/** The engines' own: what is left of /proc that could be written to. */
const READONLY_PATHS: readonly string[] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** What a container of ours may be told apart by. */
export interface ContainerIdentity {
  readonly id: SandboxId;
  readonly instance: string;
  /** The daemon's process, told apart from those before it. */
  readonly daemon: string;
  /** The network to join; undefined for none at all. */
  readonly network: { readonly name: string; readonly resolvers: readonly string[] } | undefined;
  /** Whether programs find `localhost` without /etc/hosts, which only an engine that sees to a network fills. */
  readonly resolvesLocalhost: boolean;
}

/** What the types of dockerode do not have yet. */
interface JailOptions extends ContainerCreateOptions {
  HostConfig: HostConfig & { CgroupnsMode: "private" };
}

/** The jail, as options of the engine's `create` call. Pure: `test/unit/container/docker-create-options.test.ts` holds every line. */
export function createOptions(spec: SandboxSpec, identity: ContainerIdentity): JailOptions {
  return {
    name: containerName(identity.id),
    Image: spec.image,
    // Ours, whatever the image says.
    Entrypoint: [RUNNER],
    Cmd: [...spec.command],
    User: `${SANDBOX_UID}:${SANDBOX_UID}`,
    WorkingDir: "/workspace",
    // The host's name and the container's id would tell a program where it runs.
    Hostname: "sandbox",
    // An engine takes care of the network of every container, even of one that is to have none, and for this runs itself
    // once more, all of dockerd, in the middle of the start. Told that there is nothing to take care of, it leaves the
    // runtime's own new namespace as it is, with a loopback and nothing else: less than half the time (ADR 7).
    NetworkDisabled: identity.network === undefined && identity.resolvesLocalhost,
    Labels: {
      [INSTANCE_LABEL]: identity.instance,
      [DAEMON_LABEL]: identity.daemon,
      [LANE_LABEL]: spec.lane,
      [SANDBOX_LABEL]: identity.id,
    },
    // The dead man's switch: when the one attached stdin is gone, it closes, and the runner exits.
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    // The runner heeds no signal, because the program can make its own look like the engine's.
    StopSignal: "SIGKILL",
    HostConfig: {
      // Takes the container away when its runner exits and no daemon is left to remove it.
      AutoRemove: true,
      NetworkMode: identity.network?.name ?? "none",
      // Given, so that the engine neither chooses among the host's resolvers nor writes them, and the host's domains, into
      // the sandbox's resolv.conf. Its own resolver passes on to these. Without a network nobody is asked: at the sandbox's
      // own loopback nobody listens, so that a question fails at once.
      Dns: [...(identity.network?.resolvers ?? ["127.0.0.1"])],
      DnsSearch: ["."],
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true", `seccomp=${spec.seccompProfile}`],
      ReadonlyRootfs: true,
      MaskedPaths: [...MASKED_PATHS, ...spec.maskedPaths],
      ReadonlyPaths: [...READONLY_PATHS],
      // "exec": compiled wheels and programs in the workspace must load; nosuid and nodev are what protects.
      Tmpfs: {
        "/workspace": tmpfs(spec.workspace, `exec,mode=0700,${OWNED}`),
        "/tmp": tmpfs(spec.tmp, "exec,mode=1777"),
        "/home/sandboxuser": tmpfs(spec.home, `exec,mode=0700,${OWNED}`),
        // In the place of the engine's own, which has no limit on entries; multiprocessing has its semaphores here.
        "/dev/shm": tmpfs(spec.sharedMemory, "noexec,mode=1777"),
      },
      Memory: spec.memoryBytes,
      // Equal to Memory: no swap.
      MemorySwap: spec.memoryBytes,
      NanoCpus: Math.round(spec.cpus * 1e9),
      PidsLimit: spec.pids,
      OomScoreAdj: OOM_SCORE_ADJ,
      Ulimits: Object.entries({ nofile: spec.openFiles, ...ULIMITS }).map(([Name, limit]) => ({
        Name,
        Soft: limit,
        Hard: limit,
      })),
      // Each daemon reads the streams itself; a log file would be a second copy that fills the host's disk.
      LogConfig: { Type: "none", Config: {} },
      IpcMode: "private",
      // Where both cgroup versions are about, engines default to the host's, whose paths have the container's id.
      CgroupnsMode: "private",
      RestartPolicy: { Name: "no" },
      ...(spec.ociRuntime === undefined ? {} : { Runtime: spec.ociRuntime }),
    },
  };
}

function tmpfs({ bytes, inodes }: FileSystemLimits, options: string): string {
  return `rw,nosuid,nodev,size=${bytes},nr_inodes=${inodes},${options}`;
}
