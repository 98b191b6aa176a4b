import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import { systemClock } from "./clock.js";
import { describeChange } from "./config/changes.js";
import { type ConfigSources, configPath, loadConfig } from "./config/load.js";
import { watchFile } from "./config/watch.js";
import { Daemon, stopDeadlineMs } from "./daemon.js";
import { ConfigError, messageOf } from "./errors.js";
import { LineOutput } from "./line-output.js";
import { createLog, type Log } from "./log.js";
import { printable } from "./printable.js";
import { renderBanner } from "./banner.js";
import { imageTag } from "./setup/sandbox-image.js";

/** How long the last lines may take, in ms, where nobody reads them or the disk is full. */
const LAST_LINES_MS = 1_000;
/** How long a daemon with a fault may take to remove its sandboxes, in ms. */
const FAULT_DEADLINE_MS = 5_000;

export interface ServeOptions {
  readonly configPath?: string;
  readonly overrides: readonly string[];
}

/** What this process prints to: never waited for, and never a reason to end. */
interface Outputs {
  /** stdout: the log. */
  readonly log: LineOutput;
  /** stderr: the banner, and what keeps the daemon from starting. */
  readonly words: LineOutput;
}

/**
 * Runs the daemon until it is told to stop, and ends the process: with 0 after an orderly stop, with 1 when it could not start,
 * not stop in order, or had a fault.
 */
export async function serve(options: ServeOptions): Promise<never> {
  const { stdout, stderr } = LineOutput.standard();
  const outputs: Outputs = { log: stdout, words: stderr };
  let exitCode: number;
  try {
    exitCode = await serveUntilStopped(options, outputs);
  } catch (error) {
    const text = error instanceof ConfigError || !(error instanceof Error) ? messageOf(error) : (error.stack ?? "");
    outputs.words.write(`matchbox: ${printable(text)}\n`);
    exitCode = 1;
  }
  return exit(exitCode, outputs);
}

/** Whatever may still be open, such as an output that nobody reads, does not keep the process. */
async function exit(exitCode: number, { log, words }: Outputs): Promise<never> {
  await Promise.all([log.flush(LAST_LINES_MS), words.flush(LAST_LINES_MS)]);
  // Node waits for the threads that write, and one that waits for its disk may do so for ever.
  if (log.isStuck || words.isStuck) process.kill(process.pid, "SIGKILL");
  process.exit(exitCode);
}

/** @throws ConfigError when it cannot start */
async function serveUntilStopped(options: ServeOptions, outputs: Outputs): Promise<number> {
  const sources = { path: options.configPath, overrides: options.overrides };
  const stop = listenForStop();
  const config = await loadConfig(sources);
  const log = createLog(config.log.level, outputs.log);
  const starting = Daemon.start({
    config,
    imageOf: imageTag,
    clock: systemClock,
    log,
    droppedLogLines: () => outputs.log.dropped,
  });
  // Told to stop while it starts it stops when it has started, unless something holds that up.
  const stopping = stop.requested.then(() => patience(stop, stopDeadlineMs(config.server)));
  let daemon: Daemon;
  try {
    daemon = await Promise.race([starting, stopping]);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    log.error({ err: error }, "did not start in order");
    return 1;
  }
  dieInOrder(daemon, log, outputs);
  reloadOnDemand(daemon, { sources, log, stop });
  void daemon
    .settled(stop.signal)
    .then(() => renderBanner(daemon, { isTerminal: outputs.words.isTerminal }))
    .then((banner) => {
      outputs.words.write(banner);
    })
    .catch((error: unknown) => {
      if (!stop.signal.aborted) log.warn({ reason: messageOf(error) }, "the self-check failed");
    });

  await stop.requested;
  log.info("stopping: no new runs, live ones may finish");
  try {
    await Promise.race([daemon[Symbol.asyncDispose](), patience(stop, daemon.stopDeadlineMs)]);
  } catch (error) {
    // What is left behind ends by itself: with this process the stdin of every sandbox closes.
    log.error({ err: error }, "did not stop in order");
    return 1;
  }
  log.info("stopped");
  return 0;
}

/** Never settles but with the reason why a stop is not waited for any longer. */
async function patience(stop: Stop, ms: number): Promise<never> {
  return Promise.race([
    stop.insisted.then(() => Promise.reject(new Error("stopped by a second signal"))),
    sleep(ms, undefined, { ref: false }).then(() =>
      Promise.reject(new Error(`not done ${ms} ms after the signal (server.shutdownGraceMs and shutdownCleanupMs)`)),
    ),
  ]);
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
  const hadTerminal = isatty(1);
  process.on("SIGHUP", (signal) => {
    if (hadTerminal && !isatty(1)) stop(signal);
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
function dieInOrder(daemon: Daemon, log: Log, outputs: Outputs): void {
  const die = (error: unknown, origin: string): void => {
    log.fatal({ err: error, origin }, "a fault of Matchbox; the daemon stops");
    const deadline = sleep(FAULT_DEADLINE_MS, undefined, { ref: false });
    void Promise.race([daemon[Symbol.asyncDispose](), deadline])
      .catch(() => undefined)
      .finally(() => exit(1, outputs));
  };
  process.once("uncaughtException", die);
  process.once("unhandledRejection", (reason) => {
    die(reason, "unhandledRejection");
  });
}
