import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import { systemClock } from "./clock.js";
import { describeChange } from "./config/changes.js";
import { type ConfigSources, configPath, loadConfig } from "./config/load.js";
import { watchFile } from "./config/watch.js";
import { Daemon } from "./daemon.js";
import { ConfigError, messageOf } from "./errors.js";
import { createLog, type Log } from "./log.js";
import { printBanner } from "./banner.js";
import { imageTag } from "./setup/sandbox-image.js";

/** A second signal does not wait; neither does a shutdown that an engine holds up for so long, in ms. */
const SHUTDOWN_DEADLINE_MS = 60_000;

export interface ServeOptions {
  readonly configPath?: string;
  readonly overrides: readonly string[];
}

/**
 * Runs the daemon until it is told to stop.
 * @returns the exit code: 0 after an orderly stop, 1 when it could not start or not stop in order
 */
export async function serve(options: ServeOptions): Promise<number> {
  const sources = { path: options.configPath, overrides: options.overrides };
  let daemon: Daemon;
  let log: Log;
  const stop = listenForStop();
  try {
    const config = await loadConfig(sources);
    log = createLog(config.log.level, { pretty: process.stdout.isTTY });
    daemon = await Daemon.start({
      config,
      imageOf: imageTag,
      clock: systemClock,
      log,
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`matchbox: ${error.message}\n`);
    return 1;
  }
  dieInOrder(daemon, log);
  reloadOnDemand(daemon, { sources, log, stop });
  void printBanner(daemon, { signal: stop.signal }).catch((error: unknown) => {
    if (!stop.signal.aborted) log.warn({ reason: messageOf(error) }, "the self-check failed");
  });

  await stop.requested;
  log.info("stopping: no new runs, live ones may finish");
  try {
    await Promise.race([
      daemon[Symbol.asyncDispose](),
      stop.insisted.then(() => Promise.reject(new Error("stopped by a second signal"))),
      sleep(SHUTDOWN_DEADLINE_MS, undefined, { ref: false }).then(() =>
        Promise.reject(new Error("the engine held up the shutdown")),
      ),
    ]);
  } catch (error) {
    // What is left behind ends by itself: with this process the stdin of every sandbox closes.
    log.error({ err: error }, "did not stop in order");
    return 1;
  }
  log.info("stopped");
  return 0;
}

interface Stop {
  readonly signal: AbortSignal;
  readonly requested: Promise<void>;
  readonly insisted: Promise<void>;
}

function listenForStop(): Stop {
  const first = new AbortController();
  const second = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    (first.signal.aborted ? second : first).abort(new Error(signal));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // The terminal that it ran on is gone. Else the same signal asks for the configuration to be read again, once it is in force.
  const hadTerminal = process.stdout.isTTY;
  process.on("SIGHUP", (signal) => {
    if (hadTerminal && !isatty(process.stdout.fd)) stop(signal);
  });
  return { signal: first.signal, requested: aborted(first.signal), insisted: aborted(second.signal) };
}

/** Reads the configuration again at SIGHUP and whenever its file changes, and says what came of it. */
function reloadOnDemand(
  daemon: Daemon,
  { sources, log, stop }: { sources: ConfigSources; log: Log; stop: Stop },
): void {
  const path = configPath(sources);
  const reload = async (cause: string): Promise<void> => {
    try {
      const changes = await daemon.reload(await loadConfig(sources));
      log.info({ cause, changes: changes.map(describeChange) }, "the configuration has been read again");
    } catch (error) {
      if (stop.signal.aborted) return;
      if (!(error instanceof ConfigError)) throw error;
      log.error({ cause, reason: error.message }, "the configuration is not taken, the one before stays in force");
    }
  };
  process.on("SIGHUP", () => {
    if (!stop.signal.aborted) void reload("SIGHUP");
  });
  watchFile(path, { onChange: () => reload(path), signal: stop.signal }).catch((error: unknown) => {
    log.warn(
      { path, reason: messageOf(error) },
      "changes of the configuration's file go unseen; SIGHUP has it read again",
    );
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}

/** A fault that nobody foresaw leaves no half-alive daemon: it is logged, sandboxes are removed, the process ends. */
function dieInOrder(daemon: Daemon, log: Log): void {
  const die = (error: unknown, origin: string): void => {
    log.fatal({ err: error, origin }, "a fault of Matchbox; the daemon stops");
    const deadline = sleep(5_000, undefined, { ref: false });
    void Promise.race([daemon[Symbol.asyncDispose](), deadline])
      .catch(() => undefined)
      .finally(() => process.exit(1));
  };
  process.once("uncaughtException", die);
  process.once("unhandledRejection", (reason) => {
    die(reason, "unhandledRejection");
  });
}
