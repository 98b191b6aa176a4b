import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Deferred, deferred } from "../deferred.js";
import { packageRoot } from "../package-root.js";
import type { MessageAnswer, MessageTask } from "./message-task.js";

/** The thread ends when nothing large has come for so long, in ms: it takes 10 MB, and most clients never send such a message. */
const IDLE_MS = 30_000;
/** What reading one message may take on the busiest machine, in ms, before the thread is given up and another one started. */
const DEADLINE_MS = 60_000;
/** Of the thread's own objects; what a message itself takes is bounded by its size and by what it may hold. */
const MAX_MEMORY_MB = 512;

interface Waiting {
  readonly blocks: readonly Uint8Array<ArrayBuffer>[];
  readonly answered: Deferred<MessageAnswer>;
}

/** A large message could not be read, which is no fault of the client's. */
export class UnreadMessageError extends Error {
  override readonly name = "UnreadMessageError";
}

/**
 * Reads large messages in a thread of its own, one at a time, so that none of them keeps anybody waiting but those who
 * send large messages too. A connection has one here at most, so they take turns.
 */
export class LargeMessages implements AsyncDisposable {
  readonly #waiting: Waiting[] = [];
  #current: Waiting | undefined;
  #worker: Worker | undefined;
  /** Ends the thread: when it is idle for long, or when it takes too long. */
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  readonly #onError: (error: unknown) => void;

  /** @param onError hears of what the thread died of */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /**
   * @param blocks the message's bytes; their memory is given away
   * @throws UnreadMessageError when the thread died of it, or took too long
   */
  read(blocks: readonly Uint8Array<ArrayBuffer>[]): Promise<MessageAnswer> {
    const answered = deferred<MessageAnswer>();
    this.#waiting.push({ blocks, answered });
    this.#next();
    return answered.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const { answered } of this.#waiting.splice(0)) answered.reject(new UnreadMessageError("The daemon stops."));
    await this.#worker?.terminate();
  }

  #next(): void {
    if (this.#current !== undefined || this.#isOver) return;
    clearTimeout(this.#timer);
    const next = this.#waiting.shift();
    const worker = next === undefined ? this.#worker : (this.#worker ??= this.#start());
    if (worker === undefined) return;
    if (next === undefined) {
      this.#timer = setTimeout(() => {
        this.#worker = undefined;
        void worker.terminate();
      }, IDLE_MS).unref();
      return;
    }
    this.#timer = setTimeout(() => void worker.terminate(), DEADLINE_MS).unref();
    this.#current = next;
    const { blocks } = next;
    const task: MessageTask = { blocks };
    worker.postMessage(
      task,
      blocks.map(({ buffer }) => buffer),
    );
  }

  #start(): Worker {
    const worker = new Worker(join(packageRoot(), "dist", "src", "server", "message-worker.js"), {
      resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MB },
    });
    worker.unref();
    worker.on("message", (answer: MessageAnswer) => {
      const current = this.#current;
      this.#current = undefined;
      current?.answered.resolve(answer);
      this.#next();
    });
    // Its exit follows.
    worker.on("error", this.#onError);
    worker.on("exit", () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const current = this.#current;
      this.#current = undefined;
      current?.answered.reject(new UnreadMessageError("The thread that reads large messages ended."));
      this.#next();
    });
    return worker;
  }
}
