import { systemClock } from "../clock.js";
import type { Config, Language, LaneConfig } from "../config/schema.js";
import { DockerRuntime } from "../container/docker-runtime.js";
import type { EngineAddress } from "../container/engine-address.js";
import { RunnerChannel } from "../container/runner-channel.js";
import type { ProgramFile } from "../container/runner-frames.js";
import type { LaunchTimings, RunningSandbox, SandboxSpec } from "../container/runtime.js";
import { withDeadline } from "../deadline.js";
import { messageOf } from "../errors.js";
import { silentLog } from "../log.js";
import { mainFileOf } from "../pool/spec.js";
import { CPU_FILES, MEMORY_FILES, PIDS_FILES, STATUS_FILE, SWAP_FILES } from "./trial-check.js";
import type { TrialOutcome } from "./trial-check.js";

/** Longest time for a program that reads a handful of small files, in ms. */
const PROGRAM_DEADLINE_MS = 10_000;

const FILES = [...MEMORY_FILES, ...SWAP_FILES, ...CPU_FILES, ...PIDS_FILES, STATUS_FILE];

/** Prints each file that there is as one line: its path, and what it holds. */
const PROGRAMS: Readonly<Record<Exclude<Language, "other">, string>> = {
  python: `
for path in ${JSON.stringify(FILES)}:
    try:
        with open(path) as file:
            print(path, *file.read().split())
    except OSError:
        pass
`,
  shell: `
for path in ${FILES.join(" ")}; do
  if [ -r "$path" ]; then text=$(<"$path"); echo "$path" $text; fi
done
`,
  node: `
const { existsSync, readFileSync } = require("fs");
for (const path of ${JSON.stringify(FILES)}) {
  if (existsSync(path)) console.log(path, readFileSync(path, "utf8").trim().replace(/\\s+/g, " "));
}
`,
};

/**
 * Starts one sandbox of each lane, one after the other, the way the daemon does, and has a program in it read the limits
 * that it is held to. It has an instance of its own, so a daemon on the same engine is not disturbed; containers, network
 * and rules are gone when this settles.
 * @param options.specs by lane
 * @throws the signal's reason, or what kept network or rules from being taken away; what goes wrong with a lane is an outcome
 */
export async function tryLanes(options: {
  config: Config;
  address: EngineAddress;
  instance: string;
  specs: readonly SandboxSpec[];
  signal: AbortSignal;
  onLane: (lane: string) => void;
}): Promise<TrialOutcome[]> {
  const { config, address, instance, specs, signal, onLane } = options;
  await using runtime = new DockerRuntime({
    ...config.engine,
    address,
    instance,
    egress: config.egress,
    clock: systemClock,
    // Everything that matters is in the outcome.
    log: silentLog(),
  });
  const outcomes: TrialOutcome[] = [];
  for (const spec of specs) {
    onLane(spec.lane);
    const lane = config.lanes[spec.lane];
    if (lane === undefined) continue;
    try {
      outcomes.push(await tryLane(runtime, { ...config.engine, spec, program: programOf(lane), signal }));
    } catch (error) {
      signal.throwIfAborted();
      outcomes.push({ kind: "failed", spec, reason: messageOf(error) });
    }
  }
  return outcomes;
}

async function tryLane(
  runtime: DockerRuntime,
  options: {
    spec: SandboxSpec;
    program: ProgramFile | undefined;
    readyDeadlineMs: number;
    callDeadlineMs: number;
    signal: AbortSignal;
  },
): Promise<TrialOutcome> {
  const { spec, program, readyDeadlineMs, callDeadlineMs, signal } = options;
  const clock = systemClock;
  await runtime.prepare(spec, { signal });
  const sandbox = await runtime.launch(spec, { signal });
  let isDirect = false;
  let steps: LaunchTimings & { readyMs: number; runMs: number };
  let output: string | undefined;
  try {
    const started = clock.now();
    const channel = new RunnerChannel(
      observe(sandbox, (wereOpened) => {
        isDirect = wereOpened;
      }),
      { onLog: () => undefined },
    );
    await withDeadline({ clock, ms: readyDeadlineMs, signal }, () => channel.ready);
    const ready = clock.now();
    if (program !== undefined)
      output = await withDeadline({ clock, ms: PROGRAM_DEADLINE_MS, signal }, () => run(channel, program));
    steps = { ...sandbox.timings, readyMs: ready - started, runMs: clock.now() - ready };
  } catch (error) {
    // The runtime waits for it when it is disposed of, and no longer than a call may take.
    void sandbox.remove();
    throw error;
  }
  const ended = clock.now();
  await withDeadline({ clock, ms: callDeadlineMs, signal }, () => sandbox.remove());
  if (output === undefined) return { kind: "waited", spec };
  return { kind: "ran", spec, steps: { ...steps, removeMs: clock.now() - ended }, isDirect, output };
}

/** @returns undefined where nobody knows what the lane's command understands */
function programOf(lane: LaneConfig): ProgramFile | undefined {
  if (lane.language === "other") return undefined;
  return { path: mainFileOf(lane), mode: 0o644, content: Buffer.from(PROGRAMS[lane.language]) };
}

/** The sandbox as it is, telling whether its runner's pipes could be had. */
function observe(sandbox: RunningSandbox, onPipes: (wereOpened: boolean) => void): RunningSandbox {
  const { id, timings, input, output, closed } = sandbox;
  return {
    ...{ id, timings, input, output, closed },
    openPipes: async (offer) => {
      const pipes = await sandbox.openPipes(offer);
      onPipes(pipes !== undefined);
      return pipes;
    },
    inspectEnd: () => sandbox.inspectEnd(),
    remove: () => sandbox.remove(),
  };
}

/** @returns what the program wrote @throws RunnerError */
function run(channel: RunnerChannel, program: ProgramFile): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    channel.begin(
      {
        files: [program],
        args: [],
        env: {},
        timeoutMs: PROGRAM_DEADLINE_MS,
        graceMs: 0,
        stdinOpen: false,
        collect: [],
        maxCollectBytes: 0,
        maxCollectFiles: 0,
      },
      {
        onOutput: (_stream, bytes) => void chunks.push(Buffer.from(bytes)),
        onStdinTaken: () => undefined,
        onFile: () => undefined,
        onSkipped: () => undefined,
        onExit: ({ kind, value }) => {
          const text = Buffer.concat(chunks).toString();
          if (kind === "exited" && value === 0) resolve(text);
          else reject(new Error(`the program ${kind} with ${value}: ${text.trim()}`));
        },
        onLost: reject,
      },
    );
  });
}
