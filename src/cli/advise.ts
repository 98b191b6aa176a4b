import { Command, Option } from "commander";
import { type Address, DEFAULT_URL, parseAddress, showAddress } from "../client/address.js";
import { ConfigError } from "../errors.js";
import { ASSUMED_TIMES, measuredTimes, type RefillTimes } from "../pool/refill-times.js";
import { sizedLanes } from "../pool/sized-lanes.js";
import { advise, showShare } from "../sizing/advise.js";
import { DEFAULT_TARGET_HIT_RATE } from "../sizing/policy.js";
import { hoursOf, parseTrace, readTrace, TraceError, type TraceLine } from "../sizing/trace.js";
import { count, renderAdvice } from "./advice-table.js";
import { CliError } from "./cli-error.js";
import { getLanes, getTrace } from "./daemon-http.js";
import { parseMilliseconds } from "./duration.js";
import { fleetRows, renderFleet } from "./fleet-report.js";
import { argument, configOption, settingOption, tokenOption } from "./options.js";
import { printableJson, style } from "./terminal.js";

/** What an idle sandbox weighs, and what a machine of a fleet has for them where the configuration does not say, in MiB. */
const IDLE_MIB = 10;
const FLEET_STOCK_MIB = 8_192;

/** With fewer runs than this a share of 99.9 % of them says little. */
const FEW_RUNS = 1_000;

const EXAMPLES = `
Examples:
  $ matchbox advise --trace /var/lib/matchbox/arrivals
  $ matchbox advise --config /etc/matchbox.yaml --url http://127.0.0.1:7070
  $ matchbox advise --trace arrivals --set engine.maxConcurrentStarts=4 --refill 150ms
  $ matchbox advise --fleet --set engine.maxConcurrentStarts=16

The trace is replayed through a simulation of the configured lanes. WARM is the size of the stock, HIT RATE the share of
all runs that find a sandbox ready, WAIT that of runs that get one, PEAK the most containers at once, IDLE MEMORY what the
stock weighs at 9.5 MB a sandbox. Of a lane with "warm: {min, max, target}" WARM is the average that it would have kept.

Without a file the running daemon is asked (--url), which keeps the last day in memory, 50,000 runs at most. With
"sizing.traceFile: /path/to/file" in its configuration it records the trace in that file too. Each line is one run:
  {"t":1767225600000,"lane":"python","ms":41}`;

interface AdviseOptions {
  readonly trace?: string;
  readonly config?: string;
  readonly set?: string[];
  readonly refill?: number;
  readonly target: number;
  readonly url?: Address;
  readonly token?: string;
  readonly fleet?: true;
  readonly json?: true;
}

export function adviseCommand(): Command {
  return new Command()
    .summary("say how large each lane should be, and why")
    .description("Say how many sandboxes each lane should keep ready, from the arrivals that a daemon has recorded.")
    .option(
      "--trace <file>",
      "the recorded arrivals (default: sizing.traceFile of the configuration, else what the daemon keeps)",
    )
    .addOption(configOption())
    .addOption(settingOption())
    .option("--refill <duration>", "time to make a ready sandbox, in ms or as 250ms", argument(parseRefill))
    .addOption(
      new Option("--target <percent>", "share of runs that are to find a ready sandbox")
        .default(DEFAULT_TARGET_HIT_RATE, String(100 * DEFAULT_TARGET_HIT_RATE))
        .argParser(argument(parseTarget)),
    )
    .addOption(
      new Option(
        "--url <address>",
        "take the times of refills, and without a file the arrivals, from the daemon that listens there",
      )
        .env("MATCHBOX_URL")
        .argParser(argument(parseAddress)),
    )
    .addOption(tokenOption())
    .option(
      "--fleet",
      "instead of a trace: what 1 to 10,000 runs a second take on many machines like this configuration's",
    )
    .option("--json", "print the numbers as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async (options: AdviseOptions, command: Command) => {
      const isNamed = command.getOptionValueSource("url") === "cli";
      process.stdout.write(await (options.fleet === true ? reportFleet(options) : report(options, isNamed)));
    });
}

