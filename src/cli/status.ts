import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import type { LanesReport } from "../protocol/lanes.js";
import { CliError } from "./cli-error.js";
import { getLanes } from "./daemon-http.js";
import { catchInterrupts } from "./interrupts.js";
import { renderStatus } from "./lane-table.js";
import { type DaemonOptions, tokenOption, urlOption } from "./options.js";
import { printable, printableJson, style } from "./terminal.js";

const WATCH_INTERVAL_MS = 1_000;
/** Home, then clear to the end: redraws without the flicker of clearing first. */
const REDRAW = "\x1b[H\x1b[J";

const EXAMPLES = `
Examples:
  $ matchbox status
  $ matchbox status --watch
  $ matchbox status --json | jq '.lanes[] | {name, warm: .stock.warm}'

STOCK is how many sandboxes are ready, of how many there should be; HIT RATE is the share of runs that found one ready;
HAND-OUT is the time from a request to the start of its program, over the last 1,024 runs.`;

/** Of the reports that nobody has read yet. */
const MAX_UNREAD_BYTES = 64 * 1024;

interface StatusOptions extends DaemonOptions {
  readonly watch?: true;
  readonly json?: true;
}

export function statusCommand(): Command {
  return new Command()
    .summary("show the lanes of a running daemon")
    .description("Show the lanes of a running daemon: what is ready, who waits, and how fast sandboxes are handed out.")
    .option("-w, --watch", "once a second, until Ctrl-C")
    .option("--json", "print the daemon's own report; with --watch, one a line")
    .addOption(urlOption())
    .addOption(tokenOption())
    .addHelpText("after", EXAMPLES)
    .action(async (options: StatusOptions) => {
      if (options.watch === true) await watch(options);
      else print(await getLanes(options.url, options), options);
    });
}

async function watch(options: StatusOptions): Promise<void> {
  using interrupts = catchInterrupts();
  const { signal } = interrupts;
  const isRedrawn = process.stdout.isTTY && options.json !== true;
  // A reader who has enough (`| head`) ends the watch; `outliveOutputs` has the exit code.
  process.stdout.on("error", () => process.exit());
  try {
    for (let isFirst = true; ; isFirst = false) {
      const report = await getLanes(options.url, { ...options, signal }).catch((error: unknown) => {
        // A daemon that restarts comes back: only somebody who never saw it wants to know at once.
        if (isFirst || !(error instanceof CliError)) throw error;
        return error;
      });
      // A reader who has stopped misses reports, instead of having all of them held for it.
      if (process.stdout.writableLength > MAX_UNREAD_BYTES) {
        await sleep(WATCH_INTERVAL_MS, undefined, { signal });
        continue;
      }
      if (isRedrawn) process.stdout.write(REDRAW);
      else if (!isFirst && options.json !== true) process.stdout.write("\n");
      if (report instanceof CliError) process.stderr.write(`${printable(report.message)}\n`);
      else print(report, options);
      await sleep(WATCH_INTERVAL_MS, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    // What nobody reads would keep the process.
    if (process.stdout.writableLength > 0) process.exit(0);
  }
}

function print(report: LanesReport, { json }: StatusOptions): void {
  if (json === true) {
    process.stdout.write(`${printableJson(JSON.stringify(report))}\n`);
    return;
  }
  const lines = renderStatus(report, (format, text) => style(format, text, process.stdout));
  process.stdout.write(`${lines.join("\n")}\n`);
}
