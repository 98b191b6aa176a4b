import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { deferred } from "../../../src/deferred.js";

const PROCESS = fileURLToPath(new URL("./process.js", import.meta.url));

export type ToNeighbours = { do: "start"; code: string; count: number } | { do: "stop" };
export type FromNeighbours = { is: "connected" | "up" | "gone" } | { failed: string };

/** Programs of somebody else's, run by a process of its own over a connection of its own. */
export class Neighbours implements AsyncDisposable {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  /** @throws Error when the daemon does not answer there */
  static async connect(url: string, lane: string): Promise<Neighbours> {
    const neighbours = new Neighbours(fork(PROCESS, [url, lane]));
    await neighbours.#hear("connected");
    return neighbours;
  }

  /** Starts so many runs of a Python program; settles when each of them has begun. */
  async start(code: string, count: number): Promise<void> {
    await this.#ask({ do: "start", code, count }, "up");
  }

  /** Cancels them; settles when all have ended. */
  async stop(): Promise<void> {
    await this.#ask({ do: "stop" }, "gone");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.disconnect();
    await exited;
  }

  async #ask(message: ToNeighbours, answer: string): Promise<void> {
    const heard = this.#hear(answer);
    this.#process.send(message);
    await heard;
  }

  async #hear(answer: string): Promise<void> {
    const { promise, resolve, reject } = deferred<undefined>();
    const onMessage = (message: FromNeighbours): void => {
      if ("is" in message && message.is === answer) resolve(undefined);
      else reject(new Error("failed" in message ? message.failed : `the neighbours are ${message.is}, not ${answer}`));
    };
    const onExit = (): void => {
      reject(new Error("the neighbours' process has ended"));
    };
    this.#process.once("message", onMessage).once("exit", onExit);
    try {
      await promise;
    } finally {
      this.#process.off("message", onMessage).off("exit", onExit);
    }
  }
}
