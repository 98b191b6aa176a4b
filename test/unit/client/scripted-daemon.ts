import type { OpenSocket, Socket, SocketEnd, SocketEvents } from "../../../src/client/socket.js";

/** The daemon's side of a connection that exists in memory only: a test plays every part of it by hand. */
export class ScriptedDaemon {
  /** Everything that the client sent, as it was before it became text. */
  readonly received: Record<string, unknown>[] = [];
  bufferedAmount = 0;
  isPaused = false;
  isClosed = false;
  #events: SocketEvents | undefined;

  readonly #greeting: object | null;

  /** @param greeting sent as soon as the client connects; null keeps it waiting */
  constructor(greeting: object | null = hello()) {
    this.#greeting = greeting;
  }

  readonly open: OpenSocket = (_target, events) => {
    this.#events = events;
    const greeting = this.#greeting;
    if (greeting !== null) queueMicrotask(() => this.say(greeting));
    return this.#socket();
  };

  say(message: object): void {
    this.sayText(JSON.stringify(message));
  }

  sayText(text: string): void {
    this.#events?.onMessage(text);
  }

  /** Ends the connection as the network, or the daemon, would. */
  drop(end: Partial<SocketEnd> = {}): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#events?.onClose({ code: 1006, reason: "", ...end });
  }

  #socket(): Socket {
    const bufferedAmount = () => this.bufferedAmount;
    return {
      get bufferedAmount() {
        return bufferedAmount();
      },
      send: (text) => void this.received.push(JSON.parse(text) as Record<string, unknown>),
      close: (code) => this.drop({ code }),
      terminate: () => this.drop(),
      pause: () => void (this.isPaused = true),
      resume: () => void (this.isPaused = false),
    };
  }
}

export function hello(overrides: object = {}): object {
  return { type: "hello", protocol: 1, server: "0.0.0-test", lanes: [lane("python")], ...overrides };
}

export function lane(name: string): object {
  return {
    name,
    language: "python",
    network: false,
    timeoutMs: 30_000,
    maxTimeoutMs: 30_000,
    maxCodeBytes: 1_048_576,
    maxOutputBytes: 16_777_216,
    memoryBytes: 536_870_912,
    cpus: 0.5,
  };
}

/** The messages of one run, numbered as they are made. */
export function script(id: string) {
  let seq = 0;
  const message = (type: string, fields: object = {}) => ({ type, id, seq: seq++, ...fields });
  return {
    /** Leaves a number out. */
    skip: () => {
      seq += 1;
    },
    queued: (position = 1) => message("queued", { position, etaMs: null }),
    started: () => message("started", { sandbox: "5a5b", launch: "warm", queueMs: 0, handoutMs: 0.5 }),
    stdout: (data: string) => message("stdout", { data }),
    stderr: (data: string) => message("stderr", { data }),
    file: (path: string, content: string) => message("file", { path, size: 1, mode: 0o644, content, encoding: "utf8" }),
    taken: (bytes: number) => message("stdin_taken", { bytes }),
    unheardOf: () => message("weather", { sky: "clear" }),
    exit: (fields: object = {}) => message("exit", exitFields(fields)),
    error: (code: string, fields: object = {}) =>
      message("error", { code, message: `It failed: ${code}.`, retryable: true, ...fields }),
    destroyed: () => message("destroyed", { sandbox: "5a5b", afterMs: 40 }),
  };
}

export function exitFields(fields: object = {}) {
  return {
    reason: "exited",
    exitCode: 0,
    signal: null,
    timings: { queueMs: 0, handoutMs: 0.5, firstByteMs: 1, runMs: 2 },
    usage: { cpuMs: 1, maxRssBytes: 1, oomKills: 0 },
    output: { stdout: { bytes: 0, sent: 0, truncated: false }, stderr: { bytes: 0, sent: 0, truncated: false } },
    ...fields,
  };
}
