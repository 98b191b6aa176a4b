import type { MatchboxClient } from "../../../src/client/client.js";
import type { Run } from "../../../src/client/run.js";
import type { LaneLimits } from "../../../src/protocol/messages.js";
import { readStdout } from "../containers.js";
import { Engine } from "../engine.js";
import { Flow } from "./flow.js";
import type { DescribedSubject } from "../interleave.js";
import { processMemory, resetPeak } from "../memory/memory.js";
import { contentOf, namelessFile } from "./nameless-file.js";
import { runProgram } from "../process-output.js";

/** A program that writes so many bytes. */
export interface Flood {
  readonly code: string;
  readonly bytes: number;
}

/** How fast its output came. */
export interface Throughput {
  readonly mbPerS: number;
  /** The most that the daemon had in memory meanwhile; undefined where its process is not known, or not asked. */
  readonly peakMiB: number | undefined;
}

type Encoding = "utf8" | "base64";

/** Where a daemon is measured. */
export interface MatchboxPath {
  readonly client: MatchboxClient;
  readonly lane: LaneLimits;
  readonly pid: number | undefined;
}

/** The whole path, from the program to the loop that reads the client's messages. */
export function matchboxFlood(
  path: MatchboxPath,
  { flood, encoding, rounds }: { flood: Flood; encoding: Encoding; rounds: number },
): DescribedSubject<Throughput> {
  return {
    name: encoding === "utf8" ? "matchbox" : "matchbox, base64",
    description:
      encoding === "utf8"
        ? "one run, output as text; read with the TypeScript client's `for await` and thrown away"
        : "one run with `encoding: base64`; read with the TypeScript client's `for await`, decoded and thrown away",
    rounds,
    measure: async () => {
      const flow = new Flow();
      if (path.pid !== undefined) await resetPeak(path.pid);
      await readFlood(path, flood, encoding, flow);
      const peakMiB = path.pid === undefined ? undefined : (await processMemory(path.pid)).peakMiB;
      return { mbPerS: flow.rate(flood.bytes), peakMiB };
    },
  };
}

/** `docker run` with its stdout read and thrown away, as `| cat > /dev/null` does, by who can count it and take its time. */
export function dockerFlood(
  image: string,
  { flood, cpus, rounds }: { flood: Flood; cpus: number; rounds: number },
): DescribedSubject<Throughput> {
  return {
    name: "docker run",
    description: `docker run --rm --network none --cpus ${cpus} --entrypoint python3 IMAGE -c PROGRAM; its stdout is read by this process, in the place of \`| cat > /dev/null\`, and thrown away`,
    rounds,
    measure: async () => {
      const flow = new Flow();
      await runProgram("docker", dockerArguments(image, cpus, flood.code), (piece) => {
        flow.pass(piece.length);
      });
      return { mbPerS: flow.rate(flood.bytes), peakMiB: undefined };
    },
  };
}

/** As fast as the engine itself hands a container's output out. */
export function attachFlood(
  image: string,
  { flood, cpus, rounds }: { flood: Flood; cpus: number; rounds: number },
): DescribedSubject<Throughput> {
  const engine = new Engine();
  return {
    name: "bare attach",
    description: `a container of the same image (no network, ${cpus} processors, log driver none) whose stdout is read from the engine's attach socket and thrown away`,
    rounds,
    measure: async () => {
      const flow = new Flow();
      await readStdout(engine, image, {
        command: ["python3", "-c", flood.code],
        cpus,
        onStdout: (bytes) => {
          if (bytes > 0) flow.pass(bytes);
        },
      });
      return { mbPerS: flow.rate(flood.bytes), peakMiB: undefined };
    },
  };
}

/** Many small writes, to the run's end, in ms. */
export function matchboxLines(
  { client, lane }: MatchboxPath,
  { code, expected, rounds }: { code: string; expected: string; rounds: number },
): DescribedSubject<number> {
  return {
    name: "matchbox",
    description: "the same over an open connection, from the request to the exit message",
    rounds,
    measure: async () => {
      const begin = performance.now();
      const run = client.run({ lane: lane.name, code, timeoutMs: lane.maxTimeoutMs });
      const pieces: string[] = [];
      for await (const event of run) if (event.type === "stdout") pieces.push(event.data);
      const ms = performance.now() - begin;
      await requireWhole(run, expected.length);
      requireSame("matchbox", pieces.join(""), expected);
      return ms;
    },
  };
}

/** `docker run` into a file, from just before it is spawned to its end. */
export function dockerLines(
  image: string,
  { code, expected, cpus, rounds }: { code: string; expected: string; cpus: number; rounds: number },
): DescribedSubject<number> {
  return {
    name: "docker run",
    description: "the same `docker run`, its stdout redirected to a file",
    rounds,
    measure: async () => {
      const file = await namelessFile();
      try {
        const ms = await runProgram("docker", dockerArguments(image, cpus, code), file.fd);
        requireSame("docker run", await contentOf(file), expected);
        return ms;
      } finally {
        await file.close();
      }
    },
  };
}

function dockerArguments(image: string, cpus: number, code: string): string[] {
  return ["run", "--rm", "--network", "none", "--cpus", String(cpus), "--entrypoint", "python3", image, "-c", code];
}

async function readFlood(path: MatchboxPath, flood: Flood, encoding: Encoding, flow: Flow): Promise<void> {
  const { client, lane } = path;
  const request = { lane: lane.name, code: flood.code, timeoutMs: lane.maxTimeoutMs };
  const run = encoding === "utf8" ? client.run(request) : client.run({ ...request, encoding });
  for await (const event of run) {
    // The program writes ASCII, so a character is a byte; `rate` would find out if one were lost.
    if (event.type === "stdout")
      flow.pass(encoding === "utf8" ? event.data.length : Buffer.from(event.data, "base64").length);
  }
  await requireWhole(run, flood.bytes);
}

/** @throws Error when the program failed, or the daemon's own account has another number of bytes */
async function requireWhole(run: Run<string | Uint8Array>, bytes: number): Promise<void> {
  const { reason, exitCode, output } = await run.exit;
  const { stdout } = output;
  if (exitCode !== 0 || stdout.bytes !== bytes || stdout.sent !== bytes) {
    throw new Error(
      `matchbox: the run ended with ${reason} ${exitCode ?? ""}, wrote ${stdout.bytes} bytes and sent ${stdout.sent} of ${bytes}`,
    );
  }
}

function requireSame(who: string, output: string, expected: string): void {
  if (output === expected) return;
  throw new Error(`${who} printed ${output.length} characters that are not the ${expected.length} expected ones`);
}
