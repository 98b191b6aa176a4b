import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerCreateOptions } from "dockerode";
import { pino } from "pino";
import { systemClock } from "../../src/clock.js";
import { createOptions } from "../../src/container/docker-create-options.js";
import { DockerRuntime } from "../../src/container/docker-runtime.js";
import { RunnerChannel } from "../../src/container/runner-channel.js";
import type { SandboxRuntime, SandboxSpec } from "../../src/container/runtime.js";
import { withDeadline } from "../../src/deadline.js";
import { REFILL_STEPS } from "../../src/protocol/lanes.js";
import { cpuDuring, cpuOfEach, type CpuSpent } from "../lib/cpu.js";
import { bareIdentity, type DefaultLanes, defaultLanes, engineSocket, ownSurroundings } from "../lib/default-lanes.js";
import { type LifeTimes, timeLife } from "../lib/containers.js";
import { Engine } from "../lib/engine.js";
import { interleave, type Subject } from "../lib/interleave.js";
import {
  ratiosBetween,
  type Scenario,
  type ScenarioOptions,
  type ScenarioResult,
  type Strip,
  type SubjectResult,
} from "../lib/scenario.js";
import { summarize } from "../lib/summary.js";

/** Stdout is for results. */
const STDERR = 2;
const WARMUP_ROUNDS = 3;
/** A tenth of the rounds has a block of containers whose processor time is taken, each long enough for the kernel's 10 ms steps. */
const CPU_SHARE = 10;
const CPU_BLOCK = 10;
/** What the machine spends anyway is taken for so long before each block, and again after it. */
const IDLE_WINDOW_MS = 1_000;
/** The engine and the kernel tidy up after a container that is gone already. */
const TAIL_MS = 250;
/** Where the machine is busier than this around a block, in % of all processors, something else runs, and nobody can tell whose time it was. */
const QUIET_PERCENT = 10;

/** Something that has a whole life, from nothing to nothing. */
interface Kind {
  readonly name: string;
  readonly description: string;
  readonly live: () => Promise<LifeTimes>;
}

interface CpuSample {
  readonly perContainerMs: number;
  /** How busy all processors together were before or after, whichever is more. */
  readonly busyPercent: number;
}

