import { parseAddress } from "../../src/client/address.js";
import { MatchboxClient } from "../../src/client/client.js";
import { RemoteError } from "../../src/client/errors.js";
import { createOptions } from "../../src/container/docker-create-options.js";
import type { SandboxSpec } from "../../src/container/runtime.js";
import type { ErrorCode } from "../../src/protocol/error-codes.js";
import { poissonArrivals, schedule } from "../lib/load/arrivals.js";
import { atRest, warmTarget } from "../lib/at-rest.js";
import { closedLoopRate } from "../lib/load/closed-loop.js";
import { refillingFigures } from "../lib/load/handouts.js";
import { bareIdentity, defaultLanes, engineSocket, ownSurroundings } from "../lib/default-lanes.js";
import { timeLife } from "../lib/containers.js";
import { Engine } from "../lib/engine.js";
import { interleave, type Subject } from "../lib/interleave.js";
import { type Arrival, isSaturated, offer, type StepFigures, stepFigures } from "../lib/load/open-loop.js";
import { daemonAt } from "../lib/own-daemon.js";
import {
  type Ladder,
  type LadderStep,
  ratiosOfFirst,
  type Scenario,
  type ScenarioOptions,
  type ScenarioResult,
  type SubjectResult,
} from "../lib/scenario.js";
import { observeRun, type ObservedRun, type Task } from "../lib/subjects.js";
import { seededNumbers } from "../lib/seeded.js";
import { summarize } from "../lib/summary.js";

const TASK: Task = { code: "print(1)", expected: "1\n" };
const LANE = "python";
const SETTINGS = [`lanes.${LANE}.warm=8`, "lanes.shell.warm=1"];

/** Containers in the making, or runs under way, at any moment; which is best the machine says. */
const BARE_CONCURRENCIES = [1, 2, 3, 4] as const;
const RUNS_IN_FLIGHT = [4, 8] as const;
const TRIAL_ROUNDS = 2;
const RATE_ROUNDS = 8;
/** One measurement of a rate: long for some dozens of containers, short enough to take turns. */
const WINDOW_MS = 6_000;
/** What is not counted before, in stocks of ready sandboxes: the full stock of the beginning is spent then. */
const LEAD_IN_STOCKS = 3;

/** Half of them are refused, and most of the others count: about two hundred on any machine, which is enough for a p99. */
const HANDOUT_REQUESTS = 500;
/** So many times Matchbox's own rate. With less the stock might recover; with more, more are only refused. */
const HANDOUT_OVERLOAD = 2;

/** What the steps ask for, as shares of the bare loop's rate. */
const STEPS = [0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5] as const;
/** Any number will do, as long as it is the same next time. */
const SEED = 20_240_229;
/** What a daemon that has too much to do answers; anything else is a failure. */
const REFUSALS: readonly ErrorCode[] = ["queue_full", "queue_timeout", "too_many_runs"];

export const sustained: Scenario = {
  name: "sustained",
  summary: "how many runs a second last, beside a bare loop that makes and removes the same containers",
  defaults: { runs: 120, idleMs: 250 },
  run,
};

/** A way to run a closed loop, with so many under way. */
interface Contender extends Subject<number> {
  readonly inFlight: number;
}

/** What the whole measurement shares. */
interface Bench {
  readonly options: ScenarioOptions;
  readonly client: MatchboxClient;
  /** Waits until every stock is full. @throws the signal's reason */
  readonly rest: () => Promise<void>;
  /** Ready sandboxes that the lane keeps. */
  readonly stock: number;
  /** Uncounted runs or containers before each measurement. */
  readonly leadIn: number;
  readonly signal: AbortSignal;
}

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  const { signal } = options;
  const lanes = await defaultLanes({ set: options.set });
  const engine = new Engine(engineSocket(lanes.engine));
  await using daemon = await daemonAt(options, SETTINGS);
  const address = parseAddress(daemon.url);
  await using client = await MatchboxClient.connect({ url: daemon.url, token: options.token });
  const stock = await warmTarget(address, options.token, LANE);
  const rest = (): Promise<void> => {
    signal.throwIfAborted();
    return atRest(address, options.token);
  };
  const bench: Bench = { options, client, rest, stock, leadIn: LEAD_IN_STOCKS * stock, signal };

  const { matchbox, bare, trials } = await chooseContenders(bench, engine, lanes.specOf(LANE));
  const rateRounds = Math.min(RATE_ROUNDS, options.runs);
  const rates = await takeTurns(bench, [matchbox, bare], rateRounds, "rates");
  const [matchboxRate, bareRate] = [summarize(rates[0] ?? [], "runs/s"), summarize(rates[1] ?? [], "runs/s")];
  const starts = lanes.config.engine.maxConcurrentStarts;
  const handouts = await handOutWhileRefilling(bench, matchboxRate.p50, starts);
  const { ladder, notes } = await climb(bench, bareRate.p50);

  const subjects = [
    subjectResult(matchbox, { rate: matchboxRate, ...handouts.metrics }),
    subjectResult(bare, { rate: bareRate }),
  ];
  return {
    scenario: sustained.name,
    summary: sustained.summary,
    settings: {
      arrivals: options.runs,
      rateRounds,
      windowMs: WINDOW_MS,
      idleMs: options.idleMs,
      stock,
      leadIn: bench.leadIn,
      handoutRequests: HANDOUT_REQUESTS,
      seed: SEED,
      daemon: options.url ?? `own, ${SETTINGS.join(" ")}`,
    },
    subjects,
    ratios: ratiosOfFirst(subjects),
    ladder,
    notes: [
      `Tried first, in turn, in runs/s: ${trials}. The best of each was measured again; the trials are not in the figures.`,
      `A rate is counted from removed container to removed container, over ${WINDOW_MS / 1_000} s after a lead-in of ${bench.leadIn}, which spends the full stock.`,
      "A container of the bare loop is removed as soon as it is ready; one of Matchbox's runs a program before that, whose output is checked.",
      ...handouts.notes,
      ...notes,
      ...(options.url === undefined
        ? []
        : [
            "The bare loop is on this machine's engine, with the default configuration's options, whatever the daemon has.",
            `Hand-outs are counted as if the daemon made ${starts} at once, as the default configuration does.`,
          ]),
    ],
  };
}

