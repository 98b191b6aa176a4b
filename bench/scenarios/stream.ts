import { availableParallelism } from "node:os";
import { parseAddress } from "../../src/client/address.js";
import { MatchboxClient } from "../../src/client/client.js";
import type { LaneLimits } from "../../src/protocol/messages.js";
import { imageTag } from "../../src/setup/sandbox-image.js";
import { atRest } from "../lib/at-rest.js";
import { type DescribedSubject, interleave, type InterleaveOptions } from "../lib/interleave.js";
import { processMemory } from "../lib/memory/memory.js";
import { daemonAt } from "../lib/own-daemon.js";
import {
  ratiosBetween,
  type Scenario,
  type ScenarioOptions,
  type ScenarioResult,
  type SubjectResult,
} from "../lib/scenario.js";
import {
  attachFlood,
  dockerFlood,
  dockerLines,
  type Flood,
  matchboxFlood,
  matchboxLines,
  type MatchboxPath,
  type Throughput,
} from "../lib/stream/subjects.js";
import { hasDockerProgram } from "../lib/subjects.js";
import { type Summary, summarize } from "../lib/summary.js";

const LANE = "python";
const WARMUP_ROUNDS = 1;
const MIB = 1_048_576;
const BLOCK_BYTES = 65_536;
/** Takes a second or more on anything that streams up to 250 MB/s, so that what is particular to a beginning hardly counts. */
const FLOOD_MIB = 256;
/** The most that a lane can be set to send of one run. */
const MAX_OUTPUT_BYTES = 1_024 * MIB;
/** Room for a busy machine: a time-out in the middle would end the measurement. */
const TIMEOUT_MS = 120_000;
/** A lane's half a processor would measure the throttled program; the path needs the other one. */
const MAX_CPUS = 2;

/** Text in lines of 64 characters, as it is usual, so that JSON has something to escape. */
const FLOOD: Flood = {
  code: `import sys
block = (b"x" * 63 + b"\\n") * ${BLOCK_BYTES / 64}
for _ in range(${(FLOOD_MIB * MIB) / BLOCK_BYTES}):
    sys.stdout.buffer.write(block)
`,
  bytes: FLOOD_MIB * MIB,
};

const LINES = 1_000_000;
const LINES_CODE = `for i in range(${LINES}): print(i)`;

