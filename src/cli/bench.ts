import { Command } from "commander";
import { parseMilliseconds } from "./duration.js";
import { argument, settingOption, tokenOption } from "./options.js";

const EXAMPLES = `
Examples:
  $ matchbox bench                                every scenario, on a daemon of its own
  $ matchbox bench warm-hit --runs 500
  $ matchbox bench warm-hit --set server.rehearsalMs=0
  $ matchbox bench --list
  $ matchbox bench --plot warm-hit.json           draw a result again
  $ matchbox bench --compare old.json             measure the same, say what became slower
  $ matchbox bench --compare old.json new.json    the same with two results, without measuring

bench/README.md says what is measured, and how.`;

export interface BenchCliOptions {
  readonly runs?: number;
  readonly idle?: number;
  readonly json?: string;
  readonly url?: string;
  readonly baseline?: string;
  readonly set?: string[];
  readonly token?: string;
  readonly list?: true;
  readonly plot?: string[];
  readonly markdown?: string[];
  readonly compare?: string[];
}

export function benchCommand(): Command {
  return new Command()
    .summary("measure how fast sandboxes are")
    .description("Measure how fast sandboxes are, side by side with what else could run the same code.")
    .argument("[scenario...]", "which scenarios to run (default: all)")
    .option("-n, --runs <count>", "measured rounds (default: the scenario's own)", argument(parseCount))
    .option(
      "--idle <duration>",
      "pause before each measurement, in ms or as 250ms (default: the scenario's own)",
      argument(parseMilliseconds),
    )
    .option("--json <file>", "write the results there (default: bench/results/SCENARIO.local.json)")
    .option("--url <address>", "measure a daemon that runs already, instead of starting one")
    .addOption(settingOption(" of the daemon that is started, over the scenario's own settings"))
    .addOption(tokenOption())
    .option("--baseline <folder>", "another checkout, built, to measure beside this one (warm-hit, hostile-clients)")
    .option("--list", "show the scenarios")
    .option("--plot <file...>", "draw these results, each beside its file, without measuring")
    .option("--markdown <file...>", "show these results as Markdown tables, without measuring")
    .option(
      "--compare <file...>",
      "say what became slower or faster than in OLD.json; with OLD.json NEW.json, without measuring " +
        "(exit code 3: something became slower)",
    )
    .addHelpText("after", EXAMPLES)
    .action(async (scenarios: string[], options: BenchCliOptions) => {
      const { bench } = await import("../../bench/main.js");
      process.exitCode = await bench({ ...options, scenarios });
    });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 1_000_000)
    throw new TypeError("It must be a whole number from 1 to 1000000.");
  return count;
}
