import { EXIT_REASONS, type ExitMessage } from "./exit.js";
import { MAX_LANE_NAME_CHARS, MAX_RUN_ID_CHARS } from "./limits.js";
import { LAUNCHES, type OutputMessage, type RunMessage, type StartedMessage } from "./messages.js";

/*
 * The messages that nearly every run consists of, recognised without zod, which takes 0.1 ms for each where caches are cold.
 * What is recognised here zod would take as it is; about everything else zod decides, and says what is wrong.
 */

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isMilliseconds: Check = (value) => Number.isFinite(value) && Number(value) >= 0;
const isFlag: Check = (value) => typeof value === "boolean";
const isExitCode: Check = (value) => isCount(value) && Number(value) <= 255;
const isProgram: Check = (value) => typeof value === "string" && value.isWellFormed();

function oneOf(...values: readonly string[]): Check {
  return (value) => typeof value === "string" && values.includes(value);
}

function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

/** Narrower than a name may be: printable ASCII. */
function plainName(maxChars: number): Check {
  return (value) => typeof value === "string" && value.length <= maxChars && /^[\x20-\x7e]+$/.test(value);
}

/** An object with exactly these fields. */
function record(fields: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(fields);
  return (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.keys(value).length === entries.length &&
    entries.every(([name, check]) => Object.hasOwn(value, name) && check(Reflect.get(value, name)));
}

const id = plainName(MAX_RUN_ID_CHARS);

const isProgramAlone = record({
  type: oneOf("run"),
  id,
  lane: plainName(MAX_LANE_NAME_CHARS),
  code: isProgram,
});

const isStarted = record({
  type: oneOf("started"),
  id,
  seq: isCount,
  sandbox: isText,
  launch: oneOf(...LAUNCHES),
  queueMs: isMilliseconds,
  handoutMs: isMilliseconds,
});

const isOutput = record({ type: oneOf("stdout", "stderr"), id, seq: isCount, data: isText });

const streamReport = record({ bytes: isCount, sent: isCount, truncated: isFlag });

const isExit = record({
  type: oneOf("exit"),
  id,
  seq: isCount,
  reason: oneOf(...EXIT_REASONS),
  exitCode: orNull(isExitCode),
  signal: orNull(isText),
  timings: record({
    queueMs: isMilliseconds,
    handoutMs: isMilliseconds,
    firstByteMs: orNull(isMilliseconds),
    runMs: isMilliseconds,
  }),
  usage: record({ cpuMs: orNull(isMilliseconds), maxRssBytes: orNull(isCount), oomKills: orNull(isCount) }),
  output: record({ stdout: streamReport, stderr: streamReport }),
});

/** A request to run a program, and nothing else: no files, input or limits of its own. */
export function asProgramAlone(value: unknown): RunMessage | undefined {
  if (!isProgramAlone(value)) return undefined;
  const message = value as Pick<RunMessage, "type" | "id" | "lane" | "code">;
  return { ...message, args: [], env: {}, files: [], collect: [], limits: {}, encoding: "utf8" };
}

/** What the daemon says of a run that begins, writes and ends. */
export function isUsualAnswer(value: unknown): value is StartedMessage | OutputMessage | ExitMessage {
  return isOutput(value) || isStarted(value) || isExit(value);
}
