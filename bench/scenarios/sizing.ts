import { setTimeout as sleep } from "node:timers/promises";
import { parseAddress } from "../../src/client/address.js";
import { MatchboxClient } from "../../src/client/client.js";
import { RemoteError } from "../../src/client/errors.js";
import { getLanes } from "../../src/cli/daemon-http.js";
import type { AdaptiveStock } from "../../src/sizing/simulated-target.js";
import { type RefillTime, simulate, type SimulatedOutcome } from "../../src/sizing/simulate.js";
import { atRest } from "../lib/at-rest.js";
import { burstyArrivals } from "../lib/load/bursts.js";
import { type Arrival, offer } from "../lib/load/open-loop.js";
import { ownDaemon } from "../lib/own-daemon.js";
import { type RefillCounts, refillCounts, refillSamples } from "../lib/refill-samples.js";
import type { LadderStep, Scenario, ScenarioOptions, ScenarioResult } from "../lib/scenario.js";
import { seededNumbers } from "../lib/seeded.js";
import { observeRun, type ObservedRun, type Task } from "../lib/subjects.js";
import { mean, summarize } from "../lib/summary.js";

const TASK: Task = { code: "print(1)", expected: "1\n" };
const LANE = "python";
const MAX_SANDBOXES = 32;
const STARTS = 2;
const FIXED = [1, 2, 4, 8] as const;
/** Windows so short that a minute shows growing as well as giving up. */
const PACE = { windowMs: 15_000, holdMs: 5_000 };
const ADAPTIVE: AdaptiveStock = { min: 1, max: 8, target: 0.95, sandboxBytes: 1, ...PACE };

/** Of runs that come, so many alone for each that begins a burst, and how large bursts are. */
const SINGLES_PER_BURST = 4;
const BURST = { burstSize: { least: 2, most: 6 }, burstMs: 50 };
const RUNS_PER_BURST = SINGLES_PER_BURST + (BURST.burstSize.least + BURST.burstSize.most) / 2;
/** Share of what the starts can make that is asked for on average: at twice that, chance decides more than the size does. */
const USED = 0.25;
/** Bursts that tell beforehand how long a refill takes on this machine, while others are made. */
const TRIAL_BURSTS = 6;
const TRIAL_SIZE = 4;

/** Any number will do, as long as it is the same next time. */
const SEED = 20_261_126;
/** Between looks at the refills so far, in ms: how fine their order is known. */
const LOOK_MS = 1_000;
/** Simulations of one measurement, each with refills drawn anew: their mean is what is predicted. */
const DRAWS = 20;

