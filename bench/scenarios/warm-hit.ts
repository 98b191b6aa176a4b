import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { parseAddress } from "../../src/client/address.js";
import { MatchboxClient } from "../../src/client/client.js";
import { imageTag } from "../../src/setup/sandbox-image.js";
import { atRest } from "../lib/at-rest.js";
import { Engine } from "../lib/engine.js";
import { interleave, type Subject } from "../lib/interleave.js";
import { daemonAt } from "../lib/own-daemon.js";
import { type Latency, timeProcess } from "../lib/process-timing.js";
import { ratiosOfFirst, type Scenario, type ScenarioOptions, type ScenarioResult } from "../lib/scenario.js";
import { summarize } from "../lib/summary.js";

const CODE = "print(1)";
const EXPECTED = "1\n";
const LANE = "python";
const WARMUP_ROUNDS = 3;
/** `docker run` takes a quarter of a second and heats the machine: a fifth of the rounds is enough for a median. */
const DOCKER_SHARE = 5;

/** A subject with the words that describe it. */
type Described = Subject<Latency> & { readonly description: string };

export const warmHit: Scenario = {
  name: "warm-hit",
  summary:
    "print(1) in a sandbox that waits ready, beside `docker run` of the same image and python3 without a container",
  defaults: { runs: 200, idleMs: 250 },
  run,
};

async function run(options: ScenarioOptions): Promise<ScenarioResult> {
  await using daemon = await daemonAt(options.url);
  await using client = await MatchboxClient.connect({ url: daemon.url, token: options.token });
  const launches: Record<"warm" | "cold", number> = { warm: 0, cold: 0 };
  const dockerRounds = Math.max(1, Math.ceil(options.runs / DOCKER_SHARE));

  const subjects: Described[] = [
    matchbox(client, options.runs, launches),
    await dockerRun(dockerRounds),
    await hostPython(options.runs),
  ];
  const samples = await interleave(subjects, {
    rounds: options.runs,
    warmupRounds: WARMUP_ROUNDS,
    settle: () => atRest(parseAddress(daemon.url), options.token),
    idleMs: options.idleMs,
    onRound: (round) => {
      options.onProgress(`warm-hit: round ${round + 1} of ${options.runs}`);
    },
  });

  const results = subjects.map(({ name, description }, index) => {
    const own = samples[index] ?? [];
    return {
      name,
      description,
      metrics: {
        "first byte": summarize(own.map(({ firstByteMs }) => firstByteMs)),
        exit: summarize(own.map(({ exitMs }) => exitMs)),
      },
    };
  });
  return {
    scenario: warmHit.name,
    summary: warmHit.summary,
    settings: {
      runs: options.runs,
      dockerRounds,
      idleMs: options.idleMs,
      warmupRounds: WARMUP_ROUNDS,
      daemon: options.url ?? "own",
    },
    subjects: results,
    ratios: ratiosOfFirst(results),
    notes: [
      `${launches.warm} sandboxes were ready before their request, ${launches.cold} were not (warm-up included); all count.`,
      "Every output was compared with the expected one; a wrong one would have ended the measurement.",
    ],
  };
}

function matchbox(client: MatchboxClient, rounds: number, launches: Record<"warm" | "cold", number>): Described {
  return {
    name: "matchbox",
    description: `one run over an open WebSocket with the TypeScript client, lane "${LANE}"; the end is its exit message`,
    rounds,
    async measure() {
      let firstByteMs: number | undefined;
      let exitMs: number | undefined;
      let output = "";
      const begin = performance.now();
      const started = client.run({ lane: LANE, code: CODE });
      for await (const event of started) {
        if (event.type === "started") launches[event.launch] += 1;
        else if (event.type === "stdout") {
          firstByteMs ??= performance.now() - begin;
          output += event.data;
        } else if (event.type === "exit") exitMs = performance.now() - begin;
      }
      const { reason, exitCode } = await started.exit;
      if (output !== EXPECTED || exitCode !== 0 || firstByteMs === undefined || exitMs === undefined) {
        throw new Error(
          `matchbox: the run ended with ${reason} ${exitCode ?? ""} and printed ${JSON.stringify(output)}`,
        );
      }
      return { firstByteMs, exitMs };
    },
  };
}

/** With the docker program where there is one, as anybody would; else through the engine's API, which saves its start. */
async function dockerRun(rounds: number): Promise<Described> {
  const image = imageTag("sandbox");
  const name = "docker run";
  if (await exists("docker")) {
    const args = ["run", "--rm", "--network", "none", "--entrypoint", "python3", image, "-c", CODE];
    return {
      name,
      description: `docker run --rm --network none --entrypoint python3 IMAGE -c '${CODE}', the sandbox image`,
      rounds,
      measure: () => timeProcess("docker", args, EXPECTED),
    };
  }
  const engine = new Engine();
  return {
    name,
    description:
      "create, attach, start, wait and remove through the engine's API with the sandbox image (there is no docker program here)",
    rounds,
    measure: () => engine.timeRun(image, ["python3", "-c", CODE], EXPECTED),
  };
}

/** The interpreter itself: `python3` on the path may be the script of a version manager, which takes longer than Python. */
async function hostPython(rounds: number): Promise<Described> {
  const { stdout } = await promisify(execFile)("python3", [
    "-c",
    "import platform, sys; print(sys.executable); print(platform.python_version())",
  ]);
  const [executable = "python3", version = ""] = stdout.split("\n");
  return {
    name: "host python3",
    description: `python3 -c '${CODE}' of the host (${version}), without any container`,
    rounds,
    measure: () => timeProcess(executable, ["-c", CODE], EXPECTED),
  };
}

async function exists(program: string): Promise<boolean> {
  return promisify(execFile)(program, ["--version"]).then(
    () => true,
    () => false,
  );
}
