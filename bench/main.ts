import { CliError } from "../src/cli/cli-error.js";
import { compareResults, isRegression } from "./lib/compare/compare.js";
import { printComparison } from "./lib/compare/report.js";
import { drawResult, NoPlotLibraryError } from "./lib/plots/draw.js";
import { interruptible } from "./lib/interrupts.js";
import { machineFacts } from "./lib/machine.js";
import { markdownOf } from "./lib/markdown.js";
import { OWN_KEYS } from "./lib/own-daemon.js";
import { printResult } from "./lib/report.js";
import { readResult, type StoredResult, withOrigin, writeResult } from "./lib/results.js";
import type { Scenario } from "./lib/scenario.js";
import { burst } from "./scenarios/burst.js";
import { density } from "./scenarios/density.js";
import { hostileClients } from "./scenarios/hostile-clients.js";
import { neighbour } from "./scenarios/neighbour.js";
import { preload } from "./scenarios/preload.js";
import { refill } from "./scenarios/refill.js";
import { sizing } from "./scenarios/sizing.js";
import { soak } from "./scenarios/soak.js";
import { stream } from "./scenarios/stream.js";
import { sustained } from "./scenarios/sustained.js";
import { warmHit } from "./scenarios/warm-hit.js";

/** In the order in which all of them are run. */
const SCENARIOS: readonly Scenario[] = [
  warmHit,
  preload,
  burst,
  sustained,
  sizing,
  refill,
  stream,
  density,
  neighbour,
  hostileClients,
  soak,
];

/** Something became slower, as a comparison tells it. */
const EXIT_SLOWER = 3;

export interface BenchOptions {
  /** Names of scenarios; none runs them all. */
  readonly scenarios: readonly string[];
  readonly runs?: number;
  readonly idle?: number;
  readonly json?: string;
  readonly url?: string;
  /** For the configuration of the daemon that is started, such as `lanes.python.warm=8`. */
  readonly set?: readonly string[];
  readonly token?: string;
  /** The root of another build, which `warm-hit` and `hostile-clients` measure beside this one. */
  readonly baseline?: string;
  readonly list?: boolean;
  /** Files of results to draw. */
  readonly plot?: readonly string[];
  /** Files of results to show as tables. */
  readonly markdown?: readonly string[];
  /** The file of an earlier result; with a second one nothing is measured. */
  readonly compare?: readonly string[];
}

/**
 * Runs scenarios, prints what came out and writes it down; or does something with results that are there already.
 * @returns the exit code
 * @throws CliError for what cannot be done as asked
 */
export async function bench(options: BenchOptions): Promise<number> {
  refuseMixtures(options);
  const { plot, markdown, compare } = options;
  if (options.list === true) {
    for (const { name, summary } of SCENARIOS) say(`${name}  ${summary}`);
    return 0;
  }
  if (plot !== undefined) return plotFiles(plot);
  if (markdown !== undefined) return showMarkdown(markdown);
  if (compare !== undefined) return compareFiles(compare, options);
  for (const scenario of chosenScenarios(options)) await measure(scenario, options);
  return 0;
}

function refuseMixtures({ list, plot, markdown, compare, scenarios, url, set = [] }: BenchOptions): void {
  if (url !== undefined && set.length > 0) {
    throw refusal(`--set and --url do not go together: the daemon at ${url} runs already and keeps its configuration.`);
  }
  const own = OWN_KEYS.find((key) => set.some((setting) => setting.startsWith(`${key}=`)));
  if (own !== undefined)
    throw refusal(`--set cannot change ${own}: the bench chooses it for the daemon that it starts.`);
  const given = Object.entries({ list, plot, markdown, compare }).filter(([, value]) => value !== undefined);
  if (given.length > 1) throw refusal(`${given.map(([name]) => `--${name}`).join(" and ")} do not go together.`);
  const withoutMeasuring = plot !== undefined ? "--plot" : markdown !== undefined ? "--markdown" : undefined;
  if (withoutMeasuring !== undefined && scenarios.length > 0) {
    throw refusal(`${withoutMeasuring} takes files and measures nothing; leave out "${scenarios.join(" ")}".`);
  }
}