/** @throws CliError */
async function configOf({ config: path, set }: AdviseOptions) {
  const { loadConfig } = await import("../config/load.js");
  try {
    return await loadConfig({ path, overrides: set ?? [] });
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

/** Nothing recorded is needed for it: rates are given, machines are as configured. */
async function reportFleet(options: AdviseOptions): Promise<string> {
  const { engine, sizing } = await configOf(options);
  const mostWarm = Math.floor((sizing.memoryBudgetMiB ?? FLEET_STOCK_MIB) / IDLE_MIB);
  const refillMs = options.refill ?? ASSUMED_TIMES.refillMs;
  const question = {
    host: { startsInParallel: engine.maxConcurrentStarts, refillMs, mostWarm },
    ...{ idleMiB: IDLE_MIB, targetHitRate: options.target },
  };
  const rows = fleetRows(question);
  if (options.json === true) return `${printableJson(JSON.stringify({ ...question, rows }))}\n`;
  return `${renderFleet(rows, question).join("\n")}\n`;
}

/** @param isNamed whether a daemon was named for this very command, so that it is asked though the trace is a file */
async function report(options: AdviseOptions, isNamed: boolean): Promise<string> {
  const config = await configOf(options);
  const file = options.trace ?? config.sizing.traceFile;
  const daemon = options.url ?? parseAddress(DEFAULT_URL);
  const { name: path, trace } = await recorded(file ?? daemon, options);
  const times = await refillTimes(options, file === null || isNamed ? daemon : undefined);
  const sized = sizedLanes(config, times.of);
  const { lanes, maxConcurrentStarts } = sized;
  const advice = advise({ trace, ...sized, targetHitRate: options.target });
  if (options.json === true) {
    const facts = { trace: path, runs: trace.length, maxConcurrentStarts, targetHitRate: options.target };
    return `${printableJson(JSON.stringify({ ...facts, refill: times.source, lanes: advice }))}\n`;
  }

  const foreign = [...new Set(trace.map(({ lane }) => lane))].filter((lane) => !(lane in lanes));
  const idle = Object.keys(lanes).filter((lane) => !trace.some((line) => line.lane === lane));
  const lines = renderAdvice(
    {
      source:
        `${path}: ${count(trace.length)} runs in ${hoursOf(trace).toFixed(1)} h. Target ${showShare(options.target)}, ` +
        `${maxConcurrentStarts} starts at once, refill times ${times.source}.`,
      notes: [
        ...(trace.length < FEW_RUNS
          ? [
              `${count(trace.length)} runs are few: a share of ${showShare(options.target)} shows with ${count(FEW_RUNS)} and more, best of a day like most.`,
            ]
          : []),
        ...foreign.map((lane) => `Lane ${lane} of the trace is not in the configuration: left out.`),
        ...idle.map((lane) => `Lane ${lane} has no runs in the trace: nothing to say about it.`),
      ],
      lanes: advice,
    },
    (format, text) => style(format, text, process.stdout),
  );
  return `${lines.join("\n")}\n`;
}

/** From a file, else from what a running daemon keeps. @throws CliError */
async function recorded(
  source: string | Address,
  { token }: AdviseOptions,
): Promise<{ name: string; trace: readonly TraceLine[] }> {
  try {
    if (typeof source === "string") return { name: source, trace: await readTrace(source) };
    const name = `${showAddress(source)}/v1/trace`;
    const trace = parseTrace(await getTrace(source, { token }), name);
    if (trace.length === 0)
      throw new CliError(
        `The daemon at ${showAddress(source)} has had no run since its start, so there is nothing to advise from. It keeps ` +
          "the arrivals of the last day in memory, so ask again after some runs, best after a day like most; with " +
          "sizing.traceFile set to an absolute path they outlive the daemon. Or give a file with --trace.",
      );
    return { name, trace };
  } catch (error) {
    if (error instanceof TraceError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

interface TimesOfLanes {
  /** In words. */
  readonly source: string;
  readonly of: (lane: string) => RefillTimes;
}

async function refillTimes({ refill, token }: AdviseOptions, daemon: Address | undefined): Promise<TimesOfLanes> {
  if (refill !== undefined)
    return { source: "as given", of: () => ({ refillMs: refill, removeMs: ASSUMED_TIMES.removeMs }) };
  if (daemon === undefined)
    return { source: `assumed (${ASSUMED_TIMES.refillMs} ms; --url measures, --refill says)`, of: () => ASSUMED_TIMES };
  const report = await getLanes(daemon, { token });
  return { source: "measured by the daemon", of: (lane) => measuredTimes(report, lane) ?? ASSUMED_TIMES };
}

function parseRefill(text: string): number {
  const ms = parseMilliseconds(text);
  if (ms < 1 || ms > 600_000) throw new TypeError("It must be from 1 ms to 10 min.");
  return ms;
}

function parseTarget(text: string): number {
  const percent = Number(text);
  if (!(percent >= 1 && percent < 100)) throw new TypeError("It must be a percentage from 1 to below 100.");
  return percent / 100;
}
