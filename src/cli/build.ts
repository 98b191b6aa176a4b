import { stripVTControlCharacters } from "node:util";
import { Command, Option } from "commander";
import { describeAddress, type EngineAddress, engineAddress } from "../container/engine-address.js";
import { ConfigError } from "../errors.js";
import { CliError } from "./cli-error.js";
import { catchInterrupts } from "./interrupts.js";
import { argument } from "./options.js";
import { startSpinner } from "./spinner.js";

const EXAMPLES = `
Examples:
  $ matchbox build             build it if this version's image is not there yet
  $ matchbox build --force     build it again, such as for newer packages

A daemon that runs takes the new image for the sandboxes it makes after its next start.`;

interface BuildOptions {
  readonly force?: boolean;
  readonly engine: EngineAddress;
}

export function buildCommand(): Command {
  return new Command()
    .summary("build the sandbox image")
    .description('Build the image that sandboxes are made from. "npm start" does so by itself where it is missing.')
    .option("--force", "build even if the image is there")
    .addOption(
      new Option("--engine <address>", "the container engine: unix:///path or tcp://host:port")
        .env("DOCKER_HOST")
        .default(engineAddress(null), "unix:///var/run/docker.sock")
        .argParser(argument(parseEngine)),
    )
    .addHelpText("after", EXAMPLES)
    .action(build);
}

async function build({ engine, force = false }: BuildOptions): Promise<void> {
  const { buildSandboxImage } = await import("../setup/sandbox-image.js");
  using interrupts = catchInterrupts();
  using spinner = startSpinner("Building the sandbox image");
  try {
    const tag = await buildSandboxImage({
      engine,
      force,
      signal: interrupts.signal,
      onProgress: (text) => {
        spinner.update(text);
      },
    });
    spinner.finish(`The sandbox image is ready: ${tag}`);
  } catch (error) {
    if (interrupts.signal.aborted) throw new CliError("The build was cancelled.", { exitCode: 130, cause: error });
    if (!(error instanceof Error)) throw error;
    const isAway =
      "code" in error && (error.code === "ECONNREFUSED" || error.code === "ENOENT" || error.code === "EACCES");
    throw new CliError(
      isAway
        ? `The container engine does not answer at ${describeAddress(engine)}: ${error.message}. "npm start" installs and starts one.`
        : `The image could not be built:\n${plain(error.message)}`,
      { cause: error },
    );
  }
}

function parseEngine(text: string): EngineAddress {
  try {
    return engineAddress(text);
  } catch (error) {
    throw error instanceof ConfigError ? new TypeError(error.message) : error;
  }
}

/** The words of a build step, which took itself to be on a terminal. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll("\r", "");
}
