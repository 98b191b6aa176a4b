import { setTimeout as sleep } from "node:timers/promises";
import { parseAddress } from "../../src/client/address.js";
import { INSTANCE_LABEL } from "../../src/container/labels.js";
import { imageTag } from "../../src/setup/sandbox-image.js";
import { atRest } from "../lib/at-rest.js";
import { forEachBounded } from "../lib/bounded.js";
import { containerMemory, type ContainerMemory, engineMiB } from "../lib/memory/container-memory.js";
import { Engine } from "../lib/engine.js";
import { type DescribedSubject, interleave } from "../lib/interleave.js";
import { availableMiB, processMemory, proportionalMiB } from "../lib/memory/memory.js";
import { type BenchDaemon, ownDaemon } from "../lib/own-daemon.js";
import { RawConnection } from "../lib/raw-connection.js";
import {
  type LadderStep,
  ratiosOfFirst,
  type Scenario,
  type ScenarioOptions,
  type ScenarioResult,
  type SubjectResult,
} from "../lib/scenario.js";
import { Sleepers } from "../lib/memory/sleepers.js";
import { summarize } from "../lib/summary.js";
import { lastAnswer } from "../lib/wait-until.js";

/** There before and after, so that what the first containers alone cost is in neither difference. */
const FEW = 2;
/** So many more are measured: enough that a change of the whole machine's memory is theirs. */
const MORE = 32;
const CONNECTIONS = [0, 100, 1_000] as const;
/** Room for those, and for the bench's own. */
const MAX_CONNECTIONS = 1_100;
const CONNECTS_AT_ONCE = 20;
/** For what a start leaves to do after the container is ready: the runtime's own processes end, pages are freed. */
const SETTLE_MS = 3_000;
/** The same for a daemon that has just greeted hundreds of clients. */
const CONNECTIONS_SETTLE_MS = 5_000;
/** A quiet machine starts some ten sandboxes a second, a busy one less than one. */
const FILL_DEADLINE_MS = 180_000;
const CONTAINERS_DEADLINE_MS = 10_000;
/** Part of the sum by which the machine's loss may differ before a reader is told. */
const MAX_DISAGREEMENT = 0.25;
const ALL_IN = "all in";
const MACHINE = "machine's loss";

/** One round's figures for one container, in MiB. */
interface Density extends ContainerMemory {
  /** What the engine's own programs grew by for each; undefined where they cannot be seen. */
  readonly engineMiB: number | undefined;
  /** What the whole machine had less to give for each. */
  readonly machineMiB: number;
}

