import type { ContainerCreateOptions, DeviceRequest, HostConfig, MountSettings } from "dockerode";
import { containerName, DAEMON_LABEL, INSTANCE_LABEL, LANE_LABEL, SANDBOX_LABEL } from "./labels.js";
import type { FileSystemLimits, SandboxId, SandboxSpec } from "./runtime.js";

/** Where every sandbox has the runner and its hooks: in the image, or mounted. */
export const RUNNER_FOLDER = "/opt/matchbox";
const RUNNER = `${RUNNER_FOLDER}/runner`;

/** The same in every image, because the image may not know the user. */
const HOME = "/home/sandboxuser";

/** Of every sandbox: the host's, and the container's id, would tell a program where it runs. */
const HOSTNAME = "sandbox";

/**
 * What programs find set, unless their lane says otherwise. LeakSanitizer, which GCC and Clang build into programs with
 * -fsanitize=address, traces the program at its end, and without ptrace it ends it with an error of its own.
 */
const VARIABLES = { HOME, LSAN_OPTIONS: "detect_leaks=0" };

/** Without it `localhost` means ::1 first, as a new network namespace has it; no engine leaves it on where there is no IPv6. */
export const IPV6_SWITCH = "net.ipv6.conf.all.disable_ipv6";

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

/** What of an image decides how its containers are made. */
export interface ImageTraits {
  /** What its name meant when it was looked at. */
  readonly imageId: string;
  /** Whether programs find `localhost` without /etc/hosts, which only an engine that sees to a network fills. */
  readonly resolvesLocalhost: boolean;
  /** Folders for which it asks for a volume. */
  readonly imageVolumes: readonly string[];
  /** Names of the variables that it sets. */
  readonly imageVariables: readonly string[];
}

/** What a container stands on besides its spec. */
export interface Surroundings extends ImageTraits {
  /** Whether the engine's kernel is known to have IPv6, which can be switched off in a container then. */
  readonly hasIPv6: boolean;
  /** The volume with the runner; undefined where the image has it. */
  readonly runnerVolume: string | undefined;
}

/** What a container of ours may be told apart by. */
export interface ContainerIdentity {
  readonly sandbox: SandboxId;
  readonly instance: string;
  /** The daemon's process, told apart from those before it. */
  readonly daemon: string;
  /** The network to join; undefined for none at all. */
  readonly network: { readonly name: string; readonly resolvers: readonly string[] } | undefined;
}

/** What the types of dockerode do not have yet. */
interface JailOptions extends ContainerCreateOptions {
  HostConfig: HostConfig & { CgroupnsMode: "private" };
}

/** An image that says something of its own knows better. */
function suggestedVariables({ suggestedEnv }: SandboxSpec, { imageVariables }: ImageTraits): Record<string, string> {
  return Object.fromEntries(Object.entries(suggestedEnv).filter(([name]) => !imageVariables.includes(name)));
}

/** The jail, as options of the engine's `create` call. Pure: `test/unit/container/docker-create-options.test.ts` holds every line. */
export function createOptions(spec: SandboxSpec, identity: ContainerIdentity, about: Surroundings): JailOptions {
  const { uid, gid } = spec.user;
  const owned = `exec,mode=0700,uid=${uid},gid=${gid}`;
  // An engine takes care of the network of every container, even of one that is to have none, and for this runs itself
  // once more, all of dockerd, in the middle of the start. Told that there is nothing to take care of, it leaves the
  // runtime's own new namespace as it is, with a loopback and nothing else: less than half the time (ADR 7).
  const networkDisabled = identity.network === undefined && about.resolvesLocalhost;
  return {
    name: containerName(identity.sandbox),
    Image: spec.image,
    // Ours, whatever the image says.
    Entrypoint: [RUNNER],
    Cmd: [...spec.command],
    User: `${uid}:${gid}`,
    Env: Object.entries({ ...suggestedVariables(spec, about), ...VARIABLES, ...spec.env }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    WorkingDir: "/workspace",
    Hostname: HOSTNAME,
    NetworkDisabled: networkDisabled,
    Labels: {
      [INSTANCE_LABEL]: identity.instance,
      [DAEMON_LABEL]: identity.daemon,
      [LANE_LABEL]: spec.lane,
      [SANDBOX_LABEL]: identity.sandbox,
    },
    // The dead man's switch: when the one attached stdin is gone, it closes, and the runner exits.
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    // An image's own would be started in the sandbox again and again, beside the program.
    Healthcheck: { Test: ["NONE"] },
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
      // On a network the engine adds the name by itself. An address of its own, as Debian has it: by 127.0.0.1 it would be
      // found as localhost.
      ...(identity.network === undefined && !networkDisabled ? { ExtraHosts: [`${HOSTNAME}:127.0.1.1`] } : {}),
      ...(networkDisabled && about.hasIPv6 ? { Sysctls: { [IPV6_SWITCH]: "1" } } : {}),
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true", `seccomp=${spec.seccompProfile}`],
      ReadonlyRootfs: true,
      MaskedPaths: [...MASKED_PATHS, ...spec.maskedPaths],
      ReadonlyPaths: [...READONLY_PATHS],
      ...(about.runnerVolume === undefined ? {} : { Mounts: [runnerMount(about.runnerVolume, identity)] }),
      // "exec": compiled wheels and programs in the workspace must load; nosuid and nodev are what protects.
      Tmpfs: {
        // In the place of volumes, which would be folders on the host's disk, without a limit and open to be written.
        ...Object.fromEntries(about.imageVolumes.map((folder) => [folder, tmpfs(spec.tmp, owned)])),
        "/workspace": tmpfs(spec.workspace, owned),
        "/tmp": tmpfs(spec.tmp, "exec,mode=1777"),
        "/var/tmp": tmpfs(spec.tmp, "exec,mode=1777"),
        [HOME]: tmpfs(spec.home, owned),
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
      ...(spec.gpus === undefined ? {} : { DeviceRequests: [gpuRequest(spec.gpus)] }),
    },
  };
}

/**
 * Read-only, and never filled with what the image may have in that place. The labels are for one that the engine makes
 * because somebody has removed ours: the sweep finds it by them.
 */
function runnerMount(volume: string, { instance, daemon }: ContainerIdentity): MountSettings {
  return {
    Type: "volume",
    Source: volume,
    Target: RUNNER_FOLDER,
    ReadOnly: true,
    VolumeOptions: {
      NoCopy: true,
      Labels: { [INSTANCE_LABEL]: instance, [DAEMON_LABEL]: daemon },
      DriverConfig: { Name: "local", Options: {} },
    },
  };
}

/** As `docker run --gpus` asks for them. */
function gpuRequest(gpus: NonNullable<SandboxSpec["gpus"]>): DeviceRequest {
  const capabilities = { Driver: "", Capabilities: [["gpu"]], Options: {} };
  if (typeof gpus === "object") return { ...capabilities, Count: 0, DeviceIDs: [...gpus] };
  return { ...capabilities, Count: gpus === "all" ? -1 : gpus };
}

function tmpfs({ bytes, inodes }: FileSystemLimits, options: string): string {
  return `rw,nosuid,nodev,size=${bytes},nr_inodes=${inodes},${options}`;
}