/** Finds out how many under way at once are best, for each of the two. */
async function chooseContenders(
  bench: Bench,
  engine: Engine,
  spec: SandboxSpec,
): Promise<{ matchbox: Contender; bare: Contender; trials: string }> {
  const ours = RUNS_IN_FLIGHT.map((inFlight) => matchboxLoop(bench, inFlight));
  const bares = BARE_CONCURRENCIES.map((inFlight) => bareLoop(bench, engine, spec, inFlight));
  const all = [...ours, ...bares];
  const samples = await takeTurns(bench, all, TRIAL_ROUNDS, "trials");
  const tried = all.map((contender, index) => ({ contender, rate: summarize(samples[index] ?? [], "runs/s").p50 }));
  const best = (of: readonly Contender[]): Contender => {
    const [first] = tried.filter(({ contender }) => of.includes(contender)).sort((one, other) => other.rate - one.rate);
    if (first === undefined) throw new Error("nothing was tried");
    return first.contender;
  };
  return {
    matchbox: best(ours),
    bare: best(bares),
    trials: tried
      .map(({ contender: { name, inFlight }, rate }) => `${name} with ${inFlight} at once ${rate.toFixed(1)}`)
      .join(", "),
  };
}

function takeTurns(
  { options, rest }: Bench,
  contenders: readonly Contender[],
  rounds: number,
  what: string,
): Promise<number[][]> {
  return interleave(
    contenders.map((contender) => ({ ...contender, rounds })),
    {
      rounds,
      warmupRounds: 0, // Each measurement has a lead-in of its own.
      settle: rest,
      idleMs: options.idleMs,
      signal: options.signal,
      onRound: (round) => {
        options.onProgress(`sustained: ${what}, round ${round + 1} of ${rounds}`);
      },
    },
  );
}

function matchboxLoop({ client, leadIn, signal }: Bench, inFlight: number): Contender {
  const once = async (onCompleted: () => void): Promise<void> => {
    const { destroyed } = await observeRun(client, LANE, TASK);
    // The next run may begin at the exit, but this one is complete when its container is gone.
    void destroyed.then(onCompleted, () => undefined);
  };
  return {
    name: "matchbox",
    inFlight,
    rounds: RATE_ROUNDS,
    measure: () => closedLoopRate({ inFlight, leadIn, windowMs: WINDOW_MS, once, signal }),
  };
}

function bareLoop({ leadIn, signal }: Bench, engine: Engine, spec: SandboxSpec, inFlight: number): Contender {
  const instance = `bench-bare-${process.pid}`;
  const once = async (onCompleted: () => void): Promise<void> => {
    await timeLife(engine, createOptions(spec, bareIdentity(instance), ownSurroundings(spec)));
    onCompleted();
  };
  return {
    name: "bare loop",
    inFlight,
    rounds: RATE_ROUNDS,
    measure: () => closedLoopRate({ inFlight, leadIn, windowMs: WINDOW_MS, once, signal }),
  };
}

function subjectResult({ name, inFlight }: Contender, metrics: SubjectResult["metrics"]): SubjectResult {
  const description =
    name === "matchbox"
      ? `runs of ${TASK.code} in lane "${LANE}" over an open WebSocket, ${inFlight} under way at any moment; the hand-outs are of others, see the notes`
      : `create, attach, start, wait until the runner is ready, remove, through the engine's API, with the options that lane "${LANE}" has; ${inFlight} under way at any moment`;
  return { name, description, metrics };
}

/**
 * Asks for twice what can be had, in requests that are refused when nothing is ready: whatever becomes ready is soon taken,
 * and refills never come to an end.
 * @param starts containers that the daemon makes at once
 */