export const density: Scenario = {
  name: "density",
  summary:
    "memory of an idle sandbox, beside a plain container of the same image that sleeps; and of the daemon with idle connections",
  defaults: { runs: 3, idleMs: 1_000 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  const engine = new Engine();
  const subjects = [sandboxes(engine, options), plainContainers(engine, options)];
  const samples = await interleave(subjects, {
    rounds: options.runs,
    // What the engine grows by once it keeps: a round that is not counted would hide it.
    warmupRounds: 0,
    settle: () => Promise.resolve(),
    idleMs: options.idleMs,
    signal: options.signal,
    onRound: (round) => {
      options.onProgress(`density: round ${round + 1} of ${options.runs}`);
    },
  });
  const results = subjects.map(({ name, description }, index): SubjectResult => ({
    name,
    description,
    metrics: metricsOf(samples[index] ?? []),
  }));
  options.onProgress("density: connections");
  const daemon = await daemonWithConnections(engine, options);
  return {
    scenario: density.name,
    summary: density.summary,
    settings: {
      runs: options.runs,
      containers: MORE,
      containersBefore: FEW,
      pool: FEW + MORE,
      idleMs: options.idleMs,
      settleMs: SETTLE_MS,
      daemon: "own",
    },
    subjects: results,
    ratios: ratiosOfFirst(results).filter(({ metric }) => metric === ALL_IN),
    ladder: {
      title: `Memory of the daemon with ${FEW + MORE} ready sandboxes and idle connections`,
      asked: "connections",
      askedUnit: "count",
      units: { resident: "MiB", "own share": "MiB" },
      steps: daemon.steps,
    },
    notes: [
      ...results.map(inMegabytes),
      `"${ALL_IN}" is the sum of the lines below it, each the mean of ${MORE} containers or more: the proportional share (PSS) of what runs in the container and of its shim, what the kernel holds for its control group, and what dockerd and containerd grew by from ${FEW} to ${FEW + MORE} of them, never counted as less than nothing.`,
      `"${MACHINE}" is another method: how much less memory the kernel had to give (MemAvailable) with ${MORE} more of them. Nothing is left out of it, for Matchbox not even what its daemon needs to know of more sandboxes, but whatever else happens on the machine meanwhile is in it (a gain shows as 0 above, and as itself among the samples); the two need not agree.`,
      ...results.flatMap(disagreement),
      "An engine keeps what it has once grown by, so its share shows in the first rounds only.",
      ...(results.some(({ metrics }) => metrics["kernel"] === undefined)
        ? ["The kernel does not tell what it holds for a control group here, so that is not in the sum."]
        : []),
      ...(results.some(({ metrics }) => metrics["engine's share"] === undefined)
        ? ["dockerd and containerd cannot be seen from here, so their share is not in the sum."]
        : []),
      "The daemon's resident memory has all pages of the Node binary in it that it uses; its own share counts those it has in common with other Node processes, this bench among them, in part.",
      `All ${CONNECTIONS.at(-1) ?? 0} connections answered a ping at the end, and the last one a run. After they had closed the daemon held ${daemon.afterMiB.toFixed(1)} MiB resident; it had served no other run.`,
    ],
  };
}

/** A daemon of the bench's own with few ready sandboxes, then one with many. */
function sandboxes(engine: Engine, options: ScenarioOptions): DescribedSubject<Density> {
  return {
    name: "matchbox",
    description: `ready sandboxes of the lane "python", default settings, ${FEW} and then ${FEW + MORE} of them`,
    rounds: options.runs,
    measure: async () => {
      const before = await withPool(engine, options, FEW, () => machineState());
      return withPool(engine, options, FEW + MORE, async (daemon) => {
        const after = await machineState();
        const ids = await engine.labelled(INSTANCE_LABEL, daemon.instance);
        return { ...(await containerMemory(engine, ids)), ...growth(before, after) };
      });
    },
  };
}

function plainContainers(engine: Engine, { runs: rounds, signal }: ScenarioOptions): DescribedSubject<Density> {
  return {
    name: "plain container",
    description: `containers of the same image with the engine's defaults that run \`sleep\`, ${FEW} and then ${FEW + MORE} of them`,
    rounds,
    measure: async () => {
      await using sleepers = new Sleepers(engine, imageTag("sandbox"));
      const few = await sleepers.start(FEW, signal);
      await sleep(SETTLE_MS);
      const before = await machineState();
      const more = await sleepers.start(MORE, signal);
      await sleep(SETTLE_MS);
      const after = await machineState();
      return { ...(await containerMemory(engine, [...few, ...more])), ...growth(before, after) };
    },
  };
}

/** Runs something beside a daemon whose pool is full and has settled. */
async function withPool<Value>(
  engine: Engine,
  options: ScenarioOptions,
  warm: number,
  work: (daemon: BenchDaemon) => Promise<Value>,
): Promise<Value> {
  await using daemon = await ownDaemon(options, [
    `lanes.python.warm=${warm}`,
    `lanes.python.maxSandboxes=${warm + FEW}`,
    "lanes.shell.warm=0",
    `server.maxConnections=${MAX_CONNECTIONS}`,
  ]);
  await atRest(parseAddress(daemon.url), options.token, FILL_DEADLINE_MS);
  await sleep(SETTLE_MS);
  // A daemon tries its lanes once when they are full, which takes a sandbox.
  await atRest(parseAddress(daemon.url), options.token);
  const count = await lastAnswer(
    async () => (await engine.labelled(INSTANCE_LABEL, daemon.instance)).length,
    warm,
    CONTAINERS_DEADLINE_MS,
  );
  if (count !== warm) throw new Error(`the daemon has ${count} containers at rest, not ${warm}`);
  return await work(daemon);
}

interface MachineState {
  readonly availableMiB: number;
  readonly engineMiB: number | undefined;
}

async function machineState(): Promise<MachineState> {
  return { availableMiB: await availableMiB(), engineMiB: await engineMiB() };
}

function growth(before: MachineState, after: MachineState): Pick<Density, "engineMiB" | "machineMiB"> {
  const engine =
    before.engineMiB === undefined || after.engineMiB === undefined
      ? undefined
      : Math.max(0, (after.engineMiB - before.engineMiB) / MORE);
  return { engineMiB: engine, machineMiB: (before.availableMiB - after.availableMiB) / MORE };
}

function metricsOf(samples: readonly Density[]): SubjectResult["metrics"] {
  const column = (name: string, figure: (sample: Density) => number | undefined): SubjectResult["metrics"] => {
    const values = samples.flatMap((sample) => figure(sample) ?? []);
    return values.length < samples.length ? {} : { [name]: summarize(values, "MiB") };
  };
  return {
    ...column(ALL_IN, allIn),
    ...column("processes", ({ processesMiB }) => processesMiB),
    ...column("shim", ({ shimMiB }) => shimMiB),
    ...column("kernel", (sample) => sample.kernelMiB),
    ...column("engine's share", (sample) => sample.engineMiB),
    ...column(MACHINE, ({ machineMiB }) => machineMiB),
  };
}

function allIn(sample: Density): number {
  return sample.processesMiB + sample.shimMiB + (sample.kernelMiB ?? 0) + (sample.engineMiB ?? 0);
}

/** Limits are often given in millions of bytes. */
function inMegabytes({ name, metrics }: SubjectResult): string {
  const inMb = (metric: string): string => (((metrics[metric]?.p50 ?? NaN) * 1_048_576) / 1_000_000).toFixed(1);
  return `${name}: ${inMb(ALL_IN)} MB (a million bytes) all in, ${inMb(MACHINE)} MB by the machine's loss, medians.`;
}

/** Says so where the two methods are far from each other. */
function disagreement({ name, metrics }: SubjectResult): string[] {
  const sum = metrics[ALL_IN]?.p50 ?? NaN;
  const loss = metrics[MACHINE]?.p50 ?? NaN;
  return Math.abs(loss - sum) <= sum * MAX_DISAGREEMENT
    ? []
    : [
        `${name}: the two methods differ by more than ${MAX_DISAGREEMENT * 100} %. Either other programs took or gave back memory meanwhile, or much of what a container costs is in no process and no control group.`,
      ];
}

async function daemonWithConnections(
  engine: Engine,
  options: ScenarioOptions,
): Promise<{ steps: readonly LadderStep[]; afterMiB: number }> {
  return withPool(engine, options, FEW + MORE, async (daemon) => {
    const steps: LadderStep[] = [];
    const connections: RawConnection[] = [];
    try {
      for (const asked of CONNECTIONS) {
        await forEachBounded(Array.from({ length: asked - connections.length }), CONNECTS_AT_ONCE, async () => {
          connections.push(await RawConnection.open(daemon.url, options.token));
        });
        await sleep(CONNECTIONS_SETTLE_MS);
        const { residentMiB } = await processMemory(daemon.pid);
        const share = await proportionalMiB(daemon.pid);
        steps.push({ asked, figures: { resident: residentMiB, "own share": share } });
      }
      await requireAlive(connections);
    } finally {
      for (const connection of connections) connection[Symbol.dispose]();
    }
    await sleep(CONNECTIONS_SETTLE_MS);
    return { steps, afterMiB: (await processMemory(daemon.pid)).residentMiB };
  });
}

/** @throws Error when one of them does not answer a ping, or the last one not a run */
async function requireAlive(connections: readonly RawConnection[]): Promise<void> {
  await Promise.all(connections.map((connection) => connection.ping()));
  const last = connections.at(-1);
  if (last === undefined) throw new Error("there is no connection to ask");
  const exit = last.waitFor("exit");
  last.send({ type: "run", id: "last", lane: "python", code: "print(1)" });
  const { reason, exitCode } = await exit;
  if (exitCode !== 0) throw new Error(`the run over the last connection ended with ${reason} ${exitCode ?? ""}`);
}
