import { setTimeout as sleep } from "node:timers/promises";
import { MatchboxClient } from "../../src/client/client.js";
import { forEachBounded } from "../lib/bounded.js";
import { Engine } from "../lib/engine.js";
import { ownDaemon } from "../lib/own-daemon.js";
import type { Scenario, ScenarioOptions, ScenarioResult } from "../lib/scenario.js";
import { describeMix, planSoak, type SoakStep } from "../lib/soak/plan.js";
import { soakRun } from "../lib/soak/run.js";
import { type Holdings, SoakWatch } from "../lib/soak/watch.js";
import { summarize } from "../lib/summary.js";
import { type Trend, trendOf } from "../lib/soak/trend.js";

const SEED = 20_250_101;
const AT_ONCE = 4;
const LEG_RUNS = 100;
/** A short soak has at least so many legs, so that there are quarters to compare. */
const MIN_LEGS = 8;
/** Before the first look: by then every pool of connections and every buffer has the size that it keeps. */
const WARMUP_RUNS = 40;

export const soak: Scenario = {
  name: "soak",
  summary:
    "thousands of runs of every kind, every ending checked; the daemon's memory, descriptors and containers meanwhile",
  defaults: { runs: 2_000, idleMs: 1_000 },
  run,
};

/** Some runs, and what the daemon held when they were over. */
interface Leg extends Holdings {
  readonly runs: number;
  readonly runsPerS: number | undefined;
}

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  const plan = planSoak(WARMUP_RUNS + options.runs, SEED);
  const counted = plan.slice(WARMUP_RUNS);
  const legRuns = Math.min(LEG_RUNS, Math.ceil(options.runs / MIN_LEGS));
  await using daemon = await ownDaemon(options);
  await using client = await MatchboxClient.connect({ url: daemon.url, token: options.token });
  const watch = new SoakWatch(daemon, new Engine(), options.token);
  const doRuns = (steps: readonly SoakStep[]): Promise<void> =>
    forEachBounded(steps, AT_ONCE, (step) => soakRun(step, { client, url: daemon.url, token: options.token }));

  await doRuns(plan.slice(0, WARMUP_RUNS));
  await sleep(options.idleMs);
  const legs: Leg[] = [{ runs: 0, runsPerS: undefined, ...(await watch.look()) }];
  for (let done = 0; done < counted.length; done += legRuns) {
    options.signal.throwIfAborted();
    options.onProgress(`soak: ${done} of ${counted.length} runs`);
    const steps = counted.slice(done, done + legRuns);
    const begin = performance.now();
    await doRuns(steps);
    const runsPerS = steps.length / ((performance.now() - begin) / 1_000);
    await sleep(options.idleMs);
    legs.push({ runs: done + steps.length, runsPerS, ...(await watch.look()) });
    await watch.requireReasons(plan.slice(0, WARMUP_RUNS + done + steps.length));
  }
  return resultOf(legs, counted, { ...options, legRuns });
}

function resultOf(
  legs: readonly Leg[],
  steps: readonly SoakStep[],
  { runs, idleMs, legRuns }: ScenarioOptions & { legRuns: number },
): ScenarioResult {
  const heaps = legs.flatMap(({ heapMiB }) => heapMiB ?? []);
  const last = legs.at(-1);
  return {
    scenario: soak.name,
    summary: soak.summary,
    settings: { runs, atOnce: AT_ONCE, legRuns, warmupRuns: WARMUP_RUNS, seed: SEED, idleMs, daemon: "own" },
    subjects: [
      {
        name: "matchbox",
        description: `a seeded mix over both lanes, ${AT_ONCE} at once, each waited for until its sandbox is gone; the daemon's default settings`,
        metrics: {
          pace: summarize(
            legs.flatMap(({ runsPerS }) => runsPerS ?? []),
            "runs/s",
          ),
          resident: summarize(
            legs.map(({ residentMiB }) => residentMiB),
            "MiB",
          ),
          ...(heaps.length === 0 ? {} : { "JS heap": summarize(heaps, "MiB") }),
        },
      },
    ],
    ratios: [],
    ladder: {
      title: "The daemon at rest",
      asked: "runs so far",
      askedUnit: "count",
      units: {
        pace: "runs/s",
        resident: "MiB",
        "JS heap": "MiB",
        descriptors: "count",
        "engine connections": "count",
        containers: "count",
      },
      steps: legs.map((leg) => ({
        asked: leg.runs,
        figures: {
          ...(leg.runsPerS === undefined ? {} : { pace: leg.runsPerS }),
          resident: leg.residentMiB,
          ...(leg.heapMiB === undefined ? {} : { "JS heap": leg.heapMiB }),
          descriptors: leg.descriptors,
          "engine connections": leg.engineConnections,
          containers: leg.containers,
        },
      })),
    },
    notes: [
      verdictOn("Resident memory", trendOf(legs.map(({ residentMiB }) => residentMiB)), runs),
      ...(heaps.length === legs.length ? [verdictOn("JS heap", trendOf(heaps), runs)] : []),
      `Descriptors and containers were the same at every look, ${last?.descriptors ?? 0} and ${last?.containers ?? 0}; another number would have ended the measurement. Connections to the engine are counted apart: the daemon keeps those of its calls for the next ones, so their number may change a little; more than 16 above the first look would have ended it too.`,
      "Every run had the reason, exit code, output and file that it had to have, and for every leg the daemon counted exactly the endings there had to be; those of clients that were cut off can be seen only there.",
      `The mix: ${describeMix(steps)}.`,
      `The pace is that of making and removing sandboxes, time-outs of 200 ms included: ${AT_ONCE} at once use them up as fast as that.`,
    ],
  };
}

function verdictOn(what: string, trend: Trend | undefined, runs: number): string {
  if (trend === undefined) return `${what}: too few looks to tell a trend.`;
  const { firstQuarter, lastQuarter } = trend;
  const growth = lastQuarter - firstQuarter;
  return `${what}: ${firstQuarter.toFixed(1)} MiB in the first quarter's median, ${lastQuarter.toFixed(1)} MiB in the last one's: ${growth >= 0 ? "+" : ""}${growth.toFixed(1)} MiB over ${runs} runs.`;
}