async function handOutWhileRefilling(
  { client, options, rest, stock, signal }: Bench,
  refillsPerS: number,
  starts: number,
): Promise<{ metrics: SubjectResult["metrics"]; notes: string[] }> {
  options.onProgress("sustained: hand-outs");
  const askedPerS = refillsPerS * HANDOUT_OVERLOAD;
  const arrivalsMs = poissonArrivals(HANDOUT_REQUESTS, askedPerS, seededNumbers(SEED + STEPS.length));
  await rest();
  const arrivals = await offer(arrivalsMs, () => runUnlessRefused(client, { queueMs: 0 }), signal);
  const figures = refillingFigures(arrivals, stock - starts - 1);
  const { handoutsMs, handedOut, refusedPercent } = figures;
  return {
    metrics: handoutsMs.length === 0 ? {} : { "hand-out": summarize(handoutsMs) },
    notes: [
      "A hand-out is counted by the daemon's clock, from the receipt of the request to the release of the program, waiting included, of runs that found a ready sandbox.",
      `Those of matchbox are of ${HANDOUT_REQUESTS} requests at ${askedPerS.toFixed(1)} a second, twice its rate, a Poisson process like the ladder's; each is refused when nothing is ready. ` +
        `So the stock stays nearly empty, and the pool refills all the time: ${refusedPercent.toFixed(0)} % were refused, and ${figures.refillsPerS?.toFixed(1) ?? "-"} sandboxes a second became ready.`,
      `${handoutsMs.length} of ${handedOut} hand-outs count: those at which more than ${starts} sandboxes, which is how many are made at once, were missing from the stock of ${stock}. ` +
        "A refusal says that nothing is ready, so no more were ready at a hand-out than were handed out from then to the next refusal.",
    ],
  };
}

/** Asks for more and more until not all of it can be had. */
async function climb(bench: Bench, barePerS: number): Promise<{ ladder: Ladder; notes: string[] }> {
  const steps: LadderStep[] = [];
  const lateMs: number[] = [];
  let end = "The last step was not saturated yet.";
  for (const [index, share] of STEPS.entries()) {
    const askedPerS = barePerS * share;
    bench.options.onProgress(`sustained: step ${index + 1} of ${STEPS.length}`);
    await bench.rest();
    const { arrivals, figures } = await takeStep(bench, askedPerS, SEED + index);
    lateMs.push(...arrivals.map(({ scheduledMs, sentMs }) => sentMs - scheduledMs));
    steps.push(ladderStep(askedPerS, share, figures));
    if (isSaturated(askedPerS, figures)) {
      end = `The ladder ends with the first step in which less than 90 % of what was asked for was achieved, or a run was refused.`;
      break;
    }
  }
  const late = summarize(lateMs);
  return {
    ladder: {
      title: "Arrivals that do not wait for one another",
      asked: "asked",
      askedUnit: "runs/s",
      units: {
        "of the bare loop": "%",
        achieved: "runs/s",
        "hit rate": "%",
        "first byte p50": "ms",
        "first byte p99": "ms",
        "hand-out p50": "ms",
        "hand-out p99": "ms",
        refused: "%",
      },
      steps,
    },
    notes: [
      `Arrivals are a Poisson process from a generator with a fixed seed, ${bench.options.runs} in each step after a lead-in of ${bench.leadIn} that is not counted; ` +
        `each step begins with a full stock. ${end}`,
      "First bytes are counted from the scheduled arrival: waiting in the queue, and a client that came late itself, are part of them. " +
        `The client was late by ${late.p50.toFixed(1)} ms (median), ${late.max.toFixed(1)} ms at most.`,
    ],
  };
}

async function takeStep(
  { client, options, leadIn, signal }: Bench,
  ratePerS: number,
  seed: number,
): Promise<{ arrivals: Arrival[]; figures: StepFigures }> {
  const plan = schedule({ leadIn, counted: options.runs, ratePerS }, seededNumbers(seed));
  const arrivals = await offer(plan.arrivalsMs, () => runUnlessRefused(client), signal);
  return { arrivals, figures: stepFigures(arrivals, plan) };
}

/** @returns undefined when the daemon had too much to do */
async function runUnlessRefused(
  client: MatchboxClient,
  request: { queueMs?: number } = {},
): Promise<ObservedRun | undefined> {
  try {
    return await observeRun(client, LANE, TASK, request);
  } catch (error) {
    if (error instanceof RemoteError && REFUSALS.includes(error.code)) return undefined;
    throw error;
  }
}

function ladderStep(askedPerS: number, share: number, figures: StepFigures): LadderStep {
  const { achievedPerS, hitPercent, firstByteP50Ms, firstByteP99Ms, refusedPercent } = figures;
  const known: Record<string, number | undefined> = {
    "of the bare loop": share * 100,
    achieved: achievedPerS,
    "hit rate": hitPercent,
    "first byte p50": firstByteP50Ms,
    "first byte p99": firstByteP99Ms,
    "hand-out p50": figures.handoutP50Ms,
    "hand-out p99": figures.handoutP99Ms,
    refused: refusedPercent,
  };
  return {
    asked: askedPerS,
    figures: Object.fromEntries(
      Object.entries(known).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  };
}
