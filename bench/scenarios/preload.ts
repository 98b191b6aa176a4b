import { MatchboxClient } from "../../src/client/client.js";
import { engineAddress } from "../../src/container/engine-address.js";
import { ImageApi } from "../../src/setup/docker-api.js";
import { imageTag } from "../../src/setup/sandbox-image.js";
import { launchNote, measureLatencies } from "../lib/latencies.js";
import { ownDaemon } from "../lib/own-daemon.js";
import { ratiosOfFirst, type Scenario, type ScenarioOptions, type ScenarioResult } from "../lib/scenario.js";
import { containerRoundsOf, dockerRun, type Launches, matchboxRun, type Task } from "../lib/subjects.js";
import { summarize } from "../lib/summary.js";

/** Prints how many milliseconds the import took, by the program's own clock. */
const TASK: Task = {
  code: "import time; t = time.perf_counter(); import pandas; print((time.perf_counter() - t) * 1000)",
  expected: /^\d+(?:\.\d+)?(?:e-?\d+)?\n$/,
};
const LANES = {
  ready: "{language: python, target: data, memoryMiB: 1024, warm: 1, preload: [pandas]}",
  plain: "{language: python, target: data, memoryMiB: 1024, warm: 1}",
};
const WARMUP_ROUNDS = 2;

export const preload: Scenario = {
  name: "preload",
  summary:
    "import pandas where the lane has imported it before the hand-out, beside a lane that has not and `docker run`",
  defaults: { runs: 40, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  const image = imageTag("data");
  if (!(await new ImageApi(engineAddress(process.env["DOCKER_HOST"] ?? null)).has(image))) {
    throw new Error(`The scenario preload needs the image ${image}. Build it with: npx matchbox build --target data`);
  }
  await using daemon = await ownDaemon(options, [
    ...["lanes.python.warm=0", "lanes.shell.warm=0"],
    ...Object.entries(LANES).map(([name, lane]) => `lanes.${name}=${lane}`),
  ]);
  await using client = await MatchboxClient.connect({ url: daemon.url });
  const launches: Launches = { warm: 0, cold: 0 };
  const containerRounds = containerRoundsOf(options.runs);

  const inLane = (lane: keyof typeof LANES) =>
    matchboxRun(client, { lane, task: TASK, rounds: options.runs, launches });
  const subjects = [
    { ...inLane("ready"), name: "preloaded", description: `one run in a lane ${LANES.ready}` },
    { ...inLane("plain"), name: "not preloaded", description: `one run in a lane ${LANES.plain}` },
    await dockerRun(image, TASK, containerRounds),
  ];
  const results = await measureLatencies(subjects, {
    scenario: preload.name,
    urls: [daemon.url],
    warmupRounds: WARMUP_ROUNDS,
    options,
    figures: (samples) => ({ import: summarize(samples.map(({ output }) => Number(output))) }),
  });
  return {
    scenario: preload.name,
    summary: preload.summary,
    settings: {
      runs: options.runs,
      containerRounds,
      idleMs: options.idleMs,
      warmupRounds: WARMUP_ROUNDS,
      daemon: "own",
    },
    subjects: results,
    // How many times faster nothing is than something says little: what is left of the import is a look into a table.
    ratios: ratiosOfFirst(results).filter(({ metric }) => metric !== "import"),
    notes: [
      "`import` is what the program measured itself; `first byte` and `exit` are measured from outside, as ever.",
      "A lane has half a processor by default, `docker run` a whole one.",
      launchNote(launches),
    ],
  };
}
