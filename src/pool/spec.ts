import type { Language, LaneConfig } from "../config/schema.js";
import type { SandboxSpec } from "../container/runtime.js";

const MIB = 1024 * 1024;
const PREWARM = "/opt/matchbox/prewarm";
/** What the interpreter loads to tell the runner of its exit. */
const EXIT_NOTICE = "/opt/matchbox/exit-notice.so";

interface LanguageFacts {
  /** Where the program's text goes, in the workspace. */
  readonly mainFile: string;
  /** What the runner is told so that the interpreter waits, in its hook or not yet started. */
  readonly waiting: readonly string[];
  readonly interpreter: readonly string[];
}

/** How each language waits; `sandbox/README.md` has the how and why of the hooks. */
const LANGUAGE_FACTS: Readonly<Record<Language, LanguageFacts>> = {
  python: {
    mainFile: "main.py",
    waiting: ["--prepend", `PYTHONPATH=${PREWARM}/python:`, "--exit-notice", EXIT_NOTICE],
    interpreter: ["python3"],
  },
  shell: {
    mainFile: "main.sh",
    waiting: ["--env", `BASH_ENV=${PREWARM}/shell.sh`, "--exit-notice", EXIT_NOTICE],
    interpreter: ["bash"],
  },
  node: {
    mainFile: "main.js",
    // Without the exit notice, which a process with threads never sends, and Node always has some.
    waiting: ["--prepend", `NODE_OPTIONS=--require=${PREWARM}/node/wait.cjs `],
    interpreter: ["node"],
  },
  other: {
    mainFile: "main",
    // Without the exit notice: nobody knows whether the program's C library would take its traces away.
    waiting: ["--start", "run"],
    interpreter: [],
  },
};

/** The name of the file that the code becomes, in the workspace. */
export function mainFileOf({ mainFile, language }: Pick<LaneConfig, "mainFile" | "language">): string {
  return mainFile ?? LANGUAGE_FACTS[language].mainFile;
}

/**
 * What a lane's configuration means to the engine.
 * @param defaults.image Matchbox's own for the lane; where the lane has another one, the runner comes from this
 */
export function sandboxSpec(
  name: string,
  lane: LaneConfig,
  defaults: { image: string; ociRuntime: string | null; seccompProfile: string },
): SandboxSpec {
  const image = lane.image ?? defaults.image;
  const [uid, gid] = lane.user.split(":");
  return {
    lane: name,
    image,
    runnerImage: image === defaults.image ? undefined : defaults.image,
    command: runnerArguments(lane),
    env: lane.env,
    suggestedEnv: processorVariables(lane.cpus),
    user: { uid: Number(uid), gid: Number(gid) },
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
    ociRuntime: lane.ociRuntime ?? defaults.ociRuntime ?? undefined,
    gpus: lane.gpus ?? undefined,
    seccompProfile: defaults.seccompProfile,
  };
}

/**
 * Languages and libraries that start as many threads as the machine has processors, or tell programs that number, unless a
 * variable tells them another one. Not here: what asks the control group by itself (Java, .NET, Node, Rust's own library), and
 * what is no number of processors, such as libuv's threads.
 */
const PROCESSOR_VARIABLES = [
  "PYTHON_CPU_COUNT",
  "GOMAXPROCS",
  "JULIA_NUM_THREADS",
  "MC_CORES",
  "OMP_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "MKL_NUM_THREADS",
  "BLIS_NUM_THREADS",
  "NUMEXPR_NUM_THREADS",
  "NUMBA_NUM_THREADS",
  "POLARS_MAX_THREADS",
  "RAYON_NUM_THREADS",
] as const;

/** Whole processors, one at least. An engine refuses more than its machine has, so these are never more. */
function processorVariables(cpus: number): Record<string, string> {
  const count = String(Math.max(1, Math.ceil(cpus)));
  return Object.fromEntries(PROCESSOR_VARIABLES.map((name) => [name, count]));
}

/** How the runner starts the interpreter, and how that waits for its program. */
function runnerArguments(lane: LaneConfig): string[] {
  const { waiting, interpreter } = LANGUAGE_FACTS[lane.language];
  const mainFile = mainFileOf(lane);
  return [
    ...waiting,
    ...(lane.preload.length === 0 ? [] : ["--env", `MATCHBOX_PRELOAD=${lane.preload.join(",")}`]),
    ...["--main", mainFile, "--", ...(lane.command ?? interpreter), mainFile],
  ];
}
