import type { Language, LaneConfig } from "../config/schema.js";
import type { SandboxSpec } from "../container/runtime.js";

const MIB = 1024 * 1024;
const PREWARM = "/opt/matchbox/prewarm";

interface LanguageFacts {
  /** Where the program's text goes, in the workspace. */
  readonly mainFile: string;
  /** Arguments of the runner: how the interpreter waits for that file. */
  readonly command: readonly string[];
}

/** How each language waits; `sandbox/README.md` has the how and why of the hooks. */
export const LANGUAGE_FACTS: Readonly<Record<Language, LanguageFacts>> = {
  python: {
    mainFile: "main.py",
    command: ["--env", `PYTHONPATH=${PREWARM}/python`, "--main", "main.py", "--", "python3", "main.py"],
  },
  shell: {
    mainFile: "main.sh",
    command: ["--env", `BASH_ENV=${PREWARM}/shell.sh`, "--main", "main.sh", "--", "bash", "main.sh"],
  },
};

/** What a lane's configuration means to the engine. */
export function sandboxSpec(
  name: string,
  lane: LaneConfig,
  defaults: { image: string; ociRuntime: string | null; seccompProfile: string },
): SandboxSpec {
  return {
    lane: name,
    image: lane.image ?? defaults.image,
    command: LANGUAGE_FACTS[lane.language].command,
    memoryBytes: lane.memoryMiB * MIB,
    cpus: lane.cpus,
    pids: lane.pids,
    openFiles: lane.openFiles,
    workspace: { bytes: lane.workspaceMiB * MIB, inodes: lane.workspaceInodes },
    tmp: { bytes: lane.tmpMiB * MIB, inodes: lane.tmpInodes },
    home: { bytes: lane.homeMiB * MIB, inodes: lane.homeInodes },
    sharedMemory: { bytes: lane.shmMiB * MIB, inodes: lane.shmInodes },
    maskedPaths: lane.maskedPaths,
    network: lane.network,
    ociRuntime: defaults.ociRuntime ?? undefined,
    seccompProfile: defaults.seccompProfile,
  };
}
