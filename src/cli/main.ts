#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { CliError, EXIT_MATCHBOX_FAILED } from "./cli-error.js";
import { outliveOutputs } from "./outputs.js";
import { notice } from "./terminal.js";

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Loads the one command that was asked for, so that the others cost nothing. */
  load(): Promise<(programArgs: readonly string[]) => Command>;
}

const COMMANDS: readonly Entry[] = [
  {
    name: "serve",
    summary: "start the daemon in the foreground",
    load: async () => (await import("./serve.js")).serveCommand,
  },
  {
    name: "run",
    summary: "run code in a fresh sandbox and stream its output",
    load: async () => (await import("./run.js")).runCommand,
  },
  {
    name: "status",
    summary: "show the lanes of a running daemon",
    load: async () => (await import("./status.js")).statusCommand,
  },
  {
    name: "doctor",
    summary: "check what sandboxes stand on, and say how to mend it",
    load: async () => (await import("./doctor.js")).doctorCommand,
  },
  { name: "build", summary: "build the sandbox image", load: async () => (await import("./build.js")).buildCommand },
  {
    name: "bench",
    summary: "measure how fast sandboxes are",
    load: async () => (await import("./bench.js")).benchCommand,
  },
  {
    name: "advise",
    summary: "say how large each lane should be, and why",
    load: async () => (await import("./advise.js")).adviseCommand,
  },
];

const OVERVIEW = `
Examples:
  $ npm start                                  set everything up and start the daemon
  $ npx matchbox run python 'print(6 * 7)'     run a line of Python in a sandbox
  $ npx matchbox run shell -f build.sh         run a shell script
  $ npx matchbox status --watch                watch the lanes

"matchbox COMMAND --help" tells more about a command.`;

async function main(args: readonly string[]): Promise<void> {
  const [first, ...rest] = args;
  if (first === "-V" || first === "--version") {
    const { packageVersion } = await import("../package-root.js");
    process.stdout.write(`${packageVersion()}\n`);
    return;
  }
  const helpOf = first === "help" ? COMMANDS.find(({ name }) => name === rest[0]) : undefined;
  const entry = helpOf ?? COMMANDS.find(({ name }) => name === first);
  if (entry === undefined) {
    await parse(overview(), args.length === 0 ? ["--help"] : args);
    return;
  }
  // Everything after the first "--" belongs to the program that is run; commander would mix it with our own arguments.
  const cut = rest.indexOf("--");
  const own = helpOf !== undefined ? ["--help"] : cut < 0 ? rest : rest.slice(0, cut);
  const define = await entry.load();
  await parse(define(cut < 0 ? [] : rest.slice(cut + 1)).name(`matchbox ${entry.name}`), own);
}

/** The program as a whole: for its help, and for telling somebody which commands there are. */
function overview(): Command {
  const program = new Command("matchbox")
    .description("Runs untrusted code in prestarted containers that are used once.")
    .addHelpText("after", OVERVIEW)
    .option("-V, --version", "show the version");
  for (const { name, summary } of COMMANDS) program.command(name).summary(summary).description(summary).exitOverride();
  return program;
}

async function parse(command: Command, args: readonly string[]): Promise<void> {
  command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      outputError: (text) => {
        notice(
          `${text
            .trim()
            .replace(/^error: /, "")
            .replaceAll("\n", " ")} ("${command.name()} --help" tells more)`,
        );
      },
    });
  await command.parseAsync([...args], { from: "user" });
}

outliveOutputs();
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed it, help included.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_MATCHBOX_FAILED;
  } else {
    notice(
      error instanceof CliError
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error),
    );
    process.exitCode = error instanceof CliError ? error.exitCode : EXIT_MATCHBOX_FAILED;
  }
}
