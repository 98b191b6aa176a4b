import type { Launch } from "../protocol/messages.js";
import type { Sandbox } from "./sandbox.js";

/**
 * The exclusive right to one sandbox, for one run. There is no release: disposing of it evicts the sandbox, and the
 * disposal settles when the container is gone.
 */
export class Lease implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly launch: Launch;
  /** How long the run waited for it, in ms. */
  readonly queueMs: number;

  constructor(sandbox: Sandbox, options: { launch: Launch; queueMs: number }) {
    this.sandbox = sandbox;
    this.launch = options.launch;
    this.queueMs = options.queueMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sandbox.evict();
  }
}
