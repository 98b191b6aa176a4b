import { parseAddress } from "../../src/client/address.js";
import { MatchboxClient } from "../../src/client/client.js";
import { imageTag } from "../../src/setup/sandbox-image.js";
import { atRest, warmTarget } from "../lib/at-rest.js";
import { atOnce, type BurstTimes } from "../lib/load/burst.js";
import { interleave } from "../lib/interleave.js";
import { CHECKED_NOTE, launchNote } from "../lib/latencies.js";
import { daemonAt } from "../lib/own-daemon.js";
import {
  ratiosBetween,
  type Scenario,
  type ScenarioOptions,
  type ScenarioResult,
  type SubjectResult,
} from "../lib/scenario.js";
import { containerRoundsOf, dockerRun, hostPython, type Launches, matchboxRun, type Task } from "../lib/subjects.js";
import { summarize } from "../lib/summary.js";

const TASK: Task = { code: "print(1)", expected: "1\n" };
const LANE = "python";
/** The queue holds the largest burst, for as long as a slow machine takes; the shell lane's refill is out of the way. */
const SETTINGS = [
  `lanes.${LANE}.warm=8`,
  `lanes.${LANE}.maxQueued=64`,
  `lanes.${LANE}.queueTimeoutMs=120000`,
  "lanes.shell.warm=1",
];
/** Sizes of bursts, in stocks of ready sandboxes. */
const STOCKS = [1, 2, 4] as const;
const WARMUP_ROUNDS = 1;

export const burst: Scenario = {
  name: "burst",
  summary: "as many requests at the same moment as sandboxes wait, twice and four times as many",
  defaults: { runs: 30, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  await using daemon = await daemonAt(options, SETTINGS);
  const address = parseAddress(daemon.url);
  await using client = await MatchboxClient.connect({ url: daemon.url, token: options.token });
  const stock = await warmTarget(address, options.token, LANE);
  const containerRounds = containerRoundsOf(options.runs);

  const bursts = STOCKS.map((stocks) => {
    const count = stocks * stock;
    const launches: Launches = { warm: 0, cold: 0 };
    const alone = matchboxRun(client, { lane: LANE, task: TASK, rounds: options.runs, launches });
    return { count, launches, subject: atOnce(count, alone) };
  });
  const subjects = [
    ...bursts.map(({ subject }) => subject),
    atOnce(stock, await dockerRun(imageTag("sandbox"), TASK, containerRounds)),
    atOnce(stock, await hostPython(TASK, options.runs)),
  ];
  const samples = await interleave(subjects, {
    rounds: options.runs,
    warmupRounds: WARMUP_ROUNDS,
    settle: () => atRest(address, options.token),
    idleMs: options.idleMs,
    signal: options.signal,
    onRound: (round) => {
      options.onProgress(`burst: round ${round + 1} of ${options.runs}`);
    },
  });

  const results = subjects.map((subject, index) => subjectResult(subject, samples[index] ?? []));
  const [ofOneStock] = results;
  return {
    scenario: burst.name,
    summary: burst.summary,
    settings: {
      runs: options.runs,
      containerRounds,
      idleMs: options.idleMs,
      warmupRounds: WARMUP_ROUNDS,
      stock,
      daemon: options.url ?? `own, ${SETTINGS.join(" ")}`,
    },
    subjects: results,
    // Bursts of other sizes have nothing beside them that was as large.
    ratios:
      ofOneStock === undefined ? [] : results.slice(bursts.length).flatMap((other) => ratiosBetween(ofOneStock, other)),
    notes: [
      ...bursts.map(({ count, launches: { warm, cold } }) => `${count} at once: ${launchNote({ warm, cold })}`),
      "Times run from just before the first of a burst is begun; what it takes to send or spawn the others counts.",
      "Before every burst each stock was full and every used container gone.",
      CHECKED_NOTE,
    ],
  };
}

function subjectResult(
  { name, description }: { name: string; description: string },
  samples: readonly BurstTimes[],
): SubjectResult {
  return {
    name,
    description,
    metrics: {
      "first first byte": summarize(samples.map(({ firstFirstByteMs }) => firstFirstByteMs)),
      "last first byte": summarize(samples.map(({ lastFirstByteMs }) => lastFirstByteMs)),
      "last exit": summarize(samples.map(({ lastExitMs }) => lastExitMs)),
    },
  };
}
