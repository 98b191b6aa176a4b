import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { CpuLatency } from "./cpu-latency.js";

/**
 * Between two rehearsals, in ms: half a millisecond off a first byte, for 2.4 % of a processor. At 25 ms it costs twice as
 * much and gains no more, at 100 ms it gains half (docs/performance.md).
 */
const EVERY_MS = 50;

const RUN = JSON.stringify({ type: "run", id: "rehearsal", lane: "rehearsal", code: "print(1)" });

export interface RehearsalOptions {
  /** For so long after the last run it goes on, in ms; 0 is never. */
  readonly lastsMs: () => number;
  /** How long processors may take to wake meanwhile, in µs; null leaves that to the machine. */
  readonly cpuLatencyUs: () => number | null;
  /** Linux does not take that number. */
  readonly onLatencyRefused: (error: Error) => void;
  readonly now: () => number;
  /** Serves the daemon's own client as it serves any other, with runs that have no sandbox. */
  readonly serve: (socket: WebSocket) => void;
}

/**
 * Keeps the way of a run in the processor's caches between one and the next: while runs come, the daemon sends itself
 * requests over a WebSocket of its own, through the kernel and the code that every run takes; no sandbox has a part in it
 * (`run/rehearse.ts`). If it is told to, it keeps the processors from deep sleep as well. When no run has come for a while it is
 * quiet.
 */
export class Rehearsal implements Disposable {
  readonly #options: RehearsalOptions;
  readonly #cpuLatency: CpuLatency;
  #until = -Infinity;
  #connecting: Promise<void> | undefined;
  #client: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: RehearsalOptions) {
    this.#options = options;
    this.#cpuLatency = new CpuLatency(options.onLatencyRefused);
  }

  /** Whether it is going on. */
  get isActive(): boolean {
    return this.#timer !== undefined;
  }

  /** A run has come, and others may follow. */
  extend(): void {
    const lastsMs = this.#options.lastsMs();
    if (lastsMs === 0 || this.#isOver) return;
    this.#until = this.#options.now() + lastsMs;
    this.#connecting ??= this.#connect();
    this.#timer ??= setInterval(() => {
      this.#rehearse();
    }, EVERY_MS).unref();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#pause();
    this.#client?.terminate();
  }

  #rehearse(): void {
    if (this.#options.now() > this.#until) {
      this.#pause();
      return;
    }
    this.#cpuLatency.ask(this.#options.cpuLatencyUs());
    if (this.#client?.readyState === WebSocket.OPEN) this.#client.send(RUN);
  }

  #pause(): void {
    this.#cpuLatency.ask(null);
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Connects through a listener of its own, which nobody else is let through and which is closed at once. */
  async #connect(): Promise<void> {
    const path = `/${randomUUID()}`;
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
    const listener = createServer()
      .on("request", (_request, response) => response.writeHead(404).end())
      .on("upgrade", (request, socket, head) => {
        if (request.url !== path) socket.destroy();
        else
          sockets.handleUpgrade(request, socket, head, (accepted) => {
            this.#options.serve(accepted);
          });
      });
    try {
      listener.listen(0, "127.0.0.1");
      await once(listener, "listening");
      const { port } = listener.address() as AddressInfo;
      const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false });
      this.#client = client;
      client.on("error", () => {
        // Without it runs take a little longer, and nothing else is lost.
        this[Symbol.dispose]();
      });
      await once(client, "open");
    } catch {
      this[Symbol.dispose]();
    } finally {
      listener.close();
    }
    if (this.#isOver) this.#client?.terminate();
  }
}
