import { MatchboxClient } from "../../src/client/client.js";
import { imageTag } from "../../src/setup/sandbox-image.js";
import { dockerExec, dockerodeRun } from "../lib/container-subjects.js";
import { webSocketEcho } from "../lib/echo/echo.js";
import { CHECKED_NOTE, floorNotes, launchNote, measureLatencies } from "../lib/latencies.js";
import { daemonAt, ownDaemon } from "../lib/own-daemon.js";
import { ratiosOfFirst, type Scenario, type ScenarioOptions, type ScenarioResult } from "../lib/scenario.js";
import { containerRoundsOf, dockerRun, hostPython, type Launches, matchboxRun, type Task } from "../lib/subjects.js";

const TASK: Task = { code: "print(1)", expected: "1\n" };
const LANE = "python";
const WARMUP_ROUNDS = 3;

export const warmHit: Scenario = {
  name: "warm-hit",
  summary:
    "print(1) in a sandbox that waits ready, beside what else runs it: containers in three ways, and no container",
  defaults: { runs: 200, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  if (options.baseline !== undefined) return besideBuild(options, options.baseline);
  await using daemon = await daemonAt(options);
  await using client = await MatchboxClient.connect({ url: daemon.url, token: options.token });
  const launches: Launches = { warm: 0, cold: 0 };
  const containerRounds = containerRoundsOf(options.runs);

  const image = imageTag("sandbox");
  await using exec = await dockerExec(image, TASK, containerRounds);
  await using echo = await webSocketEcho(TASK, { lane: LANE, rounds: options.runs });
  const subjects = [
    matchboxRun(client, { lane: LANE, task: TASK, rounds: options.runs, launches }),
    await dockerRun(image, TASK, containerRounds),
    dockerodeRun(image, TASK, containerRounds),
    ...(exec === undefined ? [] : [exec]),
    await hostPython(TASK, options.runs),
    echo,
  ];
  const results = await measureLatencies(subjects, {
    scenario: warmHit.name,
    urls: [daemon.url],
    warmupRounds: WARMUP_ROUNDS,
    options,
  });
  return {
    scenario: warmHit.name,
    summary: warmHit.summary,
    settings: {
      runs: options.runs,
      containerRounds,
      idleMs: options.idleMs,
      warmupRounds: WARMUP_ROUNDS,
      daemon: options.url ?? "own",
    },
    subjects: results,
    ratios: ratiosOfFirst(results),
    notes: [...floorNotes(results), launchNote(launches), CHECKED_NOTE],
  };
}

/** Another build in the place of everything else: whether the warm path has become slower. */
async function besideBuild(options: ScenarioOptions, folder: string): Promise<ScenarioResult> {
  await using daemon = await ownDaemon(options);
  await using other = await ownDaemon(options, [], { folder, suffix: "baseline" });
  await using client = await MatchboxClient.connect({ url: daemon.url });
  await using otherClient = await MatchboxClient.connect({ url: other.url });
  const launches: Launches = { warm: 0, cold: 0 };
  const measured = { lane: LANE, task: TASK, rounds: options.runs, launches };
  const results = await measureLatencies(
    [matchboxRun(client, measured), { ...matchboxRun(otherClient, measured), name: "baseline" }],
    { scenario: warmHit.name, urls: [daemon.url, other.url], warmupRounds: WARMUP_ROUNDS, options },
  );
  return {
    scenario: warmHit.name,
    summary: "print(1) in a sandbox that waits ready, beside the same on another build",
    settings: {
      runs: options.runs,
      idleMs: options.idleMs,
      warmupRounds: WARMUP_ROUNDS,
      daemon: "own",
      baseline: "another build",
    },
    subjects: results,
    ratios: ratiosOfFirst(results),
    notes: [launchNote(launches), CHECKED_NOTE],
  };
}
