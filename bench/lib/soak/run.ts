import type { MatchboxClient } from "../../../src/client/client.js";
import { RawConnection } from "../raw-connection.js";
import { REASONS, type SoakStep } from "./plan.js";
import { collectOf, type Expected, expectedOf, inputOf, PROGRAMS } from "./programs.js";

const TIMEOUT_MS = 200;

/** What came of a run. */
interface Outcome {
  readonly reason: string;
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Contents of the collected files. */
  readonly files: readonly string[];
}

/**
 * Does one run of a soak and waits until its sandbox is gone, or its client.
 * @throws Error that says which run it was, what it did and what was expected
 */
export async function soakRun(
  step: SoakStep,
  { client, url, token }: { client: MatchboxClient; url: string; token: string | undefined },
): Promise<void> {
  const word = `run-${step.index}`;
  if (step.kind === "disconnect") {
    await disconnect(step, word, { url, token });
    return;
  }
  const outcome = await outcomeOf(client, step, word);
  const problem = differenceOf(outcome, REASONS[step.kind], expectedOf(step.lane, step.kind, word));
  if (problem !== undefined) throw new Error(`run ${step.index} (${step.kind}, lane ${step.lane}): ${problem}`);
}

async function outcomeOf(client: MatchboxClient, { lane, kind }: SoakStep, word: string): Promise<Outcome> {
  const run = client.run({
    lane,
    code: PROGRAMS[lane][kind],
    args: [word],
    collect: collectOf(kind),
    ...(kind === "stdin" ? { stdin: true } : {}),
    ...(kind === "time-out" ? { timeoutMs: TIMEOUT_MS } : {}),
  });
  if (kind === "stdin") {
    await run.write(inputOf(word));
    run.end();
  }
  let stdout = "";
  let stderr = "";
  const files: string[] = [];
  for await (const event of run) {
    if (event.type === "stdout") {
      stdout += event.data;
      if (kind === "cancel") run.cancel();
    } else if (event.type === "stderr") stderr += event.data;
    else if (event.type === "file") files.push(event.content ?? `skipped: ${event.skipped ?? "for no reason"}`);
    else if (event.type === "error") throw new Error(`${kind}: ${event.message}`);
  }
  const { reason, exitCode } = await run.exit;
  if ((await run.destroyed) === undefined) throw new Error(`${kind}: the run had no sandbox`);
  return { reason, exitCode, stdout, stderr, files };
}

/** A client that is cut off while its program runs. Its ending nobody hears: the daemon's own count tells. */
async function disconnect(
  { lane, kind }: SoakStep,
  word: string,
  { url, token }: { url: string; token: string | undefined },
): Promise<void> {
  using connection = await RawConnection.open(url, token);
  const output = connection.waitFor("stdout");
  connection.send({ type: "run", id: word, lane, code: PROGRAMS[lane][kind], args: [word] });
  const { data } = await output;
  if (data !== `${word}\n`) throw new Error(`${word} (${kind}): printed ${JSON.stringify(data)}`);
}

/** What is not as expected, in words; undefined when all is. */
export function differenceOf(outcome: Outcome, reason: string, expected: Expected): string | undefined {
  if (outcome.reason !== reason || outcome.exitCode !== expected.exitCode) {
    return `ended with ${outcome.reason} ${outcome.exitCode ?? ""} instead of ${reason} ${expected.exitCode ?? ""}; stderr: ${JSON.stringify(outcome.stderr)}`;
  }
  if (outcome.stdout !== expected.stdout) {
    return `printed ${shorten(outcome.stdout)} instead of ${shorten(expected.stdout)}`;
  }
  if (expected.stderr === undefined ? outcome.stderr !== "" : !expected.stderr.test(outcome.stderr)) {
    return `stderr was ${shorten(outcome.stderr)} instead of ${expected.stderr === undefined ? "empty" : String(expected.stderr)}`;
  }
  const files = expected.file === undefined ? [] : [expected.file];
  if (JSON.stringify(outcome.files) !== JSON.stringify(files)) {
    return `brought the files ${JSON.stringify(outcome.files)} instead of ${JSON.stringify(files)}`;
  }
  return undefined;
}

const SHOWN_CHARS = 60;

function shorten(text: string): string {
  return text.length <= SHOWN_CHARS
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, SHOWN_CHARS))}... (${text.length} characters)`;
}
