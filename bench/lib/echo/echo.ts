import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { WebSocket } from "ws";
import { ENGINE_FLAGS } from "../../../src/cli/serve.js";
import { systemClock } from "../../../src/clock.js";
import { withDeadline } from "../../../src/deadline.js";
import { deferred } from "../../../src/deferred.js";
import { messageOf } from "../../../src/errors.js";
import { packageRoot } from "../../../src/package-root.js";
import type { ClientMessageInput } from "../../../src/protocol/messages.js";
import type { LatencySubject } from "../latencies.js";
import type { Latency } from "../process-timing.js";
import type { Task } from "../subjects.js";

/** Compiled, wherever this file is run from. */
const PROCESS = join(packageRoot(), "dist", "bench", "lib", "echo", "process.js");
/** For the start, the connection, and each echo. */
const DEADLINE_MS = 30_000;
/** Enough to tell why it ended. */
const MAX_LOG_CHARS = 4_000;
const NAME = "WebSocket echo";

/** What the process says once it listens on the loopback. */
export interface FromEcho {
  readonly port: number;
}

/**
 * What a request over an open WebSocket costs where nothing is run: the time until a text as long as a run's request is
 * back. Disposing ends the process that gives it back.
 * @param options.process the file of the process
 * @throws Error when it does not start, with what it said
 */
export async function webSocketEcho(
  { code }: Pick<Task, "code">,
  { lane, rounds, process = PROCESS }: { lane: string; rounds: number; process?: string },
): Promise<LatencySubject & AsyncDisposable> {
  const echo = await Echo.start(process);
  // As long as the ids of the TypeScript client.
  const prefix = randomBytes(12).toString("hex");
  let count = 0;
  return {
    name: NAME,
    description:
      "a text like that of a run's request, sent over an open WebSocket to another process, which sends it back; " +
      "no run, no sandbox, nobody who reads what it says",
    isFloor: true,
    rounds,
    measure: () => {
      count += 1;
      return echo.time({ lane, code, type: "run", id: `${prefix}-${count}` });
    },
    [Symbol.asyncDispose]: () => echo[Symbol.asyncDispose](),
  };
}

/** A process that echoes, and a connection to it. */
class Echo implements AsyncDisposable {
  readonly #process: ChildProcess;
  /** Aborted when nothing more comes of it, with why; whoever waits then fails at once. */
  readonly #failed = new AbortController();
  #socket: WebSocket | undefined;
  #log = "";

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString("utf8")).slice(-MAX_LOG_CHARS);
    });
    child.on("error", (error) => {
      this.#failed.abort(error);
    });
    // Later than "exit": by now all that it said is here.
    child.on("close", (code, signal) => {
      this.#failed.abort(new Error(`its process ended with ${signal ?? String(code)}\n${this.#log}`.trim()));
    });
  }

  static async start(file: string): Promise<Echo> {
    const echo = new Echo(fork(file, [], { execArgv: [...ENGINE_FLAGS], stdio: ["ignore", "ignore", "pipe", "ipc"] }));
    try {
      await echo.#connect(await echo.#port());
      return echo;
    } catch (error) {
      await echo[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Sends a message. The time runs from just before its text is made until that of its echo is there.
   * @throws Error when anything else comes back, or nothing
   */
  async time(message: ClientMessageInput): Promise<Latency> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error(`${NAME}: it is not connected`);
    const { text, output, echoMs } = await this.#wait(async () => {
      const { promise: answer, resolve } = deferred<string>();
      socket.once("message", (data: Buffer) => {
        resolve(data.toString("utf8"));
      });
      const begin = performance.now();
      const text = JSON.stringify(message);
      socket.send(text);
      const output = await answer;
      return { text, output, echoMs: performance.now() - begin };
    });
    if (output !== text) throw new Error(`${NAME}: ${text} came back as ${JSON.stringify(output)}`);
    return { firstByteMs: echoMs, exitMs: echoMs, output };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.terminate();
    const { pid, exitCode, signalCode } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.#process, "exit");
    // It holds nothing that would have to be tidied up.
    this.#process.kill("SIGKILL");
    await exited;
  }

  /** Where it listens. */
  #port(): Promise<number> {
    const { promise, resolve } = deferred<number>();
    this.#process.once("message", ({ port }: FromEcho) => {
      resolve(port);
    });
    return this.#wait(() => promise);
  }

  async #connect(port: number): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    this.#socket = socket;
    socket.on("error", (error) => {
      this.#failed.abort(error);
    });
    await this.#wait(() => once(socket, "open"));
  }

  /** @throws Error when the process ends first, or it takes longer than 30 s */
  async #wait<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await withDeadline({ clock: systemClock, ms: DEADLINE_MS, signal: this.#failed.signal }, work);
    } catch (error) {
      throw new Error(`${NAME}: ${messageOf(error)}`, { cause: error });
    }
  }
}
