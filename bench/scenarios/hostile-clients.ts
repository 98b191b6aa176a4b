import { parseAddress } from "../../src/client/address.js";
import { atRest } from "../lib/at-rest.js";
import { FLOODS, LARGE_MESSAGES } from "../lib/hostile/client.js";
import { type Figures, metricsOf } from "../lib/hostile/figures.js";
import { besideFlood, besideMessages } from "../lib/hostile/polite.js";
import { GREEDY_RUNS, sharedLane } from "../lib/hostile/sharing.js";
import { longLine } from "../lib/hostile/waiting.js";
import { interleave } from "../lib/interleave.js";
import { CHECKED_NOTE } from "../lib/latencies.js";
import { processMemory } from "../lib/memory/memory.js";
import { type BenchDaemon, ownDaemon } from "../lib/own-daemon.js";
import {
  ratiosBetween,
  type Scenario,
  type ScenarioOptions,
  type ScenarioResult,
  type SubjectResult,
} from "../lib/scenario.js";
import type { Launches } from "../lib/subjects.js";

const LANE = "python";
/** For many clients: what one client may keep live fills it. */
const SHARED_LANE = "shared";
const SHARED_SANDBOXES = 16;
/** For a thousand runs that wait. */
const LONG_LANE = "long";
const SETTINGS = [
  // A run of another build that is not read for half a minute is not to be taken for one that hangs.
  `lanes.${LANE}={language: python, warm: 6, timeoutMs: 120000, maxTimeoutMs: 120000}`,
  "lanes.shell.warm=0",
  `lanes.${SHARED_LANE}={language: python, warm: 3, maxSandboxes: ${SHARED_SANDBOXES}, maxQueued: ${GREEDY_RUNS - SHARED_SANDBOXES}}`,
  `lanes.${LONG_LANE}={language: python, warm: 2, maxSandboxes: 8, maxQueued: 1100}`,
  "server.pingIntervalMs=600000",
];

interface Build {
  readonly name: string;
  readonly daemon: BenchDaemon;
  /** What it has in memory when nobody has asked for anything yet. */
  readonly restMiB: number;
}

/** Something that is measured of each build. */
interface Case {
  readonly name: string;
  readonly description: string;
  /** Rounds of this build, of as many as were asked for at most, and of the other one, which may take long. */
  readonly rounds: number;
  readonly baselineRounds: number;
  readonly measure: (build: Build) => Promise<Figures>;
}

export const hostileClients: Scenario = {
  name: "hostile-clients",
  summary: "what polite clients wait for, and what the daemon holds, while another client sends what it should not",
  defaults: { runs: 6, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  await using stack = new Daemons();
  const folders = { matchbox: undefined, ...(options.baseline !== undefined && { baseline: options.baseline }) };
  const builds: Build[] = [];
  for (const [name, folder] of Object.entries(folders)) {
    const daemon = stack.add(await ownDaemon(options, SETTINGS, { folder, suffix: name }));
    builds.push({ name, daemon, restMiB: (await processMemory(daemon.pid)).residentMiB });
  }
  const launches: Launches = { warm: 0, cold: 0 };
  const subjects: SubjectResult[] = [];
  for (const part of partsWith(launches)) subjects.push(...(await measurePart(part, builds, options)));
  const named = new Map(subjects.map((subject) => [subject.name, subject]));
  const pairs = [
    ...subjects.map(({ name }) => [name, name.replace(/^matchbox/, "baseline")]),
    ...builds.map(({ name }) => [`${name}: nine beside a greedy one`, `${name}: nine clients`]),
  ];
  return {
    scenario: hostileClients.name,
    summary: hostileClients.summary,
    settings: {
      runs: options.runs,
      idleMs: options.idleMs,
      daemon: `own, ${SETTINGS.join(" ")}`,
      baseline: options.baseline === undefined ? "none" : "another build",
    },
    subjects,
    ratios: pairs.flatMap(([one = "", other = ""]) => {
      const [own, theirs] = [named.get(one), named.get(other)];
      return own === undefined || theirs === undefined || own === theirs ? [] : ratiosBetween(own, theirs);
    }),
    notes: [
      '"longest" is the longest wait of a round, of one polite client that asks for /healthz every 2 ms and has a run every 200 ms; only runs that found a sandbox ready count.',
      `${launches.warm} of those runs found one, ${launches.cold} did not.`,
      '"memory growth" is from the resident memory of the daemon before anybody asked for anything to its peak in that round.',
      'A "wait" is from the first request to the start of the run, refusals in between included; at the end of the window who still waits has waited until then.',
      CHECKED_NOTE,
    ],
  };
}

/** What is measured together, one part after the other: nobody's memory is to be that of large messages before. */
function partsWith(launches: Launches): readonly (readonly Case[])[] {
  const place = { lane: LANE, launches };
  return [
    FLOODS.map((flood) => ({
      ...flood,
      rounds: 3,
      baselineRounds: 1,
      measure: ({ daemon, restMiB }) => besideFlood(daemon, flood, { ...place, restMiB }),
    })),
    [false, true].map((isGreedy) => ({
      name: isGreedy ? "nine beside a greedy one" : "nine clients",
      description: isGreedy
        ? `the same while one client keeps ${GREEDY_RUNS} runs of a second live`
        : "nine clients, each with one run of print(1) after the other, for 10 s",
      rounds: 2,
      baselineRounds: 2,
      measure: ({ daemon }) => sharedLane(daemon.url, SHARED_LANE, { isGreedy }),
    })),
    [
      {
        name: "a thousand wait",
        description: "1,020 runs of four clients at once, each of which waits for 15 s at most",
        rounds: 2,
        baselineRounds: 1,
        measure: ({ daemon }) => longLine(daemon.url, LONG_LANE),
      },
    ],
    LARGE_MESSAGES.map((message) => ({
      ...message,
      rounds: Infinity,
      baselineRounds: 1,
      measure: ({ daemon }) => besideMessages(daemon, message, place),
    })),
  ];
}

async function measurePart(
  cases: readonly Case[],
  builds: readonly Build[],
  options: ScenarioOptions,
): Promise<SubjectResult[]> {
  const rounds = Math.min(options.runs, Math.max(...cases.map((one) => one.rounds)));
  const measured = builds.flatMap((build) =>
    cases.map((one) => ({
      name: `${build.name}: ${one.name}`,
      description: one.description,
      rounds: Math.min(rounds, build.name === "baseline" ? one.baselineRounds : one.rounds),
      measure: () => one.measure(build),
    })),
  );
  const samples = await interleave(measured, {
    rounds,
    warmupRounds: 0,
    settle: async () => {
      for (const { daemon } of builds) await atRest(parseAddress(daemon.url), undefined);
    },
    idleMs: options.idleMs,
    signal: options.signal,
    onRound: (round) => {
      options.onProgress(`${hostileClients.name}: ${cases[0]?.name ?? ""}, round ${round + 1} of ${rounds}`);
    },
  });
  return measured.map(({ name, description }, index) => ({
    name,
    description,
    metrics: metricsOf(samples[index] ?? []),
  }));
}

class Daemons implements AsyncDisposable {
  readonly #all: BenchDaemon[] = [];

  add(daemon: BenchDaemon): BenchDaemon {
    this.#all.push(daemon);
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((daemon) => daemon[Symbol.asyncDispose]()));
  }
}
