import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock } from "../clock.js";
import { messageOf } from "../errors.js";
import { packageRoot } from "../package-root.js";
import type { WatchAdvice } from "../protocol/watch.js";
import type { AdviceTask, WorkerAnswer } from "./advice-task.js";
import { DEFAULT_TARGET_HIT_RATE } from "./policy.js";

/** How long an advice holds, in ms: a quarter of an hour changes little of what a day says. */
const HOLDS_MS = 900_000;
/** A failure may be over sooner, as when nothing was recorded yet, in ms. */
const RETRY_MS = 30_000;
/** What a replay may take, in ms and in MB, before it is given up. */
const DEADLINE_MS = 60_000;
const MAX_MEMORY_MB = 256;

export type AdviceSubject = Omit<AdviceTask, "targetHitRate">;

export interface AdvisorOptions {
  /** The record and the lanes as they are now. */
  readonly subject: () => AdviceSubject;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
}

/**
 * What `matchbox advise` would say, for who watches: replayed in a thread of its own, of the lowest priority, once in a
 * while, and only when somebody asks.
 */
export class Advisor implements AsyncDisposable {
  readonly #options: AdvisorOptions;
  #advice: WatchAdvice = { state: "pending" };
  #worker: Worker | undefined;
  /** When the advice has to be made anew. */
  #due = -Infinity;
  #isOver = false;

  constructor(options: AdvisorOptions) {
    this.#options = options;
  }

  /** The last advice; begins to make another when that one is old. The same object as before as long as it is the same. */
  advice(): WatchAdvice {
    if (this.#worker === undefined && !this.#isOver && this.#options.clock.now() >= this.#due) this.#begin();
    return this.#advice;
  }

  #begin(): void {
    const { subject, clock } = this.#options;
    const task: AdviceTask = { ...subject(), targetHitRate: DEFAULT_TARGET_HIT_RATE };
    this.#due = clock.now() + RETRY_MS;
    const worker = new Worker(join(packageRoot(), "dist", "src", "sizing", "advice-worker.js"), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MB },
    });
    this.#worker = worker;
    const deadline = setTimeout(() => {
      this.#fail(`the replay of the record takes longer than ${DEADLINE_MS / 1_000} s; ask \`matchbox advise\``);
      void worker.terminate();
    }, DEADLINE_MS);
    worker.unref();
    deadline.unref();
    worker.on("message", (answer: WorkerAnswer) => {
      this.#take(answer);
    });
    worker.on("error", (error) => {
      this.#fail(messageOf(error));
    });
    worker.on("exit", () => {
      clearTimeout(deadline);
      this.#worker = undefined;
    });
  }

  #take(answer: WorkerAnswer): void {
    if ("problem" in answer) {
      this.#fail(answer.problem);
      return;
    }
    this.#due = this.#options.clock.now() + (answer.lanes.length === 0 ? RETRY_MS : HOLDS_MS);
    this.#advice = { state: "ready", at: this.#options.epochMs(), targetHitRate: DEFAULT_TARGET_HIT_RATE, ...answer };
  }

  #fail(message: string): void {
    this.#advice = { state: "failed", message };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#worker?.terminate();
  }
}
