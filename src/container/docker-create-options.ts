import type { ContainerCreateOptions } from "dockerode";
import { containerName, DAEMON_LABEL, INSTANCE_LABEL, LANE_LABEL, SANDBOX_LABEL } from "./labels.js";
import type { SandboxId, SandboxSpec } from "./runtime.js";

/** The user of the sandbox image, by number, so that no file of the image decides who it is. */
const SANDBOX_UID = 10_001;
const OWNED = `uid=${SANDBOX_UID},gid=${SANDBOX_UID}`;

/** Where every sandbox image has the runner. */
const RUNNER = "/opt/matchbox/runner";

const MIB = 1024 * 1024;
/** multiprocessing needs POSIX semaphores in /dev/shm; its pages count toward the container's memory. */
const SHM_BYTES = 64 * MIB;
/** Entries of one tmpfs; without it 10 million empty files cost the host kernel memory and a slow removal. */
const TMPFS_INODES = 65_536;
/** Makes the kernel choose sandboxes before the host's own processes when the host itself runs out of memory. */
const OOM_SCORE_ADJ = 500;

/** What a container of ours may be told apart by. */
export interface ContainerIdentity {
  readonly id: SandboxId;
  readonly instance: string;
  /** The daemon's process, told apart from those before it. */
  readonly daemon: string;
  /** The network to join; undefined for none at all. */
  readonly network: { readonly name: string; readonly resolvers: readonly string[] } | undefined;
}

/** The jail, as options of the engine's `create` call. Pure: `test/unit/container/docker-create-options.test.ts` holds every line. */
export function createOptions(spec: SandboxSpec, identity: ContainerIdentity): ContainerCreateOptions {
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
      // Given, so that the engine does not choose among the host's; its own resolver passes on to these.
      ...(identity.network === undefined ? {} : { Dns: [...identity.network.resolvers] }),
      CapDrop: ["ALL"],
      SecurityOpt: [
        "no-new-privileges:true",
        ...(spec.seccompProfile === undefined ? [] : [`seccomp=${spec.seccompProfile}`]),
      ],
      ReadonlyRootfs: true,
      // "exec": compiled wheels and programs in the workspace must load; nosuid and nodev are what protects.
      Tmpfs: {
        "/workspace": tmpfs(spec.workspaceBytes, `mode=0700,${OWNED}`),
        "/tmp": tmpfs(spec.tmpBytes, "mode=1777"),
        "/home/sandboxuser": tmpfs(spec.homeBytes, `mode=0700,${OWNED}`),
      },
      ShmSize: SHM_BYTES,
      Memory: spec.memoryBytes,
      // Equal to Memory: no swap.
      MemorySwap: spec.memoryBytes,
      NanoCpus: Math.round(spec.cpus * 1e9),
      PidsLimit: spec.pids,
      OomScoreAdj: OOM_SCORE_ADJ,
      Ulimits: [
        { Name: "nofile", Soft: spec.openFiles, Hard: spec.openFiles },
        { Name: "core", Soft: 0, Hard: 0 },
      ],
      // Each daemon reads the streams itself; a log file would be a second copy that fills the host's disk.
      LogConfig: { Type: "none", Config: {} },
      IpcMode: "private",
      RestartPolicy: { Name: "no" },
      ...(spec.ociRuntime === undefined ? {} : { Runtime: spec.ociRuntime }),
    },
  };
}

function tmpfs(bytes: number, options: string): string {
  return `rw,exec,nosuid,nodev,size=${bytes},nr_inodes=${TMPFS_INODES},${options}`;
}
