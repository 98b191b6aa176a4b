import type { Language, LaneConfig } from "../config/schema.js";
import type { SandboxSpec } from "../container/runtime.js";

const MIB = 1024 * 1024;
const PREWARM = "/opt/matchbox/prewarm";
/** What the interpreter loads to tell the runner of its exit. */
const EXIT_NOTICE = "/opt/matchbox/exit-notice.so";

interface LanguageFacts {
  /** Where the program's text goes, in the workspace. */
  readonly mainFile: string;
  /** What the waiting interpreter finds its hook by. */
  readonly hook: string;
  readonly interpreter: string;
}

/** How each language waits; `sandbox/README.md` has the how and why of the hooks. */
export const LANGUAGE_FACTS: Readonly<Record<Language, LanguageFacts>> = {
  python: {
    mainFile: "main.py",
    hook: `PYTHONPATH=${PREWARM}/python`,
    interpreter: "python3",
  },
  shell: {
    mainFile: "main.sh",
    hook: `BASH_ENV=${PREWARM}/shell.sh`,
    interpreter: "bash",
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
    command: runnerArguments(lane),
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

/** How the runner starts the interpreter, and how that waits for its program. */
function runnerArguments({ language, preload }: LaneConfig): string[] {
  const { mainFile, hook, interpreter } = LANGUAGE_FACTS[language];
  const variables = preload.length === 0 ? [hook] : [hook, `MATCHBOX_PRELOAD=${preload.join(",")}`];
  return [
    ...variables.flatMap((variable) => ["--env", variable]),
    ...["--exit-notice", EXIT_NOTICE],
    ...["--main", mainFile, "--", interpreter, mainFile],
  ];
}
