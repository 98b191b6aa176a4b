import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { configOption, settingOption } from "./options.js";

const EXAMPLES = `
Examples:
  $ matchbox serve
  $ matchbox serve --config /etc/matchbox.yaml
  $ matchbox serve --set lanes.python.warm=8 --set server.listen=127.0.0.1:8080

Without --config the defaults of config/default.yaml are taken: a good first read. Ctrl-C stops the daemon: it takes no
new runs, gives those that are under way a moment to end (server.shutdownGraceMs), and removes every container. A second
Ctrl-C does not wait; nor does a stop that takes longer than server.shutdownGraceMs and server.shutdownCleanupMs together.

The exit code is 0 after an orderly stop; 1 when the daemon could not start, or did not stop in order, or had a fault; 125 when
the command line is wrong. SIGHUP has the configuration read again, and stops a daemon whose terminal is gone.

The log goes to stdout, one JSON object a line, the banner to stderr. No run and no stop waits for either: what cannot be
written is kept (1 MiB) and tried again, and lines beyond that are dropped and counted (matchbox_log_lines_dropped_total).
At the end the last lines have a second.`;

/** How a daemon sets up Node's JavaScript engine; `docs/performance.md` has what both are worth. */
export const ENGINE_FLAGS: readonly string[] = [
  // Runs are far apart, as compilers see it: the hot path would be interpreted for its first hundreds of times.
  "--always-sparkplug",
  // New objects get a megabyte, and no more: it would become sixteen, twice, for objects that are garbage at once.
  "--semi-space-growth-factor=1",
];

export function serveCommand(): Command {
  return new Command()
    .summary("start the daemon")
    .description('Start the daemon in the foreground. "npm start" does the same after it has set everything up.')
    .addOption(configOption())
    .addOption(settingOption())
    .addHelpText("after", EXAMPLES)
    .action(async ({ config, set = [] }: { config?: string; set?: string[] }) => {
      // Before anything is loaded: what has grown does not shrink again.
      for (const flag of ENGINE_FLAGS) setFlagsFromString(flag);
      const { serve } = await import("../main.js");
      await serve({ overrides: set, ...(config === undefined ? {} : { configPath: config }) });
    });
}
