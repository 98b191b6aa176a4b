import { RunnerChannel } from "../container/runner-channel.js";
import type { RunningSandbox, SandboxId } from "../container/runtime.js";

/** `creating -> warm -> leased -> evicting -> gone`; a sandbox that never becomes ready goes from creating to evicting. */
export const SANDBOX_STATES = ["creating", "warm", "leased", "evicting", "gone"] as const;
export type SandboxState = (typeof SANDBOX_STATES)[number];

/** One container of a lane through its whole life. Whoever holds it last must evict it. */
export class Sandbox {
  readonly id: SandboxId;
  readonly channel: RunnerChannel;
  /** When it became ready, on the daemon's clock, in ms; 0 before that. */
  readyAt = 0;
  readonly #running: RunningSandbox;
  readonly #onState: (from: SandboxState, to: SandboxState) => void;
  readonly #calm: () => Promise<void>;
  #state: SandboxState = "creating";
  #eviction: Promise<void> | undefined;
  #onGone: (() => void) | undefined;

  constructor(
    running: RunningSandbox,
    options: {
      onState: (from: SandboxState, to: SandboxState) => void;
      onLog: (text: string) => void;
      /** Settles when a removal disturbs nobody, or soon. */
      calm: () => Promise<void>;
    },
  ) {
    this.id = running.id;
    this.#running = running;
    this.#onState = options.onState;
    this.#calm = options.calm;
    this.channel = new RunnerChannel(running, { onLog: options.onLog });
  }

  get state(): SandboxState {
    return this.#state;
  }

  /** Settles when the sandbox has ended, by itself or not. */
  get closed(): Promise<void> {
    return this.#running.closed;
  }

  /** Why the engine has not removed it yet, where that went wrong. */
  get removalFault(): RunningSandbox["removalFault"] {
    return this.#running.removalFault;
  }

  get timings(): RunningSandbox["timings"] {
    return this.#running.timings;
  }

  markWarm(now: number): void {
    this.readyAt = now;
    this.#enter("warm");
  }

  /** @param onGone hears that the engine has removed it */
  markLeased(onGone: () => void): void {
    this.#onGone = onGone;
    this.#enter("leased");
  }

  /** What the engine knows of an end that the runner could not report. */
  async inspectEnd(): ReturnType<RunningSandbox["inspectEnd"]> {
    return this.#running.inspectEnd();
  }

  /** Kills and removes the container. Every call returns the same promise, which settles when the container is gone. */
  async evict(): Promise<void> {
    return (this.#eviction ??= this.#evict());
  }

  async #evict(): Promise<void> {
    this.#enter("evicting");
    await this.#calm();
    await this.#running.remove();
    this.#enter("gone");
    this.#onGone?.();
  }

  #enter(state: SandboxState): void {
    const from = this.#state;
    this.#state = state;
    this.#onState(from, state);
  }
}
