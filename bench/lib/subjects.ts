import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ClientRunRequest, MatchboxClient } from "../../src/client/client.js";
import type { ExitMessage } from "../../src/protocol/exit.js";
import type { Launch } from "../../src/protocol/messages.js";
import { timeRun } from "./containers.js";
import { Engine } from "./engine.js";
import type { DescribedSubject } from "./interleave.js";
import { type Expected, isExpected, type Latency, timeProcess } from "./process-timing.js";

/** A program whose output is known. */
export interface Task {
  readonly code: string;
  readonly expected: Expected;
}

/** One run, or what takes its place. */
export type Described = DescribedSubject<Latency>;

/** Whatever starts a container takes a quarter of a second and heats the machine: a fifth of the rounds is enough for a median. */
const CONTAINER_SHARE = 5;

/** How many of so many rounds those have that start containers. */
export function containerRoundsOf(rounds: number): number {
  return Math.max(1, Math.ceil(rounds / CONTAINER_SHARE));
}

/** How often a sandbox was ready before its request, and how often not. */
export type Launches = Record<Launch, number>;

/** What a client sees of one run; moments on this process's clock, in ms. */
export interface ObservedRun {
  readonly launch: Launch;
  readonly firstByteAt: number;
  readonly exitAt: number;
  readonly output: string;
  /** By the daemon's clock. */
  readonly timings: ExitMessage["timings"];
  /** Settles when the daemon says that the sandbox is gone. */
  readonly destroyed: Promise<unknown>;
}

/**
 * One run over a connection that is open already, sent before this returns.
 * @param options.queueMs longest wait for a sandbox; the lane's own without it
 * @throws Error when it does not exit with 0 and exactly the expected output; MatchboxError when Matchbox fails it
 */
export async function observeRun(
  client: MatchboxClient,
  lane: string,
  { code, expected }: Task,
  options: Pick<ClientRunRequest, "queueMs"> = {},
): Promise<ObservedRun> {
  let launch: Launch | undefined;
  let firstByteAt: number | undefined;
  let exitAt: number | undefined;
  let output = "";
  const started = client.run({ lane, code, ...options });
  for await (const event of started) {
    if (event.type === "started") launch = event.launch;
    else if (event.type === "stdout") {
      firstByteAt ??= performance.now();
      output += event.data;
    } else if (event.type === "exit") exitAt = performance.now();
  }
  const { reason, exitCode, timings } = await started.exit;
  if (
    !isExpected(output, expected) ||
    exitCode !== 0 ||
    launch === undefined ||
    firstByteAt === undefined ||
    exitAt === undefined
  ) {
    throw new Error(`matchbox: the run ended with ${reason} ${exitCode ?? ""} and printed ${JSON.stringify(output)}`);
  }
  return { launch, firstByteAt, exitAt, output, timings, destroyed: started.destroyed };
}

/**
 * One run over a connection that is open already. Counts in `launches` how its sandbox was had.
 * @throws Error when it does not exit with 0 and exactly the expected output
 */
export async function timeMatchboxRun(
  client: MatchboxClient,
  lane: string,
  task: Task,
  launches?: Launches,
): Promise<Latency> {
  const begin = performance.now();
  const { launch, firstByteAt, exitAt, output } = await observeRun(client, lane, task);
  if (launches !== undefined) launches[launch] += 1;
  return { firstByteMs: firstByteAt - begin, exitMs: exitAt - begin, output };
}

export function matchboxRun(
  client: MatchboxClient,
  { lane, task, rounds, launches }: { lane: string; task: Task; rounds: number; launches: Launches },
): Described {
  return {
    name: "matchbox",
    description: `one run over an open WebSocket with the TypeScript client, lane "${lane}"; the end is its exit message`,
    rounds,
    measure: () => timeMatchboxRun(client, lane, task, launches),
  };
}

/** With the docker program where there is one, as anybody would; else through the engine's API, which saves its start. */
export async function dockerRun(image: string, { code, expected }: Task, rounds: number): Promise<Described> {
  const name = "docker run";
  if (await hasDockerProgram()) {
    const args = ["run", "--rm", "--network", "none", "--entrypoint", "python3", image, "-c", code];
    return {
      name,
      description: `docker run --rm --network none --entrypoint python3 IMAGE -c '${code}', the same image`,
      rounds,
      measure: () => timeProcess("docker", args, expected),
    };
  }
  const engine = new Engine();
  return {
    name,
    description:
      "create, attach, start, wait and remove through the engine's API with the same image (there is no docker program here)",
    rounds,
    measure: () => timeRun(engine, image, { command: ["python3", "-c", code], expected }),
  };
}

/** The interpreter itself: `python3` on the path may be the script of a version manager, which takes longer than Python. */
export async function hostPython({ code, expected }: Task, rounds: number): Promise<Described> {
  const { stdout } = await promisify(execFile)("python3", [
    "-c",
    "import platform, sys; print(sys.executable); print(platform.python_version())",
  ]);
  const [executable = "python3", version = ""] = stdout.split("\n");
  return {
    name: "host python3",
    description: `python3 -c '${code}' of the host (${version}), without any container`,
    rounds,
    measure: () => timeProcess(executable, ["-c", code], expected),
  };
}

export async function hasDockerProgram(): Promise<boolean> {
  return promisify(execFile)("docker", ["--version"]).then(
    () => true,
    () => false,
  );
}
