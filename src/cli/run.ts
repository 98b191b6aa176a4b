import { Command, InvalidArgumentError } from "commander";
import type { RunRequest } from "../protocol/messages.js";
import { CliError } from "./cli-error.js";
import { type FileArgument, parseFileArgument, readCode, readInputFiles, readText } from "./input-files.js";
import {
  argument,
  type DaemonOptions,
  duration,
  grace,
  parseVariable,
  repeated,
  tokenOption,
  urlOption,
} from "./options.js";
import { executeRun } from "./run-program.js";

const EXAMPLES = `
Examples:
  $ matchbox run python 'print(6 * 7)'
  $ matchbox run python -f report.py --file sales.csv --collect '*.png' -- 2026 --verbose
  $ echo 'ls -la' | matchbox run shell -
  $ tar c src | matchbox run shell 'tar t' --stdin

The exit code is the program's own, except:
  124      it ran into its time-out            130/143  cancelled by Ctrl-C / SIGTERM
  125      Matchbox failed, not the program    137      it ran out of memory
  128+n    signal n ended it                   153      it went over its output limit
What Matchbox has to say goes to stderr and begins with "matchbox:".`;

interface RunOptions extends DaemonOptions {
  readonly codeFile?: string;
  readonly timeout?: number;
  readonly grace?: number;
  readonly queue?: number;
  readonly file?: readonly FileArgument[];
  readonly collect?: readonly string[];
  readonly out?: string;
  readonly force?: true;
  readonly env?: readonly (readonly [string, string])[];
  readonly stdin?: true;
  readonly json?: true;
}

/** @param programArgs what came after `--` */
export function runCommand(programArgs: readonly string[]): Command {
  return new Command()
    .summary("run code in a fresh sandbox")
    .description("Run code in a sandbox that nobody used before and nobody uses again, and stream its output.")
    .usage("LANE [CODE] [options] [-- ARGS...]")
    .argument("<lane>", 'where to run it, such as "python" or "shell"; "matchbox status" lists the lanes')
    .argument("[code]", 'the program\'s text, or "-" to read it from stdin')
    .option("-f, --code-file <file>", "read the program's text from a file", argument(notEmpty))
    .option(
      "-t, --timeout <duration>",
      "kill the program after this long, such as 10s; the lane has a limit of its own",
      duration,
    )
    .option(
      "--grace <duration>",
      "ask the program to end (SIGTERM) this long before it is killed, such as 2s, or 0; the lane has a limit",
      grace,
    )
    .option("--queue <duration>", "wait at most this long for a sandbox", duration)
    .option(
      "--file <local[:remote]>",
      "put a file into the workspace, where the program starts; may be repeated",
      repeated(parseFileArgument),
    )
    .option(
      "--collect <glob>",
      "bring back files of the workspace that match; ** crosses folders; may be repeated",
      repeated(notEmpty),
    )
    .option("--out <folder>", "where collected files go (default: the current folder)")
    .option("--force", "let collected files replace files that are there")
    .option(
      "-e, --env <name=value>",
      "set an environment variable of the program; may be repeated",
      repeated(parseVariable),
    )
    .option("--stdin", "pass this command's own input to the program while it runs, byte for byte")
    .option("--json", "print one JSON object at the end, output included, instead of streaming")
    .addOption(urlOption())
    .addOption(tokenOption())
    .addHelpText("after", EXAMPLES)
    .action(async (lane: string, code: string | undefined, options: RunOptions) => {
      const request = await requestFrom(lane, code, options, programArgs);
      process.exitCode = await executeRun(request, {
        daemon: options,
        passStdin: options.stdin === true,
        isJson: options.json === true,
        save: { folder: options.out, force: options.force === true },
      });
    });
}

async function requestFrom(
  lane: string,
  code: string | undefined,
  options: RunOptions,
  programArgs: readonly string[],
): Promise<Omit<RunRequest, "id" | "encoding">> {
  return {
    lane,
    code: await programText(code, options),
    args: [...programArgs],
    env: Object.fromEntries(options.env ?? []),
    files: await readInputFiles(options.file ?? []),
    collect: [...(options.collect ?? [])],
    ...(options.stdin === undefined ? {} : { stdin: true as const }),
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
    ...(options.grace === undefined ? {} : { graceMs: options.grace }),
    ...(options.queue === undefined ? {} : { queueMs: options.queue }),
  };
}

async function programText(code: string | undefined, { codeFile, stdin }: RunOptions): Promise<string> {
  if (codeFile !== undefined) {
    if (code !== undefined)
      throw new CliError("Give the code as an argument or with -f, not both. Arguments of the program go after --.");
    return readCode(codeFile);
  }
  if (code === undefined)
    throw new CliError('There is no code: give it as an argument, with -f FILE, or "-" to read it from stdin.');
  if (code !== "-") return code;
  if (stdin !== undefined)
    throw new CliError('stdin cannot be the program\'s text ("-") and its input (--stdin) at once.');
  return readText(process.stdin, "The code on stdin");
}

function notEmpty(text: string): string {
  if (text === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}
