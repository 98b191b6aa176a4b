import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { CliError } from "../../src/cli/cli-error.js";
import { freePort } from "./free-port.js";
import type { ScenarioOptions } from "./scenario.js";

const CLI = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 20_000;
const POLL_MS = 100;
/** Enough to tell why a daemon did not start. */
const MAX_LOG_CHARS = 4_000;

/** Keys that nobody else may set for a daemon of the bench's own: without them it would not be found again. */
export const OWN_KEYS = ["server.listen", "engine.instance"] as const;

/** Which daemon the user wants to be measured: one that runs already, or one that is started with these settings. */
export type DaemonChoice = Pick<ScenarioOptions, "url" | "set">;

/** Which build a daemon is of. */
export interface Build {
  /** The root of another checkout, built; this one's where it is undefined. */
  readonly folder?: string | undefined;
  /** Tells its containers from those of another daemon of the bench. */
  readonly suffix?: string;
}

/** A daemon to measure. */
export interface MeasuredDaemon extends AsyncDisposable {
  readonly url: string;
  /** Its process, which only the bench's own tells. */
  readonly pid: number | undefined;
}

/** A daemon of the bench's own. */
export interface BenchDaemon extends MeasuredDaemon {
  readonly pid: number;
  /** Value of the label on its containers. */
  readonly instance: string;
}

/**
 * The daemon at this address, which stays as it is; without an address one of the bench's own, with these settings
 * (`lanes.python.warm=8`) and then the user's, ready.
 * @throws CliError with the end of its log when it does not start
 */
export async function daemonAt({ url, set }: DaemonChoice, settings: readonly string[] = []): Promise<MeasuredDaemon> {
  if (url === undefined) return OwnDaemon.start([...settings, ...set]);
  return { url, pid: undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/**
 * A daemon of the bench's own, for scenarios that look at its process and its containers.
 * @throws Error when the user wants another one measured; CliError with the end of its log when it does not start
 */
export async function ownDaemon(
  { url, set }: DaemonChoice,
  settings: readonly string[] = [],
  build: Build = {},
): Promise<BenchDaemon> {
  if (url !== undefined) {
    throw new Error(`this scenario looks into a daemon of its own; leave --url ${url} out`);
  }
  return OwnDaemon.start([...settings, ...set], build);
}

/** A daemon that belongs to the bench: own port, own containers, gone afterwards. */
class OwnDaemon implements BenchDaemon {
  readonly url: string;
  readonly pid: number;
  readonly instance: string;
  readonly #child: ChildProcess;
  /** Settles when it has ended and all of its log is here. */
  readonly #closed: Promise<unknown>;
  #log = "";

  private constructor(child: ChildProcess, { url, instance }: { url: string; instance: string }) {
    if (child.pid === undefined) throw new Error(`${process.execPath} could not be started`);
    this.#child = child;
    this.#closed = once(child, "close");
    this.pid = child.pid;
    this.url = url;
    this.instance = instance;
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString("utf8")).slice(-MAX_LOG_CHARS);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
  }

  /** Starts a daemon and waits until every lane can hand out. @throws CliError with the end of its log */
  static async start(settings: readonly string[], { folder, suffix }: Build = {}): Promise<OwnDaemon> {
    const port = await freePort();
    const instance = `bench-${process.pid}${suffix === undefined ? "" : `-${suffix}`}`;
    const cli = folder === undefined ? CLI : join(folder, "dist", "src", "cli", "main.js");
    const all = [`server.listen=127.0.0.1:${port}`, `engine.instance=${instance}`, "log.level=warn", ...settings];
    const child = spawn(process.execPath, [cli, "serve", ...all.flatMap((setting) => ["--set", setting])], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const daemon = new OwnDaemon(child, { url: `http://127.0.0.1:${port}`, instance });
    try {
      await daemon.#waitUntilReady();
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded()) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const deadline = setTimeout(() => this.#child.kill("SIGKILL"), STOP_DEADLINE_MS);
    await ended;
    clearTimeout(deadline);
  }

  async #waitUntilReady(): Promise<void> {
    const end = performance.now() + READY_DEADLINE_MS;
    while (performance.now() < end) {
      if (this.#hasEnded()) {
        await this.#closed;
        throw refusal(`The daemon did not start:\n${this.#log.trim()}`);
      }
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined); // Not listening yet.
      await answer?.body?.cancel();
      if (answer?.status === 200) return;
      await sleep(POLL_MS);
    }
    throw refusal(`The daemon was not ready within ${READY_DEADLINE_MS / 1_000} s:\n${this.#log.trim()}`);
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

function refusal(message: string): CliError {
  return new CliError(message, { exitCode: 1 });
}
