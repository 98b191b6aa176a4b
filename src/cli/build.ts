import { stripVTControlCharacters } from "node:util";
import { Command, Option } from "commander";
import { describeAddress, type EngineAddress, engineAddress } from "../container/engine-address.js";
import { ConfigError, hasCode } from "../errors.js";
import { IMAGE_TARGETS, type ImageTarget, RUNNER_LABEL } from "../image-targets.js";
import { CliError } from "./cli-error.js";
import { catchInterrupts } from "./interrupts.js";
import { argument } from "./options.js";
import { startSpinner } from "./spinner.js";

const EXAMPLES = `
Examples:
  $ matchbox build                  build it if this version's image is not there yet
  $ matchbox build --target data    the image with numpy, pandas and matplotlib, for lanes with "target: data"
  $ matchbox build --force          build it again, from the packages of today
  $ matchbox build --prune          remove what earlier builds left

A daemon that runs takes the new image for the sandboxes it makes after its next start.
--prune spares images that a container uses, and those of this very version; those of other versions and checkouts of
Matchbox on this engine go, and so do volumes with the runner that no container uses (a daemon makes its own again). The next build takes longer: it has no cache left.`;

interface BuildOptions {
  readonly target: ImageTarget;
  readonly force?: boolean;
  readonly prune?: boolean;
  readonly engine: EngineAddress;
}

export function buildCommand(): Command {
  return new Command()
    .summary("build the sandbox images")
    .description(
      'Build an image that sandboxes are made from. "npm start" does so by itself where that of most lanes is missing.',
    )
    .addOption(new Option("--target <image>", "which image to build").choices(IMAGE_TARGETS).default("sandbox"))
    .option("--force", "build even if the image is there")
    .option("--prune", "remove images of earlier builds when this one is done")
    .addOption(
      new Option("--engine <address>", "the container engine: unix:///path or tcp://host:port")
        .env("DOCKER_HOST")
        .default(engineAddress(null), "unix:///var/run/docker.sock")
        .argParser(argument(parseEngine)),
    )
    .addHelpText("after", EXAMPLES)
    .action(build);
}

async function build({ engine, target, force = false, prune = false }: BuildOptions): Promise<void> {
  const { buildImage } = await import("../setup/sandbox-image.js");
  using interrupts = catchInterrupts();
  using spinner = startSpinner(`Building the image "${target}"`);
  try {
    const tag = await buildImage({
      engine,
      target,
      force,
      signal: interrupts.signal,
      onProgress: (text) => {
        spinner.update(text);
      },
    });
    const pruned = prune ? await pruneOld(engine) : "";
    spinner.finish(`The image is ready: ${tag}${pruned}`);
  } catch (error) {
    if (interrupts.signal.aborted) throw new CliError("The build was cancelled.", { exitCode: 130, cause: error });
    if (!(error instanceof Error)) throw error;
    throw new CliError(
      hasCode(error, "ECONNREFUSED", "ENOENT", "EACCES")
        ? `The container engine does not answer at ${describeAddress(engine)}: ${error.message}. "npm start" installs and starts one.`
        : `The image could not be built:\n${plain(error.message)}`,
      { cause: error },
    );
  }
}

/** @returns what went, in words to go on with */
async function pruneOld(engine: EngineAddress): Promise<string> {
  const [{ ImageApi }, { pruneImages, pruneRules }] = await Promise.all([
    import("../setup/docker-api.js"),
    import("../setup/prune.js"),
  ]);
  const api = new ImageApi(engine);
  const gone = await pruneImages(api, pruneRules());
  const names = gone.filter((name) => name !== "");
  const volumes = await api.removeUnusedVolumes(RUNNER_LABEL);
  return `; removed ${[...names, ...volumes, `${gone.length - names.length} without a name`].join(", ")}`;
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