export const sizing: Scenario = {
  name: "sizing",
  summary:
    "how many runs find a ready sandbox, for fixed sizes and one that follows the runs, beside what the simulation says",
  defaults: { runs: 200, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  if (options.url !== undefined) await ownDaemon(options); // Refuses it.
  const trialMs = mean(await trial(options));
  const runsPerS = (USED * STARTS * 1_000) / trialMs;
  const burstsPerS = runsPerS / RUNS_PER_BURST;
  const durationMs = (options.runs / runsPerS) * 1_000;
  const arrivalsMs = burstyArrivals(
    { ...BURST, burstsPerS, singlesPerS: burstsPerS * SINGLES_PER_BURST, durationMs },
    seededNumbers(SEED),
  );
  const stocks = [...FIXED, ADAPTIVE];
  const steps: LadderStep[] = [];
  const refillsMs: number[] = [];
  const lateMs: number[] = [];
  for (const [index, stock] of stocks.entries()) {
    options.onProgress(`sizing: size ${index + 1} of ${stocks.length}, ${Math.round(durationMs / 1_000)} s each`);
    const measured = await measure(stock, arrivalsMs, options);
    refillsMs.push(...measured.samplesMs);
    lateMs.push(...measured.arrivals.map(({ scheduledMs, sentMs }) => sentMs - scheduledMs));
    steps.push(stepOf(stock, measured));
  }
  const worst = Math.max(...steps.map(({ figures }) => Math.abs(figures["difference"] ?? 0)));
  const late = summarize(lateMs);
  return {
    scenario: sizing.name,
    summary: sizing.summary,
    settings: {
      ...{ arrivals: arrivalsMs.length, seconds: Math.round(durationMs / 1_000), seed: SEED, draws: DRAWS },
      daemon: `own, lanes.${LANE}.warm as in the table, engine.maxConcurrentStarts=${STARTS}`,
    },
    subjects: [
      {
        name: "matchbox",
        description: `making a ready sandbox, in lane "${LANE}", from the daemon's histogram matchbox_refill_seconds`,
        metrics: { refill: summarize(refillsMs) },
      },
    ],
    ratios: [],
    ladder: {
      title: "The same arrivals, in the daemon and in the simulation",
      asked: "kept ready",
      askedUnit: "count",
      units: {
        ...{ measured: "%", predicted: "%", difference: "%", "in order": "%", "its difference": "%" },
        ...{ refills: "count", "refill mean": "ms", refused: "%" },
      },
      steps,
    },
    notes: [
      `Predicted and measured hit rates differ by ${worst.toFixed(1)} points at most; the aim is 3.`,
      `The last row follows the runs, {min: ${ADAPTIVE.min}, max: ${ADAPTIVE.max}, target: ${ADAPTIVE.target}} with a window of ` +
        `${PACE.windowMs / 1_000} s; what it kept on average is the simulation's word.`,
      `Arrivals: ${runsPerS.toFixed(2)} a second, so that the starts are used to ${USED * 100} % with refills of ` +
        `${trialMs.toFixed(0)} ms, which a trial took; ${SINGLES_PER_BURST} alone for each burst of ${BURST.burstSize.least} to ` +
        `${BURST.burstSize.most} within ${BURST.burstMs} ms, from a generator with a fixed seed. The simulation gets the moments ` +
        `at which they were sent (late by ${late.p50.toFixed(1)} ms in the median, ${late.max.toFixed(1)} at most).`,
      `Predicted: refills are drawn from those of the same measurement, ${DRAWS} times over, and the mean counts. In order: they are ` +
        `taken as they came, which tells a machine that was busy with other things at times (it differs there) from a mistake of the simulation's.`,
    ],
  };
}

interface Measured {
  readonly arrivals: readonly Arrival[];
  readonly samplesMs: readonly number[];
  readonly removeMs: number;
}

/** How long refills take. */
async function trial(options: ScenarioOptions): Promise<readonly number[]> {
  options.onProgress("sizing: trial");
  const burst = Array.from({ length: TRIAL_SIZE }, () => 0);
  return withLane(TRIAL_SIZE, options, async (lane) => {
    const before = await lane.refills();
    for (let index = 0; index < TRIAL_BURSTS; index += 1) {
      await offer(burst, lane.send, options.signal);
      await lane.rest();
    }
    return refillSamples(before, await lane.refills());
  });
}

async function measure(
  stock: number | AdaptiveStock,
  arrivalsMs: readonly number[],
  options: ScenarioOptions,
): Promise<Measured> {
  return withLane(stock, options, async (lane) => {
    const seen = [await lane.refills()];
    const over = new AbortController();
    const looking = (async () => {
      while (!over.signal.aborted) {
        await sleep(LOOK_MS, undefined, { signal: over.signal }).catch(() => undefined); // Over.
        seen.push(await lane.refills());
      }
    })();
    looking.catch(() => undefined); // Told below.
    let arrivals: Arrival[];
    try {
      arrivals = await offer(arrivalsMs, lane.send, options.signal);
      await lane.rest();
    } finally {
      over.abort();
      await looking;
    }
    const samplesMs = seen.slice(1).flatMap((after, index) => refillSamples(seen[index] ?? new Map(), after));
    return { arrivals, samplesMs, removeMs: await lane.removeMs() };
  });
}

/** A daemon whose lane keeps so many, at rest. */
interface MeasuredLane {
  readonly send: () => Promise<ObservedRun | undefined>;
  readonly rest: () => Promise<void>;
  readonly refills: () => Promise<RefillCounts>;
  readonly removeMs: () => Promise<number>;
}

async function withLane<T>(
  stock: number | AdaptiveStock,
  { signal, token, url, set }: ScenarioOptions,
  use: (lane: MeasuredLane) => Promise<T>,
): Promise<T> {
  const warm = typeof stock === "number" ? stock : `{min: ${stock.min}, max: ${stock.max}, target: ${stock.target}}`;
  await using daemon = await ownDaemon({ url, set }, [
    ...[`lanes.${LANE}.warm=${warm}`, `lanes.${LANE}.maxSandboxes=${MAX_SANDBOXES}`, "lanes.shell.warm=0"],
    ...[`engine.maxConcurrentStarts=${STARTS}`, `sizing.windowMs=${PACE.windowMs}`, `sizing.holdMs=${PACE.holdMs}`],
  ]);
  const address = parseAddress(daemon.url);
  await using client = await MatchboxClient.connect({ url: daemon.url, token });
  const rest = (): Promise<void> => atRest(address, token);
  await rest();
  return await use({
    rest,
    send: () => runUnlessRefused(client),
    refills: async () => refillCounts(await (await fetch(`${daemon.url}/metrics`, { signal })).text(), LANE),
    removeMs: async () => {
      const { lanes } = await getLanes(address, { token });
      return lanes.find(({ name }) => name === LANE)?.refillMs["remove"]?.p50 ?? 0;
    },
  });
}

/** @returns undefined when there was no sandbox for it in time */
async function runUnlessRefused(client: MatchboxClient): Promise<ObservedRun | undefined> {
  try {
    return await observeRun(client, LANE, TASK);
  } catch (error) {
    if (error instanceof RemoteError && (error.code === "queue_full" || error.code === "queue_timeout"))
      return undefined;
    throw error;
  }
}

/** What the simulation makes of the same arrivals. */
function predict(warm: number | AdaptiveStock, { arrivals, removeMs }: Measured, refill: RefillTime): SimulatedOutcome {
  const moments = arrivals.map(({ sentMs, run }) => ({
    ...{ atMs: sentMs, lane: LANE, runMs: run === undefined ? 0 : Math.max(0, run.exitMs - run.firstByteMs) },
  }));
  const model = { warm, maxSandboxes: MAX_SANDBOXES, maxQueued: 64, queueTimeoutMs: 30_000, refill, removeMs };
  const outcome = simulate({ arrivals: moments, lanes: { [LANE]: model }, maxConcurrentStarts: STARTS }).get(LANE);
  if (outcome === undefined) throw new Error("nothing was simulated");
  return outcome;
}

function stepOf(stock: number | AdaptiveStock, measurement: Measured): LadderStep {
  const { arrivals, samplesMs } = measurement;
  const percent = (of: (arrival: Arrival) => boolean): number => (arrivals.filter(of).length / arrivals.length) * 100;
  const measured = percent(({ run }) => run?.launch === "warm");
  const drawn = Array.from({ length: DRAWS }, (_, draw) =>
    predict(stock, measurement, { kind: "samples", samplesMs, seed: SEED + draw }),
  );
  const predicted = mean(drawn.map(({ hitRate }) => hitRate ?? 0)) * 100;
  const inOrder = (predict(stock, measurement, { kind: "sequence", samplesMs }).hitRate ?? 0) * 100;
  return {
    asked: mean(drawn.map(({ target }) => target.mean)),
    figures: {
      ...{ measured, predicted, difference: predicted - measured },
      ...{ "in order": inOrder, "its difference": inOrder - measured },
      ...{
        refills: samplesMs.length,
        "refill mean": mean(samplesMs),
        refused: percent(({ run }) => run === undefined),
      },
    },
  };
}