export const refill: Scenario = {
  name: "refill",
  summary: "what it takes to make one sandbox and to remove it, beside a container with the engine's default options",
  defaults: { runs: 100, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  const { signal } = options;
  const lanes = await defaultLanes({ set: options.set });
  await using runtime = startRuntime(lanes);
  const kinds = await kindsOf(lanes, runtime, signal);

  const lives = await takeTurns(
    kinds.map(({ name, live }) => ({ name, rounds: options.runs, measure: live })),
    { options, warmupRounds: WARMUP_ROUNDS, what: "stages" },
  );
  const cpuRounds = Math.max(1, Math.ceil(options.runs / CPU_SHARE));
  const cpu = await takeTurns(
    kinds.map(({ name, live }) => ({ name, rounds: cpuRounds, measure: () => cpuOfBlock(live, signal) })),
    { options, warmupRounds: 0, what: "processor time" },
  );

  const results = kinds.map((kind, index) => subjectResult(kind, lives[index] ?? [], cpu[index] ?? []));
  const [ofPython, ofShell, ofDefaults] = results;
  return {
    scenario: refill.name,
    summary: refill.summary,
    settings: {
      runs: options.runs,
      idleMs: options.idleMs,
      warmupRounds: WARMUP_ROUNDS,
      cpuRounds,
      cpuBlock: CPU_BLOCK,
      daemon: "none",
    },
    subjects: results,
    ratios: [ofPython, ofShell].flatMap((lane) =>
      lane === undefined || ofDefaults === undefined ? [] : ratiosBetween(lane, ofDefaults),
    ),
    strip: stripOf(results),
    notes: [
      "One container at a time. Ready: the runner at PID 1 has said that its interpreter waits.",
      "Lanes are timed as the daemon makes their sandboxes, the client library that it uses included; the container beside them has none in between.",
      `Engine CPU: processor time of the whole machine (/proc/stat) over blocks of ${CPU_BLOCK} containers and the ${TAIL_MS} ms after them, ` +
        `less what this process spent itself, less what the machine spent anyway (taken for ${IDLE_WINDOW_MS} ms before and after); by container. ` +
        "So it holds the engine, its helpers, the kernel's work for them, and the container's own processes.",
      quietNote(cpu.flat()),
      ...(options.url === undefined ? [] : ["No daemon takes part: --url has no effect here."]),
    ],
  };
}

/** What is compared, the lanes' images and networks ready. @throws DaemonError when they cannot be had */
async function kindsOf(lanes: DefaultLanes, runtime: SandboxRuntime, signal: AbortSignal): Promise<Kind[]> {
  const engine = new Engine(engineSocket(lanes.engine));
  const python = lanes.specOf("python");
  const shell = lanes.specOf("shell");
  for (const spec of [python, shell]) await runtime.prepare(spec, { signal });
  const launching = { runtime, readyDeadlineMs: lanes.config.engine.readyDeadlineMs, signal };
  return [
    {
      name: "lane python",
      description: "made by the daemon's own adapter as the daemon makes it, without a network; removed unused",
      live: () => sandboxLife(python, launching),
    },
    {
      name: "lane shell",
      description: "the same, on a bridge network of its own behind its rules",
      live: () => sandboxLife(shell, launching),
    },
    {
      name: "default options",
      description:
        "the image and the command of lane python through the engine's API, with no option but an open stdin, a name and labels: " +
        "root file system that can be written, default capabilities and seccomp, the default bridge, a log file, no limits",
      live: () => timeLife(engine, defaultOptions(python)),
    },
  ];
}

function takeTurns<Sample>(
  subjects: readonly Subject<Sample>[],
  { options, warmupRounds, what }: { options: ScenarioOptions; warmupRounds: number; what: string },
): Promise<Sample[][]> {
  const rounds = Math.max(...subjects.map((subject) => subject.rounds));
  return interleave(subjects, {
    rounds,
    warmupRounds,
    // Every measurement waits until its containers are gone.
    settle: () => Promise.resolve(),
    idleMs: options.idleMs,
    signal: options.signal,
    onRound: (round) => {
      options.onProgress(`refill: ${what}, round ${round + 1} of ${rounds}`);
    },
  });
}

function startRuntime({ config, engine }: DefaultLanes): DockerRuntime {
  return new DockerRuntime({
    ...config.engine,
    address: engine,
    instance: `bench-refill-${process.pid}`,
    egress: config.egress,
    clock: systemClock,
    log: pino({ level: "warn" }, pino.destination(STDERR)),
  });
}

/** The steps of `pool/factory.ts`, timed where it times them, and the removal. */
async function sandboxLife(
  spec: SandboxSpec,
  { runtime, readyDeadlineMs, signal }: { runtime: SandboxRuntime; readyDeadlineMs: number; signal: AbortSignal },
): Promise<LifeTimes> {
  const sandbox = await runtime.launch(spec, { signal });
  const started = performance.now();
  try {
    const channel = new RunnerChannel(sandbox, { onLog: () => undefined });
    await withDeadline({ clock: systemClock, ms: readyDeadlineMs, signal }, () => channel.ready);
  } catch (error) {
    await sandbox.remove();
    throw error;
  }
  const ready = performance.now();
  await sandbox.remove();
  return { ...sandbox.timings, readyMs: ready - started, removeMs: performance.now() - ready };
}

/**
 * What cannot be left out: the command, and the stdin on which the runner waits. The name and the labels change nothing,
 * but by them any daemon removes what a bench that was killed has left.
 */
function defaultOptions(spec: SandboxSpec): ContainerCreateOptions {
  const instance = `bench-default-${process.pid}`;
  const jail = createOptions(spec, bareIdentity(instance), ownSurroundings(spec));
  const { name, Labels, Image, Entrypoint, Cmd, OpenStdin, StdinOnce, AttachStdin, AttachStdout, AttachStderr } = jail;
  return { name, Labels, Image, Entrypoint, Cmd, OpenStdin, StdinOnce, AttachStdin, AttachStdout, AttachStderr };
}

async function cpuOfBlock(live: () => Promise<unknown>, signal: AbortSignal): Promise<CpuSample> {
  const before = await cpuDuring(() => sleep(IDLE_WINDOW_MS));
  const work = await cpuDuring(async () => {
    for (let made = 0; made < CPU_BLOCK; made += 1) {
      signal.throwIfAborted();
      await live();
    }
    await sleep(TAIL_MS);
  });
  const after = await cpuDuring(() => sleep(IDLE_WINDOW_MS));
  const idle = { othersMs: before.othersMs + after.othersMs, wallMs: before.wallMs + after.wallMs };
  return {
    perContainerMs: cpuOfEach(CPU_BLOCK, work, idle),
    busyPercent: Math.max(busyPercent(before), busyPercent(after)),
  };
}

function busyPercent({ othersMs, wallMs }: CpuSpent): number {
  return (othersMs / (wallMs * cpus().length)) * 100;
}

function isQuiet(sample: CpuSample): boolean {
  return sample.busyPercent <= QUIET_PERCENT;
}

function subjectResult(
  { name, description }: Kind,
  lives: readonly LifeTimes[],
  cpu: readonly CpuSample[],
): SubjectResult {
  const quiet = cpu.filter(isQuiet);
  return {
    name,
    description,
    metrics: {
      create: summarize(lives.map(({ createMs }) => createMs)),
      attach: summarize(lives.map(({ attachMs }) => attachMs)),
      start: summarize(lives.map(({ startMs }) => startMs)),
      ready: summarize(lives.map(({ readyMs }) => readyMs)),
      remove: summarize(lives.map(({ removeMs }) => removeMs)),
      "all five": summarize(
        lives.map(
          ({ createMs, attachMs, startMs, readyMs, removeMs }) => createMs + attachMs + startMs + readyMs + removeMs,
        ),
      ),
      ...(quiet.length > 0 && { "engine CPU": summarize(quiet.map(({ perContainerMs }) => perContainerMs)) }),
    },
  };
}

function stripOf(results: readonly SubjectResult[]): Strip {
  return {
    title: "One sandbox from nothing to nothing (medians)",
    rows: results.map(({ name, metrics }) => ({
      name,
      stages: REFILL_STEPS.flatMap((stage) => {
        const summary = metrics[stage];
        return summary === undefined ? [] : [{ name: stage, ms: summary.p50 }];
      }),
    })),
  };
}

/** How much of the processor times could be relied on. */
function quietNote(samples: readonly CpuSample[]): string {
  const { p50, max } = summarize(
    samples.map((sample) => sample.busyPercent),
    "%",
  );
  return (
    `Around the blocks the machine was ${p50.toFixed(1)} % busy (median), ${max.toFixed(1)} % at most. ` +
    `${samples.filter((sample) => !isQuiet(sample)).length} of ${samples.length} blocks are left out of engine CPU, because it was over ${QUIET_PERCENT} % then: ` +
    "something else ran, and its time cannot be told apart."
  );
}