function chosenScenarios({ scenarios, json }: BenchOptions): readonly Scenario[] {
  const unknown = scenarios.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown !== undefined) {
    throw refusal(`There is no scenario "${unknown}"; there are: ${SCENARIOS.map(({ name }) => name).join(", ")}`);
  }
  const chosen = SCENARIOS.filter(({ name }) => scenarios.length === 0 || scenarios.includes(name));
  if (json !== undefined && chosen.length > 1) {
    throw refusal("--json takes the results of one scenario; name the one.");
  }
  return chosen;
}

/** Measures, prints and writes; pictures too, where there is something to draw with. */
async function measure(scenario: Scenario, options: BenchOptions): Promise<StoredResult> {
  const { set = [] } = options;
  const measured = await interruptible((signal) =>
    scenario.run({
      runs: options.runs ?? scenario.defaults.runs,
      idleMs: options.idle ?? scenario.defaults.idleMs,
      url: options.url,
      set,
      token: options.token,
      baseline: options.baseline,
      signal,
      onProgress: showProgress,
    }),
  );
  showProgress(undefined);
  const settings = { ...measured.settings, ...(set.length > 0 && { set: set.join(" ") }) };
  const result = withOrigin({ ...measured, settings }, await machineFacts());
  printResult(result, result.machine, say);
  const file = await writeResult(result, options.json);
  say(`\nWritten to ${file}`);
  try {
    for (const picture of await drawResult(result, file)) say(`Drawn in ${picture}`);
  } catch (error) {
    if (!(error instanceof NoPlotLibraryError)) throw error;
    say(error.message);
  }
  return result;
}

async function plotFiles(files: readonly string[]): Promise<number> {
  for (const file of files) {
    const pictures = await drawResult(await readResult(file), file).catch((error: unknown) => {
      throw error instanceof NoPlotLibraryError ? refusal(error.message) : error;
    });
    for (const picture of pictures) say(`Drawn in ${picture}`);
    if (pictures.length === 0) say(`${file}: nothing to draw: no figures in ms, no ladder, no strip`);
  }
  return 0;
}

async function showMarkdown(files: readonly string[]): Promise<number> {
  const results = await Promise.all(files.map(readResult));
  say(results.map(markdownOf).join("\n\n"));
  return 0;
}

/** @returns 3 when something became slower */
async function compareFiles(files: readonly string[], options: BenchOptions): Promise<number> {
  const [oldFile = "", newFile, ...more] = files;
  if (more.length > 0) throw refusal("--compare takes one file, or two: OLD.json [NEW.json]");
  if (newFile !== undefined && options.scenarios.length > 0) {
    throw refusal(`--compare with two files measures nothing; leave out "${options.scenarios.join(" ")}".`);
  }
  const before = await readResult(oldFile);
  const after = newFile === undefined ? await measureAgain(before, oldFile, options) : await readResult(newFile);
  if (before.scenario !== after.scenario) {
    throw refusal(`Different scenarios cannot be compared: ${before.scenario} and ${after.scenario}`);
  }
  const comparison = compareResults(before, after);
  if (newFile === undefined) say("");
  printComparison(before, after, comparison, say);
  if (comparison.ratios.length + comparison.medians.length === 0) throw refusal("There was nothing to compare.");
  return isRegression(comparison) ? EXIT_SLOWER : 0;
}

async function measureAgain(before: StoredResult, oldFile: string, options: BenchOptions): Promise<StoredResult> {
  const asked = options.scenarios.find((name) => name !== before.scenario);
  if (asked !== undefined) throw refusal(`${oldFile} is a result of ${before.scenario}, not of ${asked}`);
  const [scenario] = chosenScenarios({ ...options, scenarios: [before.scenario] });
  if (scenario === undefined) throw refusal(`There is no scenario "${before.scenario}".`);
  return measure(scenario, options);
}

function refusal(message: string): CliError {
  return new CliError(message, { exitCode: 1 });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One line that replaces itself, on a terminal only: a measurement should not be busy printing. */
function showProgress(text: string | undefined): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text ?? ""}`);
}
