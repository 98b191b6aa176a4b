import { randomBytes } from "node:crypto";
import { stat, unlink } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { connect, Socket } from "node:net";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { ServerConfig } from "../config/schema.js";
import { ConfigError, hasCode, messageOf } from "../errors.js";
import type { Log } from "../log.js";
import { makeError } from "../protocol/codec.js";
import { ERROR_FACTS, type ErrorCode } from "../protocol/error-codes.js";
import { SUBPROTOCOL } from "../protocol/handshake.js";
import type { HelloMessage } from "../protocol/messages.js";
import type { Run } from "../run/run.js";
import { Door, targetOf } from "./authenticate.js";
import { Connection } from "./connection.js";
import { descriptorLimit, Entrance, type EntranceLimits, withinDescriptors } from "./entrance.js";
import { FrameGate } from "./frame-gate.js";
import { LargeMessages } from "./large-messages.js";
import { formatListenAddress, type ListenAddress, parseListenAddress } from "./listen-address.js";
import { OutputEncoder } from "./output-message.js";
import type { Pages } from "./pages.js";
import { partyOf } from "./party.js";
import { Rehearsal } from "./rehearsal.js";
import { Turns } from "./turns.js";
import { MAX_WATCHERS, type Watchers } from "./watchers.js";

/** A message over the limit gets an error of its own; one over this many times the limit is not even read. */
const HARD_LIMIT_FACTOR = 4;
/** `FrameGate` puts messages together that come in pieces; who watches has nothing to say in any. */
const MAX_FRAGMENTS = 1;
/** How long a stopping daemon waits for killed runs to end and their containers to be gone before it closes connections, in ms. */
const RECEIPT_GRACE_MS = 5_000;
/** Who watches has nothing to say. */
const MAX_WATCHER_MESSAGE_BYTES = 1_024;
const MAX_HEADERS_BYTES = 16 * 1024;

const MANY_HOSTS = "The request has several Host headers; one is allowed.";

/** What answers a plain request. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export type Route = () => Promise<Answer> | Answer;

export interface HttpServerOptions {
  readonly config: ServerConfig;
  /** `GET` only. */
  readonly routes: Readonly<Record<string, Route>>;
  /** What a browser is shown; without it there is nothing to see. */
  readonly pages?: Pages;
  /** Who watches at `/v1/watch`; without it nobody can. */
  readonly watchers?: Watchers;
  readonly hello: () => HelloMessage;
  readonly now: () => number;
  readonly execute: (run: Run) => Promise<void>;
  /** Answers a run that only keeps the way of a run in the processor's caches. */
  readonly rehearse: (run: Run) => Promise<void>;
  readonly log: Log;
}