export const stream: Scenario = {
  name: "stream",
  summary:
    "stdout through the whole path in MB/s, beside `docker run` and the engine's bare attach stream; and a million one-line prints",
  defaults: { runs: 10, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  const cpus = Math.min(MAX_CPUS, availableParallelism());
  await using daemon = await daemonAt(options, [
    `lanes.${LANE}.cpus=${cpus}`,
    `lanes.${LANE}.maxOutputBytes=${MAX_OUTPUT_BYTES}`,
    `lanes.${LANE}.timeoutMs=${TIMEOUT_MS}`,
    `lanes.${LANE}.maxTimeoutMs=${TIMEOUT_MS}`,
    `lanes.${LANE}.warm=2`,
    "lanes.shell.warm=0",
  ]);
  await using client = await MatchboxClient.connect({ url: daemon.url, token: options.token });
  const lane = laneForFlood(client.lanes);
  const path = { client, lane, pid: daemon.pid };
  const hasDocker = await hasDockerProgram();
  const rounds = options.runs;

  const floods = floodSubjects(path, rounds, hasDocker);
  const lines = lineSubjects(path, rounds, hasDocker);
  const plan = (part: string): InterleaveOptions => ({
    rounds,
    warmupRounds: WARMUP_ROUNDS,
    settle: () => atRest(parseAddress(daemon.url), options.token),
    idleMs: options.idleMs,
    signal: options.signal,
    onRound: (round) => {
      options.onProgress(`stream: ${part}, round ${round + 1} of ${rounds}`);
    },
  });
  const beforeMiB = await residentMiB(daemon.pid);
  const throughputs = await interleave(floods, plan("throughput"));
  const afterMiB = await residentMiB(daemon.pid);
  const times = await interleave(lines, plan("lines"));

  const subjects = floods.map(({ name, description }, index): SubjectResult => {
    const own = throughputs[index] ?? [];
    const line = lines.findIndex((subject) => subject.name === name);
    return {
      name,
      description: line < 0 ? description : `${description}. Lines: ${lines[line]?.description ?? ""}`,
      metrics: { ...throughputMetrics(own), ...(line < 0 ? {} : { lines: summarize(times[line] ?? []) }) },
    };
  });
  return {
    scenario: stream.name,
    summary: stream.summary,
    settings: {
      runs: rounds,
      floodMiB: FLOOD_MIB,
      blockBytes: BLOCK_BYTES,
      lines: LINES,
      cpus: lane.cpus,
      idleMs: options.idleMs,
      warmupRounds: WARMUP_ROUNDS,
      daemon: options.url ?? "own",
    },
    subjects,
    ratios: subjects
      .filter(({ name }) => name.startsWith("matchbox"))
      .flatMap((own) =>
        subjects.filter(({ name }) => !name.startsWith("matchbox")).flatMap((other) => ratiosBetween(own, other)),
      ),
    notes: [
      `Every measurement had to bring exactly ${FLOOD.bytes} bytes, or exactly the ${LINES} lines; another number would have ended it.`,
      "Rates are taken from the first piece of output to the last, by whoever reads it; the lines from the request (or the spawn of `docker run`, its start included) to the end.",
      `All containers had ${lane.cpus} processors, not a lane's usual 0.5, which would have held the program itself back. All that reads, daemon and engine share the machine's ${availableParallelism()} with them.`,
      "`docker run` has the engine's default log driver, as for anybody who does not choose another; the bare attach has none, and so has Matchbox.",
      "The text is ASCII in lines of 64 characters; other text takes longer to become UTF-8 and JSON, and base64 is a third more on the wire.",
      ...(hasDocker ? [] : ["There is no docker program here, so `docker run` could not be measured."]),
      daemonNote(beforeMiB, afterMiB, throughputs),
    ],
  };
}

function floodSubjects(path: MatchboxPath, rounds: number, hasDocker: boolean): DescribedSubject<Throughput>[] {
  const image = imageTag("sandbox");
  const { cpus } = path.lane;
  return [
    matchboxFlood(path, { flood: FLOOD, encoding: "utf8", rounds }),
    matchboxFlood(path, { flood: FLOOD, encoding: "base64", rounds }),
    ...(hasDocker ? [dockerFlood(image, { flood: FLOOD, cpus, rounds })] : []),
    attachFlood(image, { flood: FLOOD, cpus, rounds }),
  ];
}

function lineSubjects(path: MatchboxPath, rounds: number, hasDocker: boolean): DescribedSubject<number>[] {
  const task = { code: LINES_CODE, expected: Array.from({ length: LINES }, (_, line) => `${line}\n`).join(""), rounds };
  return [
    matchboxLines(path, task),
    ...(hasDocker ? [dockerLines(imageTag("sandbox"), { ...task, cpus: path.lane.cpus })] : []),
  ];
}

/** @throws Error when the daemon's lane would cut the output: only a daemon of the bench's own is set up for this */
function laneForFlood(lanes: readonly LaneLimits[]): LaneLimits {
  const lane = lanes.find(({ name }) => name === LANE);
  if (lane === undefined) throw new Error(`the daemon has no lane "${LANE}"`);
  if (lane.maxOutputBytes < FLOOD.bytes) {
    throw new Error(
      `lanes.${LANE}.maxOutputBytes of the daemon is ${lane.maxOutputBytes}; this scenario needs at least ${FLOOD.bytes}, or leave --url out`,
    );
  }
  return lane;
}

function throughputMetrics(samples: readonly Throughput[]): Record<string, Summary> {
  const peaks = samples.flatMap(({ peakMiB }) => peakMiB ?? []);
  return {
    stdout: summarize(
      samples.map(({ mbPerS }) => mbPerS),
      "MB/s",
    ),
    ...(peaks.length === 0 ? {} : { "daemon's peak": summarize(peaks, "MiB") }),
  };
}

async function residentMiB(pid: number | undefined): Promise<number | undefined> {
  return pid === undefined ? undefined : (await processMemory(pid)).residentMiB;
}

function daemonNote(
  beforeMiB: number | undefined,
  afterMiB: number | undefined,
  throughputs: readonly (readonly Throughput[])[],
): string {
  if (beforeMiB === undefined || afterMiB === undefined) {
    return "The memory of a daemon that was running already is not looked at.";
  }
  const peakMiB = Math.max(...throughputs.flat().flatMap((sample) => sample.peakMiB ?? []));
  return `The daemon had ${beforeMiB.toFixed(1)} MiB in memory (VmRSS) before its first run, ${peakMiB.toFixed(1)} MiB at most while it streamed (VmHWM, reset before each measurement), ${(peakMiB - beforeMiB).toFixed(1)} MiB more, and ${afterMiB.toFixed(1)} MiB at rest afterwards.`;
}
