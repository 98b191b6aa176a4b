import type { Clock } from "../clock.js";
import { CommandMissingError, PreloadError, RunnerError } from "../container/errors.js";
import type { RunningSandbox, SandboxRuntime, SandboxSpec } from "../container/runtime.js";
import { DeadlineError, withDeadline } from "../deadline.js";
import type { DaemonError } from "../errors.js";
import type { Log } from "../log.js";
import type { RefillStep } from "../protocol/lanes.js";
import type { Semaphore } from "../semaphore.js";
import type { Headway } from "./headway.js";
import type { LaneHealth } from "./health.js";
import type { Removals } from "./overdue-removals.js";
import { Sandbox, type SandboxState } from "./sandbox.js";

export interface FactoryOptions {
  readonly spec: SandboxSpec;
  readonly runtime: SandboxRuntime;
  /** Bounds starts, over all lanes. */
  readonly starts: Semaphore;
  /** Bounds this lane's sandboxes in whatever state. */
  readonly live: Semaphore;
  readonly health: LaneHealth;
  /** Over all lanes, as they share the processors. */
  readonly headway: Headway;
  readonly readyDeadlineMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly onState: (from: SandboxState | undefined, to: SandboxState) => void;
  readonly removals: Removals;
  readonly onStep: (step: RefillStep, ms: number) => void;
  /** A sandbox is ready. @param ms since its making began */
  readonly onMade: (ms: number) => void;
}

/** Makes a lane's sandboxes: started, ready, and counted until they are gone. */
export class SandboxFactory {
  readonly #options: FactoryOptions;
  /** Whether the last attempt failed: then image and network are looked at before the next. */
  #suspicious = true;

  constructor(options: FactoryOptions) {
    this.#options = options;
  }

  /**
   * Makes one ready sandbox, however many attempts that takes.
   * @throws the signal's reason, and nothing else
   */
  async create(signal: AbortSignal): Promise<Sandbox> {
    const { live, starts, health, headway, log } = this.#options;
    // The run whose hand-out caused this creation goes first.
    await headway.clear();
    for (;;) {
      const leave = await live.acquire(signal);
      try {
        return await health.attempt(async () => {
          const release = await starts.acquire(signal);
          try {
            return await this.#attempt(signal, leave);
          } finally {
            release();
          }
        }, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        log.debug({ err: error }, "a sandbox could not be made; trying again");
      }
    }
  }

  /** One attempt. @param leave gives up the place among the lane's sandboxes: at failure, else when the sandbox is gone */
  async #attempt(signal: AbortSignal, leave: () => void): Promise<Sandbox> {
    const { clock, onStep, onMade } = this.#options;
    const began = clock.now();
    try {
      const sandbox = await this.#launch(signal, leave);
      const started = clock.now();
      await this.#untilReady(sandbox, signal);
      const readyAt = clock.now();
      sandbox.markWarm(readyAt);
      this.#suspicious = false;
      onStep("create", sandbox.timings.createMs);
      onStep("attach", sandbox.timings.attachMs);
      onStep("start", sandbox.timings.startMs);
      onStep("ready", readyAt - started);
      onMade(readyAt - began);
      return sandbox;
    } catch (error) {
      this.#suspicious = true;
      throw error;
    }
  }

  async #launch(signal: AbortSignal, leave: () => void): Promise<Sandbox> {
    const { spec, runtime, headway, clock, removals, onState, onStep, log } = this.#options;
    let running: RunningSandbox;
    try {
      if (this.#suspicious) await runtime.prepare(spec, { signal });
      running = await runtime.launch(spec, { signal });
    } catch (error) {
      leave();
      throw error;
    }
    onState(undefined, "creating");
    let evictedAt = 0;
    const sandbox = new Sandbox(running, {
      onState: (from, to) => {
        onState(from, to);
        if (to === "evicting") {
          evictedAt = clock.now();
          removals.begin(sandbox);
          headway.leave(running);
        }
        if (to === "leased") headway.enter(running);
        if (to !== "gone") return;
        removals.end(sandbox);
        onStep("remove", clock.now() - evictedAt);
        // Only now may another take its place: what the engine is still removing costs memory too.
        leave();
      },
      calm: () => headway.clear(),
      onLog: (text) => {
        log.warn({ sandbox: running.id, text: text.slice(0, 1024) }, "the interpreter complained before it was ready");
      },
    });
    return sandbox;
  }

  async #untilReady(sandbox: Sandbox, signal: AbortSignal): Promise<void> {
    const { clock, readyDeadlineMs: ms, spec } = this.#options;
    try {
      await withDeadline({ clock, ms, signal }, () => sandbox.channel.ready);
    } catch (error) {
      void sandbox.evict();
      if (error instanceof DeadlineError)
        throw explained(
          new RunnerError(`The sandbox was not ready within ${ms} ms`, { cause: error }),
          sandbox.channel.lastWords,
          spec,
        );
      throw error instanceof RunnerError ? explained(error, sandbox.channel.lastWords, spec) : error;
    }
  }
}

/** Adds what the interpreter said itself, and where: the hook's line about a module says it all, else its last line helps. */
function explained(error: RunnerError, words: string, { lane, image }: SandboxSpec): DaemonError {
  const where = `(lane ${lane}, image ${image})`;
  const preload = /^preload: .*/m.exec(words)?.[0];
  if (preload !== undefined) return new PreloadError(`${preload} ${where}`, { cause: error });
  const missing = /^runner: (.+): No such file or directory$/m.exec(words)?.[1];
  if (missing !== undefined) return new CommandMissingError(missing, { lane, image }, { cause: error });
  const last = words.trimEnd().split("\n").at(-1);
  const said = last === "" || last === undefined ? "" : `: ${last}`;
  return new RunnerError(`${error.message}${said} ${where}`, { cause: error });
}