/** The one listener: plain requests by route, WebSockets at `/v1/ws`, nothing before the door. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  #config: ServerConfig;
  #door: Door;
  readonly #server: Server;
  #sockets: WebSocketServer;
  readonly #watcherSockets = webSockets(MAX_WATCHER_MESSAGE_BYTES);
  readonly #connections = new Set<Connection>();
  readonly #output = new OutputEncoder();
  readonly #turns = new Turns();
  readonly #largeMessages: LargeMessages;
  readonly #entrance: Entrance;
  /** The last request of a connection, until it has been answered. */
  readonly #answering = new WeakMap<Duplex, Promise<void>>();
  #pings: NodeJS.Timeout;
  readonly #rehearsal: Rehearsal;
  #address: ListenAddress;
  #draining = false;

  /** @throws ConfigError when the address needs a token and has none */
  constructor(options: HttpServerOptions) {
    const { config } = options;
    this.#options = options;
    this.#config = config;
    this.#address = parseListenAddress(config.listen);
    this.#door = new Door(this.#address, config);
    this.#server = createServer({
      maxHeaderSize: MAX_HEADERS_BYTES,
      headersTimeout: config.handshakeTimeoutMs,
      requestTimeout: config.handshakeTimeoutMs,
      connectionsCheckingInterval: 1_000,
    });
    this.#sockets = socketsFor(config);
    this.#largeMessages = new LargeMessages((error) => {
      options.log.error({ err: error }, "a large message could not be read");
    });
    const descriptors = descriptorLimit();
    this.#entrance = new Entrance(this.#server, () => entranceLimits(this.#config, descriptors));
    this.#server.on("request", (request, response) => {
      void this.#inTurn(request, response);
    });
    this.#server.on("upgrade", (request, socket, head) => {
      this.#onUpgrade(request, socket, head);
    });
    this.#pings = this.#pingEvery(config.pingIntervalMs);
    this.#rehearsal = new Rehearsal({
      lastsMs: () => this.#config.rehearsalMs,
      cpuLatencyUs: () => this.#config.cpuLatencyUs,
      onLatencyRefused: (error) => {
        options.log.warn(
          { reason: error.message },
          "server.cpuLatencyUs has no effect: Linux does not take it. It takes root, or write access to /dev/cpu_dma_latency.",
        );
      },
      now: options.now,
      serve: (socket) => void this.#createConnection(socket, options.rehearse),
    });
  }

  /**
   * Takes other tokens, names and limits for whoever connects from now on; connections that are open keep theirs. The
   * address stays.
   * @throws ConfigError as the constructor does; nothing has changed then
   */
  reconfigure(config: ServerConfig): void {
    this.#door = new Door(this.#address, config);
    this.#config = config;
    this.#sockets = socketsFor(config);
    this.#server.headersTimeout = config.handshakeTimeoutMs;
    this.#server.requestTimeout = config.handshakeTimeoutMs;
    clearInterval(this.#pings);
    this.#pings = this.#pingEvery(config.pingIntervalMs);
  }

  #pingEvery(ms: number): NodeJS.Timeout {
    return setInterval(() => {
      for (const connection of this.#connections) connection.ping();
      this.#options.watchers?.ping();
    }, ms).unref();
  }

  get address(): ListenAddress {
    return this.#address;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Binds the address, which is also this daemon's claim on its instance: a second daemon with the same one stops here.
   * @throws ConfigError when it is taken or cannot be bound
   */
  async listen(): Promise<void> {
    const address = this.#address;
    if (address.kind === "unix") await removeDeadSocket(address.path);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) => {
        void describeListenError(error, address).then((words) => {
          reject(new ConfigError(`server.listen: ${words}`, { cause: error }));
        });
      });
      if (address.kind === "unix") this.#server.listen(address.path, resolve);
      else this.#server.listen(address.port, address.host, resolve);
    });
    const bound = this.#server.address();
    if (typeof bound === "object" && bound !== null && address.kind === "tcp")
      this.#address = { ...address, port: bound.port };
  }

  /**
   * Takes no more runs, lets live ones finish for so long, ends the rest, and closes. Receipts of removal are waited for,
   * but not for ever: an engine that hangs must not keep the daemon from stopping.
   */
  async close(options: { graceMs: number }): Promise<void> {
    this.#draining = true;
    clearInterval(this.#pings);
    this.#rehearsal[Symbol.dispose]();
    const { closeCode } = ERROR_FACTS.shutting_down;
    this.#options.watchers?.close(closeCode ?? 1000, "The daemon is stopping.");
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    const connections = [...this.#connections];
    const finished = Promise.all(connections.map((connection) => connection.finished()));
    await orAfter(finished, options.graceMs);
    for (const connection of connections) connection.terminateRuns("shutdown");
    await orAfter(finished, RECEIPT_GRACE_MS);
    for (const connection of this.#connections) connection.close("shutting_down", "The daemon is stopping.");
    this.#sockets.close();
    // Idle keep-alive connections would hold the listener open; upgraded ones close by their own handshake.
    this.#server.closeAllConnections();
    const reluctant = setTimeout(() => {
      for (const connection of this.#connections) connection.terminate();
      this.#options.watchers?.[Symbol.dispose]();
    }, 1_000);
    await closed;
    clearTimeout(reluctant);
    await this.#largeMessages[Symbol.asyncDispose]();
  }

  /**
   * One request of a connection at a time: who sends many without reading an answer has one made, and not all of them.
   */
  async #inTurn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const before = this.#answering.get(socket);
    const answered = new Promise<void>((resolve) => response.once("close", resolve));
    this.#answering.set(socket, answered);
    if (before !== undefined) {
      await before;
      if (socket.destroyed) return;
    }
    await this.#onRequest(request, response);
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path } = targetOf(request);
    if (hasManyHosts(request)) {
      answer(response, errorAnswer("bad_message", MANY_HOSTS), request);
      return;
    }
    const isRead = request.method === "GET" || request.method === "HEAD";
    const { pages } = this.#options;
    const refusal = this.#door.check(request, path, isRead && pages?.has(path) === true ? "page" : "request");
    if (refusal !== undefined) {
      answer(response, errorAnswer(refusal.code, refusal.message), request);
      return;
    }
    if (isRead && pages?.answer(request, response, path) === true) return;
    const route = Object.hasOwn(this.#options.routes, path) ? this.#options.routes[path] : undefined;
    if (route === undefined || !isRead) {
      answer(
        response,
        errorAnswer("not_found", `There is no ${request.method ?? "?"} ${path.slice(0, 200)}.`),
        request,
      );
      return;
    }
    try {
      answer(response, await route(), request);
    } catch (error) {
      this.#options.log.error({ err: error, path }, "a request failed");
      answer(response, errorAnswer("internal", ERROR_FACTS.internal.meaning), request);
    }
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Before anything else: a reset without a listener would end the process.
    socket.on("error", () => socket.destroy());
    const { path } = targetOf(request);
    if (hasManyHosts(request)) {
      refuseUpgrade(socket, errorAnswer("bad_message", MANY_HOSTS));
      return;
    }
    const refusal = this.#door.check(request, path, "socket");
    if (refusal !== undefined) {
      refuseUpgrade(socket, errorAnswer(refusal.code, refusal.message));
      return;
    }
    const { watchers } = this.#options;
    const isWatch = path === "/v1/watch" && watchers !== undefined;
    if (path !== "/v1/ws" && !isWatch) {
      refuseUpgrade(socket, errorAnswer("not_found", "WebSockets are at /v1/ws and /v1/watch."));
      return;
    }
    if (this.#draining) {
      refuseUpgrade(socket, errorAnswer("shutting_down", "The daemon is stopping."));
      return;
    }
    if (this.#entrance.isFull) {
      refuseUpgrade(
        socket,
        errorAnswer("rate_limited", "The daemon has as many connections as its open files (ulimit -n) allow."),
      );
      return;
    }
    if (isWatch) {
      this.#addWatcher(watchers, { request, socket, head });
      return;
    }
    if (this.#connections.size >= this.#config.maxConnections) {
      refuseUpgrade(socket, errorAnswer("rate_limited", "The daemon has as many connections as it may have."));
      return;
    }
    this.#accept(request, socket, head);
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // The gate is to see every byte, and what `ws` would see to if it had the socket itself.
    if (head.length > 0) socket.unshift(head);
    if (socket instanceof Socket) socket.setNoDelay().setTimeout(0);
    const { maxMessageBytes } = this.#config;
    const gate: FrameGate = new FrameGate(socket, {
      maxMessageBytes,
      hardLimitBytes: maxMessageBytes * HARD_LIMIT_FACTOR,
      turns: this.#turns,
      onMessage: (message) => {
        connection?.onGathered(message);
      },
    });
    let connection: Connection | undefined;
    this.#sockets.handleUpgrade(request, gate, Buffer.alloc(0), (webSocket) => {
      this.#entrance.letIn(socket);
      const execute = async (run: Run): Promise<void> => {
        this.#rehearsal.extend();
        await this.#options.execute(run);
      };
      connection = this.#createConnection(webSocket, execute, { gate, party: partyOf(request, this.#config.tokens) });
      const accepted = connection;
      this.#connections.add(accepted);
      webSocket.once("close", () => {
        // Its containers may still be on their way out; `close` waits for those too.
        void accepted.finished().then(() => this.#connections.delete(accepted));
      });
    });
  }

  #addWatcher(watchers: Watchers, upgrade: { request: IncomingMessage; socket: Duplex; head: Buffer }): void {
    const { request, socket, head } = upgrade;
    if (watchers.size >= MAX_WATCHERS) {
      refuseUpgrade(socket, errorAnswer("rate_limited", `${MAX_WATCHERS} watch the daemon, as many as may.`));
      return;
    }
    this.#watcherSockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#entrance.letIn(socket);
      watchers.add(webSocket);
    });
  }

  #createConnection(
    socket: WebSocket,
    execute: (run: Run) => Promise<void>,
    { gate, party = "rehearsal" }: { gate?: FrameGate; party?: string } = {},
  ): Connection {
    return new Connection({
      key: randomBytes(8).toString("hex"),
      party,
      socket,
      gate,
      largeMessages: this.#largeMessages,
      hello: this.#options.hello(),
      config: this.#config,
      output: this.#output,
      now: this.#options.now,
      isDraining: () => this.#draining,
      execute,
    });
  }
}

