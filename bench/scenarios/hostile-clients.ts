import { MatchboxClient } from "../../src/client/client.js";
import { HostileClient, type Hostility, HOSTILITIES } from "../lib/hostile-client.js";
import { interleave } from "../lib/interleave.js";
import { CHECKED_NOTE } from "../lib/latencies.js";
import { ownDaemon } from "../lib/own-daemon.js";
import {
  ratiosBetween,
  type Scenario,
  type ScenarioOptions,
  type ScenarioResult,
  type SubjectResult,
} from "../lib/scenario.js";
import { timeMatchboxRun, type Task } from "../lib/subjects.js";
import { summarize } from "../lib/summary.js";

const TASK: Task = { code: "print(1)", expected: "1\n" };
const LANE = "python";
const SETTINGS = [`lanes.${LANE}.warm=3`, "lanes.shell.warm=0", `lanes.${LANE}.maxQueued=1000`];
/** Between two requests of the polite client, in ms. */
const GAP_MS = 2;

/** What a polite client waited at most, in ms, while a hostile one did its worst. */
interface Waited {
  readonly health: number;
  readonly exit: number;
}

export const hostileClients: Scenario = {
  name: "hostile-clients",
  summary: "what a polite client waits for GET /healthz and for print(1) while another client sends what it should not",
  defaults: { runs: 5, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  const builds = [
    { name: "matchbox", folder: undefined },
    ...(options.baseline === undefined ? [] : [{ name: "baseline", folder: options.baseline }]),
  ];
  await using stack = new Daemons();
  const measured: { name: string; hostility: Hostility; url: string }[] = [];
  for (const { name, folder } of builds) {
    const daemon = await ownDaemon(options, SETTINGS, { folder, suffix: name });
    stack.add(daemon);
    for (const hostility of HOSTILITIES) measured.push({ name, hostility, url: daemon.url });
  }
  const samples = await interleave(
    measured.map(({ name, hostility, url }) => ({
      name: `${name}: ${hostility.name}`,
      rounds: options.runs,
      measure: () => waitedBeside(url, hostility),
    })),
    {
      rounds: options.runs,
      warmupRounds: 0,
      settle: () => Promise.resolve(),
      idleMs: options.idleMs,
      signal: options.signal,
      onRound: (round) => {
        options.onProgress(`${hostileClients.name}: round ${round + 1} of ${options.runs}`);
      },
    },
  );
  const subjects = measured.map(({ name, hostility }, index): SubjectResult => {
    const own = samples[index] ?? [];
    return {
      name: `${name}: ${hostility.name}`,
      description: hostility.description,
      metrics: {
        "longest /healthz": summarize(own.map(({ health }) => health)),
        "longest run": summarize(own.map(({ exit }) => exit)),
      },
    };
  });
  const ratios = subjects.slice(0, HOSTILITIES.length).flatMap((subject, index) => {
    const other = subjects[index + HOSTILITIES.length];
    return other === undefined ? [] : ratiosBetween(subject, other);
  });
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
    ratios,
    notes: [
      "Each sample is the longest that one polite client waited, for /healthz asked again and again and for one run after another, from the first hostile byte to the answer to it.",
      CHECKED_NOTE,
    ],
  };
}

async function waitedBeside(url: string, hostility: Hostility): Promise<Waited> {
  await using client = await MatchboxClient.connect({ url });
  await using hostile = await HostileClient.connect(url);
  const longest = { health: 0, exit: 0 };
  let isOver = false;
  const ask = async (key: keyof Waited, once: () => Promise<unknown>): Promise<void> => {
    // At least one that began while the hostile client was at work.
    do {
      const begin = performance.now();
      await once();
      longest[key] = Math.max(longest[key], performance.now() - begin);
      await new Promise((resolve) => setTimeout(resolve, GAP_MS));
    } while (!isOver);
  };
  await timeMatchboxRun(client, LANE, TASK);
  const work = hostile.run(hostility).finally(() => (isOver = true));
  await Promise.all([
    work,
    ask("health", async () => (await fetch(`${url}/healthz`)).text()),
    ask("exit", () => timeMatchboxRun(client, LANE, TASK)),
  ]);
  return longest;
}

class Daemons implements AsyncDisposable {
  readonly #daemons: AsyncDisposable[] = [];

  add(daemon: AsyncDisposable): void {
    this.#daemons.push(daemon);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon[Symbol.asyncDispose]()));
  }
}
