import { MatchboxClient } from "../../src/client/client.js";
import { CHECKED_NOTE, launchNote, measureLatencies } from "../lib/latencies.js";
import { Neighbours } from "../lib/neighbours/neighbours.js";
import { ownDaemon } from "../lib/own-daemon.js";
import { ratiosOfFirst, type Scenario, type ScenarioOptions, type ScenarioResult } from "../lib/scenario.js";
import { type Described, hostPython, type Launches, matchboxRun, type Task } from "../lib/subjects.js";

const TASK: Task = { code: "print(1)", expected: "1\n" };
/** The neighbours have a lane of their own, so that stock and refill of the measured one are the same in every case. */
const LANE = "python";
const NEIGHBOUR_LANE = "neighbours";
const NEIGHBOURS = 4;
const SETTINGS = [
  `lanes.${LANE}.warm=4`,
  "lanes.shell.warm=0",
  `lanes.${NEIGHBOUR_LANE}={language: python, warm: ${NEIGHBOURS}, timeoutMs: 60000, maxTimeoutMs: 60000}`,
];
const WARMUP_ROUNDS = 1;

/** What each neighbour does once it has said `up`, and for as long as it is let. */
const MISCHIEF: Readonly<Record<string, string>> = {
  "busy loops": "while True: pass",
  "fork bombs": ["import os", "while True:", "    try: os.fork()", "    except OSError: pass"].join("\n"),
  "memory hogs": [
    "held = bytearray(400 << 20)",
    "while True:",
    "    for at in range(0, len(held), 4096): held[at] = (held[at] + 1) % 256",
  ].join("\n"),
  "floods of output": "while True: print('x' * 4095, flush=True)",
};

export const neighbour: Scenario = {
  name: "neighbour",
  summary: "print(1) in a sandbox that waits ready, alone and beside sandboxes that do their worst",
  defaults: { runs: 40, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  await using daemon = await ownDaemon(options, SETTINGS);
  await using client = await MatchboxClient.connect({ url: daemon.url });
  await using others = await Neighbours.connect(daemon.url, NEIGHBOUR_LANE);
  const launches: Launches = { warm: 0, cold: 0 };
  const one = matchboxRun(client, { lane: LANE, task: TASK, rounds: options.runs, launches });
  const python = await hostPython(TASK, options.runs);
  const results = await measureLatencies(
    [
      { ...one, name: "alone", description: `${one.description}; the other lane idle` },
      ...Object.entries(MISCHIEF).map(([name, code]) => beside(others, one, { name, code })),
      {
        ...beside(others, python, { name: "busy loops", code: MISCHIEF["busy loops"] ?? "" }),
        name: "host python3 beside busy loops",
      },
    ],
    { scenario: neighbour.name, urls: [daemon.url], warmupRounds: WARMUP_ROUNDS, options },
  );
  return {
    scenario: neighbour.name,
    summary: neighbour.summary,
    settings: {
      runs: options.runs,
      idleMs: options.idleMs,
      warmupRounds: WARMUP_ROUNDS,
      neighbours: NEIGHBOURS,
      daemon: `own, ${SETTINGS.join(" ")}`,
    },
    subjects: results,
    ratios: ratiosOfFirst(results),
    notes: [
      `Beside: ${NEIGHBOURS} sandboxes of another lane (half a processor and 512 MiB each, as is the default) do it all the while, run by another process over a connection of its own. A measurement begins when all have begun.`,
      CHECKED_NOTE,
      launchNote(launches),
    ],
  };
}

/** The same measurement, while neighbours do something; they are gone when it has been taken. */
function beside(others: Neighbours, subject: Described, { name, code }: { name: string; code: string }): Described {
  return {
    ...subject,
    name: `beside ${name}`,
    description: `the same while ${NEIGHBOURS} sandboxes run: ${code.replaceAll("\n", "; ").replaceAll(/ +/g, " ")}`,
    measure: async () => {
      try {
        await others.start(code, NEIGHBOURS);
        return await subject.measure();
      } finally {
        await others.stop();
      }
    },
  };
}
