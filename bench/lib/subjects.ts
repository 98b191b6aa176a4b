import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { MatchboxClient } from "../../src/client/client.js";
import type { Launch } from "../../src/protocol/messages.js";
import { Engine } from "./engine.js";
import type { Subject } from "./interleave.js";
import { type Expected, isExpected, type Latency, timeProcess } from "./process-timing.js";

/** A program whose output is known. */
export interface Task {
  readonly code: string;
  readonly expected: Expected;
}

/** A subject with the words that describe it. */
export type Described = Subject<Latency> & { readonly description: string };

/** How often a sandbox was ready before its request, and how often not. */
export type Launches = Record<Launch, number>;

/**
 * One run over a connection that is open already. Counts in `launches` how its sandbox was had.
 * @throws Error when it does not exit with 0 and exactly the expected output
 */
export async function timeMatchboxRun(
  client: MatchboxClient,
  lane: string,
  { code, expected }: Task,
  launches?: Launches,
): Promise<Latency> {
  let firstByteMs: number | undefined;
  let exitMs: number | undefined;
  let output = "";
  const begin = performance.now();
  const started = client.run({ lane, code });
  for await (const event of started) {
    if (event.type === "started" && launches !== undefined) launches[event.launch] += 1;
    else if (event.type === "stdout") {
      firstByteMs ??= performance.now() - begin;
      output += event.data;
    } else if (event.type === "exit") exitMs = performance.now() - begin;
  }
  const { reason, exitCode } = await started.exit;
  if (!isExpected(output, expected) || exitCode !== 0 || firstByteMs === undefined || exitMs === undefined) {
    throw new Error(`matchbox: the run ended with ${reason} ${exitCode ?? ""} and printed ${JSON.stringify(output)}`);
  }
  return { firstByteMs, exitMs, output };
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
    measure: () => engine.timeRun(image, ["python3", "-c", code], expected),
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
