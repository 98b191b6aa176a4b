import type { Readable } from "node:stream";
import { decodeData } from "../client/bytes.js";
import { type ClientRunRequest, MatchboxClient } from "../client/client.js";
import { MatchboxError } from "../client/errors.js";
import type { RunEvent } from "../client/inbox.js";
import { collectedFile } from "../client/output.js";
import type { Run } from "../client/run.js";
import { showAddress } from "../client/address.js";
import type { ExitMessage } from "../protocol/exit.js";
import { hasCode, messageOf } from "../errors.js";
import { CliError, EXIT_MATCHBOX_FAILED } from "./cli-error.js";
import { saveCollectedFile, type SaveOptions } from "./collected-files.js";
import { showDuration } from "./duration.js";
import { describeEnding } from "./ending.js";
import { exitCodeOf, exitCodeOfSignal } from "./exit-code.js";
import { describeFailure } from "./failure.js";
import { catchInterrupts, type Interrupts } from "./interrupts.js";
import type { DaemonOptions } from "./options.js";
import { RunReport } from "./run-report.js";
import { notice } from "./terminal.js";
import { OutputWriter } from "./output-writer.js";

export interface ExecuteOptions {
  readonly daemon: DaemonOptions;
  readonly passStdin: boolean;
  readonly isJson: boolean;
  readonly save: SaveOptions;
}

/**
 * Unread output above which the connection is not read. Over a lane's usual output limit, so that somebody who pages
 * through the output (`| less`) does not look to the daemon like a client that died.
 */
const HIGH_WATER_BYTES = 32 * 1024 * 1024;

/**
 * One `matchbox run`, from connecting to the exit code.
 * @returns the exit code; whatever went wrong has been told
 */
export async function executeRun(
  request: Omit<ClientRunRequest, "id" | "encoding">,
  options: ExecuteOptions,
): Promise<number> {
  using interrupts = catchInterrupts();
  const report = new RunReport(request.lane);
  const exitCode = await attempt(request, { ...options, interrupts, report });
  if (options.isJson) process.stdout.write(`${report.toJson()}\n`);
  return exitCode;
}

interface Attempt extends ExecuteOptions {
  readonly interrupts: Interrupts;
  readonly report: RunReport;
}

async function attempt(request: Omit<ClientRunRequest, "id" | "encoding">, options: Attempt): Promise<number> {
  const { daemon, interrupts, report } = options;
  try {
    await using client = await MatchboxClient.connect({
      ...(daemon.url.kind === "unix" ? { socketPath: daemon.url.socketPath } : { url: showAddress(daemon.url) }),
      token: daemon.token,
      signal: interrupts.signal,
      highWaterBytes: HIGH_WATER_BYTES,
    });
    // base64, because a program's output is bytes, and what comes out here must be the same ones.
    const run = client.run({ ...request, encoding: "base64" }, { signal: interrupts.signal });
    return await follow(run, client, request, options);
  } catch (error) {
    if (interrupts.signal.aborted && !(error instanceof CliError))
      return exitCodeOfSignal(interrupts.first ?? "SIGINT");
    if (!(error instanceof MatchboxError)) throw error;
    report.failed(error);
    notice(describeFailure(error));
    return EXIT_MATCHBOX_FAILED;
  }
}

async function follow(
  run: Run<Uint8Array>,
  client: MatchboxClient,
  request: Omit<ClientRunRequest, "id" | "encoding">,
  { passStdin, isJson, save, interrupts, report }: Attempt,
): Promise<number> {
  const output = new OutputWriter(process.stdout, process.stderr);
  const input = passStdin ? pumpInput(run, process.stdin) : Promise.resolve(undefined);
  let exit: ExitMessage | undefined;
  let isFileMissing = false;

  for await (const event of run) {
    switch (event.type) {
      case "queued":
        if (!isJson && process.stderr.isTTY) notice(describeQueued(event));
        break;
      case "stdout":
      case "stderr": {
        const bytes = decodeData(event.data, "base64");
        if (isJson) report.output(event.type, bytes);
        // Nobody reads any more: there is no point in going on, and the ending still has to be told.
        else if (!(await output.write(event.type, bytes))) run.cancel();
        break;
      }
      case "file": {
        const { bytes, ...file } = collectedFile(event, "base64");
        const saved =
          bytes === undefined
            ? { problem: `not sent (${file.skipped ?? "no content"})` }
            : await saveCollectedFile({ ...file, bytes }, save);
        if ("problem" in saved) {
          isFileMissing = true;
          notice(`${file.path}: ${saved.problem}`);
        }
        report.file(file, saved);
        break;
      }
      case "error":
        notice(describeComplaint(event.message));
        break;
      case "exit":
        exit = event;
        break;
      case "started":
        report.started(event);
        break;
      case "destroyed":
        break;
    }
  }

  process.stdin.destroy();
  const inputProblem = await input;
  if (exit === undefined) throw new Error("a run's messages ended without an ending");
  report.ended(run.id, exit);
  if (output.failure !== undefined) return tellWriteFailure(output.failure);
  if (inputProblem !== undefined) {
    notice(inputProblem);
    return EXIT_MATCHBOX_FAILED;
  }
  const lane = client.lanes.find(({ name }) => name === request.lane);
  for (const line of describeEnding(exit, { lane, timeoutMs: request.timeoutMs })) notice(line);
  const exitCode = exitCodeOf(exit, interrupts.first);
  return exitCode === 0 && isFileMissing ? EXIT_MATCHBOX_FAILED : exitCode;
}

/**
 * Passes our input on until it ends, or the run does.
 * @returns what was wrong with it, if something was; the run is cancelled then
 */
async function pumpInput(run: Run<Uint8Array>, stdin: Readable): Promise<string | undefined> {
  try {
    for await (const chunk of stdin) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError("stdin was not read as bytes");
      if (!(await run.write(chunk))) return undefined;
    }
    run.end();
    return undefined;
  } catch (error) {
    if (hasCode(error, "ERR_STREAM_PREMATURE_CLOSE")) return undefined; // The run ended first, and took the input with it.
    run.cancel();
    return `stdin cannot be passed on: ${messageOf(error)}`;
  }
}

function tellWriteFailure(error: NodeJS.ErrnoException): number {
  // A reader who has enough (`| head`) is no failure worth a line: other programs end by this signal, and say nothing.
  if (error.code === "EPIPE") return exitCodeOfSignal("SIGPIPE");
  notice(`The output cannot be written: ${error.message}. The run was cancelled.`);
  return EXIT_MATCHBOX_FAILED;
}

function describeQueued({ position, etaMs }: Extract<RunEvent, { type: "queued" }>): string {
  return `waiting for a sandbox: number ${position} in line${etaMs === null ? "" : `, about ${showDuration(etaMs)}`}`;
}

function describeComplaint(message: string): string {
  return `the daemon objects: ${message}`;
}