function entranceLimits(config: ServerConfig, descriptors: number): EntranceLimits {
  const { maxConnections, maxConnectionsPerAddress, maxPendingConnections } = config;
  const maxTotal = maxConnections + MAX_WATCHERS + maxPendingConnections;
  return withinDescriptors(
    { maxPending: maxPendingConnections, maxPerAddress: maxConnectionsPerAddress, maxTotal },
    descriptors,
  );
}

function socketsFor(config: ServerConfig): WebSocketServer {
  return webSockets(config.maxMessageBytes * HARD_LIMIT_FACTOR);
}

function webSockets(maxPayload: number): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    maxPayload,
    maxFragments: MAX_FRAGMENTS,
    perMessageDeflate: false,
    clientTracking: false,
    // Answers to pings wait behind what is unsent, and are bounded with it.
    autoPong: false,
    // A browser takes no answer without one of those that it offered; never one that carries a token.
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
}

/** Waits for the promise, but no longer than this. */
async function orAfter(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, enough]);
  clearTimeout(timer);
}

/** Node takes the first and drops the rest; somebody in between may have looked at another one. */
function hasManyHosts({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length > 1;
}

function errorAnswer(code: ErrorCode, message: string): Answer {
  return {
    status: ERROR_FACTS[code].httpStatus,
    type: "application/json",
    body: JSON.stringify(makeError(code, message)),
  };
}

function answer(response: ServerResponse, { status, type, body }: Answer, request: IncomingMessage): void {
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function refuseUpgrade(socket: Duplex, { status, type, body }: Answer): void {
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

async function describeListenError(error: unknown, address: ListenAddress): Promise<string> {
  const where = formatListenAddress(address);
  if (hasCode(error, "EADDRINUSE"))
    return `${where} is in use, perhaps by another Matchbox. Stop it, or listen elsewhere with --set server.listen=HOST:PORT`;
  // Node tells a folder that is missing as a lack of rights.
  if (address.kind === "unix" && (await isMissing(dirname(address.path))))
    return `${where}: the folder ${dirname(address.path)} does not exist; make it first, or name another`;
  if (hasCode(error, "EACCES")) return `${where}: this user may not listen there`;
  return `cannot listen on ${where}: ${messageOf(error)}`;
}

async function isMissing(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: unknown) => hasCode(error, "ENOENT"),
  );
}

/** A socket file that a killed daemon left keeps the next from binding; one that somebody answers on is left alone. */
async function removeDeadSocket(path: string): Promise<void> {
  const answers = await new Promise<"yes" | "no" | "absent">((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve("yes");
    });
    probe.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "ECONNREFUSED" ? "no" : "absent");
    });
  });
  if (answers === "no") await unlink(path);
}
