import { ERROR_CODES, ERROR_FACTS } from "../protocol/error-codes.js";
import { PROTOCOL_VERSION } from "../protocol/limits.js";
import type {
  ClientMessageInput,
  ErrorMessage,
  HelloMessage,
  LaneLimits,
  RunRequest,
  ServerMessage,
} from "../protocol/messages.js";
import { type Address, DEFAULT_URL, parseAddress, showAddress } from "./address.js";
import { toBase64 } from "./bytes.js";
import { deferred } from "./deferred.js";
import { ConnectionError, DuplicateRunError, type MatchboxError, ProtocolError, RemoteError } from "./errors.js";
import { Inbox } from "./inbox.js";
import { type Incoming, readIncoming } from "./incoming.js";
import { byteAssembly, textAssembly } from "./output.js";
import { type OutputForm, Run, type RunPort } from "./run.js";
import type { OpenSocket, Socket, SocketEnd } from "./socket.js";

export interface ConnectOptions {
  /** `http://host:port` (or https, ws, wss), or `unix:/path/to/socket`. */
  readonly url?: string | undefined;
  /** Path of a unix socket; in place of `url`. */
  readonly socketPath?: string | undefined;
  readonly token?: string | undefined;
  /** Aborting gives up connecting; a connection that was made is closed by `close`. */
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for the daemon's `hello`. */
  readonly connectTimeoutMs?: number;
  /**
   * Bytes of messages that readers of `for await` loops have not taken, above which the connection is not read; it is
   * read again below a quarter. Lower saves memory; higher lets a reader stop for longer before the daemon, which ends
   * connections that stay stuck, takes it for dead.
   */
  readonly highWaterBytes?: number;
  /** How connections are made; the default fits Node, and browsers. */
  readonly openSocket?: OpenSocket;
  /** Makes ids for runs that bring none. */
  readonly newRunId?: () => string;
}

/** A run as a program asks for it. */
export type ClientRunRequest = Omit<RunRequest, "id" | "stdin"> & {
  readonly id?: string;
  /** The whole input, as text or as bytes; or `true`, and `Run.write` sends it. */
  readonly stdin?: RunRequest["stdin"] | Uint8Array;
};

/** Unsent bytes above which `Run.write` waits, and how often it looks whether they have gone. */
const SEND_HIGH_WATER_BYTES = 1024 * 1024;
const SEND_POLL_MS = 5;
/** How long the daemon has to answer our goodbye. */
const CLOSE_GRACE_MS = 1_000;

const AS_TEXT: OutputForm<string> = { encoding: "utf8", assembly: textAssembly };
const AS_BYTES: OutputForm<Uint8Array> = { encoding: "base64", assembly: byteAssembly };

/**
 * A connection to a Matchbox daemon: many runs at once, each with its own messages.
 *
 * Backpressure: messages of runs that are read with `for await` are held up to `highWaterBytes` together; then the
 * connection is not read, the daemon stops reading the programs, and they block. That holds back every run of the
 * connection, so give a run whose reader may stall a connection of its own. Runs that are collected with `result()`, or
 * not read yet, are held in memory, bounded by their lane's output limit, so that awaiting one run never blocks on
 * another. In browsers, where a socket cannot stop reading, everything is held.
 *
 * Disposing closes the connection; the daemon ends the runs that were still live.
 */
export class MatchboxClient implements AsyncDisposable {
  readonly #address: Address;
  readonly #highWaterBytes: number;
  readonly #newRunId: () => string;
  readonly #inboxes = new Map<string, Inbox>();
  readonly #hello = deferred<HelloMessage>();
  readonly #closed = deferred<MatchboxError>();
  #socket: Socket | undefined;
  #serverHello: HelloMessage | undefined;
  /** The daemon's last word about the whole connection: the reason, should it close now. */
  #lastComplaint: RemoteError | undefined;
  /** Why this side ended the connection, if it did. */
  #ourReason: MatchboxError | undefined;
  #end: MatchboxError | undefined;
  #unreadBytes = 0;
  #isPaused = false;

  private constructor(address: Address, options: ConnectOptions) {
    this.#address = address;
    this.#highWaterBytes = options.highWaterBytes ?? 4 * 1024 * 1024;
    this.#newRunId = options.newRunId ?? runIds();
  }

  /**
   * Connects and waits for the daemon's greeting.
   * @throws ConnectionError when nobody answers; RemoteError when the daemon refuses; ProtocolError when it speaks
   *   another version; the signal's reason when it aborts; TypeError for an address that is none
   */
  static async connect(options: ConnectOptions = {}): Promise<MatchboxClient> {
    options.signal?.throwIfAborted();
    const address: Address =
      options.socketPath === undefined
        ? parseAddress(options.url ?? DEFAULT_URL)
        : { kind: "unix", socketPath: options.socketPath };
    const client = new MatchboxClient(address, options);
    const openSocket = options.openSocket ?? (await platformSocket());
    await client.#open(openSocket, options);
    return client;
  }

  /** What the daemon said of itself. */
  get hello(): HelloMessage {
    if (this.#serverHello === undefined) throw new Error("a client is only handed out once it was greeted");
    return this.#serverHello;
  }

  get lanes(): readonly LaneLimits[] {
    return this.hello.lanes;
  }

  /** Resolves with the reason when the connection has ended, whoever ended it. Never rejects. */
  get closed(): Promise<MatchboxError> {
    return this.#closed.promise;
  }

  /**
   * Starts a run. Failures, that of a lost connection included, come from the run.
   * @param options.signal aborting cancels the run; its ending still comes
   */
  run(
    request: ClientRunRequest & { encoding: "base64" },
    options?: { signal?: AbortSignal | undefined },
  ): Run<Uint8Array>;
  run(request: ClientRunRequest & { encoding?: "utf8" }, options?: { signal?: AbortSignal | undefined }): Run;
  run(request: ClientRunRequest, options: { signal?: AbortSignal | undefined } = {}): Run | Run<Uint8Array> {
    return request.encoding === "base64"
      ? this.#start(request, AS_BYTES, options.signal)
      : this.#start(request, AS_TEXT, options.signal);
  }

  /** Says goodbye and closes. Runs that are live reject with a ConnectionError; the daemon kills their programs. */
  async close(): Promise<void> {
    if (this.#end === undefined && this.#ourReason === undefined) {
      this.#ourReason = new ConnectionError("connection_closed", "The connection was closed by this side.");
      this.#socket?.resume?.();
      this.#socket?.close(1000, "");
      const deadline = setTimeout(() => this.#socket?.terminate(), CLOSE_GRACE_MS);
      void this.#closed.promise.then(() => {
        clearTimeout(deadline);
      });
    }
    await this.#closed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #open(openSocket: OpenSocket, options: ConnectOptions): Promise<void> {
    const { signal, token, connectTimeoutMs = 10_000 } = options;
    const give = (error: MatchboxError): void => {
      this.#drop(error);
    };
    const deadline = setTimeout(() => {
      give(
        new ConnectionError(
          "connection_failed",
          `${showAddress(this.#address)} did not answer within ${connectTimeoutMs} ms.`,
        ),
      );
    }, connectTimeoutMs);
    const abort = (): void => {
      give(new ConnectionError("connection_closed", "Connecting was given up."));
    };
    signal?.addEventListener("abort", abort, { once: true });
    try {
      this.#socket = openSocket(
        { address: this.#address, token },
        {
          onMessage: (text) => {
            this.#receive(readIncoming(text));
          },
          onClose: (end) => {
            this.#finish(end);
          },
        },
      );
      await this.#hello.promise;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(deadline);
      signal?.removeEventListener("abort", abort);
    }
  }

  #start<Data extends string | Uint8Array>(
    request: ClientRunRequest,
    form: OutputForm<Data>,
    signal: AbortSignal | undefined,
  ): Run<Data> {
    const id = request.id ?? this.#newRunId();
    let stopListening = (): void => undefined;
    const inbox: Inbox = new Inbox(id, {
      unreadChanged: (delta) => {
        this.#unreadChanged(delta);
      },
      abandoned: () => {
        this.#send({ type: "cancel", id });
      },
      released: () => {
        if (this.#inboxes.get(id) === inbox) this.#inboxes.delete(id);
        stopListening();
      },
    });
    const port: RunPort = {
      send: (message) => {
        this.#send(message);
      },
      writable: () => this.#writable(),
      stdinWindowBytes: this.#serverHello?.stdinWindowBytes ?? Infinity,
    };
    const run = new Run(inbox, port, form);

    if (this.#end !== undefined || this.#ourReason !== undefined) {
      inbox.fail(this.#lossOf(id));
    } else if (this.#inboxes.has(id)) {
      inbox.fail(new DuplicateRunError(`A run with the id "${id}" is live on this connection.`, { runId: id }));
    } else {
      this.#inboxes.set(id, inbox);
      const { stdin, ...rest } = request;
      const input =
        stdin instanceof Uint8Array ? { stdin: toBase64(stdin), stdinEncoding: "base64" as const } : { stdin };
      this.#send({ ...rest, ...input, type: "run", id });
      if (signal !== undefined) {
        const cancel = (): void => {
          run.cancel();
        };
        signal.addEventListener("abort", cancel, { once: true });
        stopListening = () => {
          signal.removeEventListener("abort", cancel);
        };
        if (signal.aborted) cancel();
      }
    }
    return run;
  }

  #send(message: ClientMessageInput): void {
    if (this.#end === undefined) this.#socket?.send(JSON.stringify(message));
  }

  async #writable(): Promise<void> {
    const isFull = (): boolean =>
      this.#end === undefined && (this.#socket?.bufferedAmount ?? 0) > SEND_HIGH_WATER_BYTES;
    // No WebSocket, in Node or in a browser, says when it has room again; looking is what is left.
    while (isFull()) await new Promise((resolve) => setTimeout(resolve, SEND_POLL_MS));
  }

  #receive(incoming: Incoming): void {
    if (this.#end !== undefined || (this.#ourReason !== undefined && this.#serverHello === undefined)) return;
    switch (incoming.kind) {
      case "message":
        this.#dispatch(incoming.message);
        return;
      case "unknown":
        if (incoming.id !== undefined) this.#inboxes.get(incoming.id)?.receive({ type: "unknown", seq: incoming.seq });
        return;
      case "broken": {
        const inbox = incoming.id === undefined ? undefined : this.#inboxes.get(incoming.id);
        if (inbox !== undefined) inbox.violate(incoming.problem);
        else this.#drop(new ProtocolError(`The daemon broke the protocol: ${incoming.problem}.`));
        return;
      }
      default:
        throw new Error(`unexpected: ${JSON.stringify(incoming satisfies never)}`);
    }
  }

  #dispatch(message: ServerMessage): void {
    if (message.type === "ping") return;
    if (message.type === "hello") {
      this.#greet(message);
      return;
    }
    if (message.type === "error" && message.id === undefined) {
      this.#lastComplaint = new RemoteError(message);
      // Too large to be read, so the daemon cannot say whose request it was. Better to end a run that only waits than to
      // wait for one that was never asked for.
      if (message.code === "too_large" || message.code === "bad_message") this.#refuseUnanswered(message);
      return;
    }
    const { id = "" } = message;
    // An id that is not live here: an answer to a `cancel` or to input that crossed with the run's end.
    this.#inboxes.get(id)?.receive(message);
  }

  #refuseUnanswered(message: ErrorMessage): void {
    for (const inbox of [...this.#inboxes.values()]) {
      if (inbox.isUnanswered) inbox.refuse(new RemoteError({ ...message, id: inbox.id }));
    }
  }

  #greet(hello: HelloMessage): void {
    if (hello.protocol !== PROTOCOL_VERSION) {
      this.#drop(
        new ProtocolError(
          `The daemon speaks version ${hello.protocol} of the protocol, this client version ${PROTOCOL_VERSION}.`,
        ),
      );
      return;
    }
    this.#serverHello = hello;
    this.#hello.resolve(hello);
  }

  /** Ends the connection from this side, for a reason that its runs are told. */
  #drop(reason: MatchboxError): void {
    if (this.#end !== undefined) return;
    this.#ourReason ??= reason;
    this.#socket?.terminate();
    // A socket still being made may take its time to give up; whoever waits for it does not.
    this.#finish({ code: 1006, reason: "" });
  }

  #finish(end: SocketEnd): void {
    if (this.#end !== undefined) return;
    this.#end = this.#ourReason ?? this.#explain(end);
    this.#hello.reject(this.#end);
    for (const inbox of [...this.#inboxes.values()]) inbox.fail(this.#lossOf(inbox.id));
    this.#closed.resolve(this.#end);
  }

  /** Why the connection ended, from what the daemon said last, what broke, and the code it closed with. */
  #explain(end: SocketEnd): MatchboxError {
    if (end.cause instanceof RemoteError) return end.cause;
    const where = showAddress(this.#address);
    if (this.#serverHello === undefined) {
      if (this.#lastComplaint !== undefined) return this.#lastComplaint;
      return new ConnectionError("connection_failed", `Cannot connect to ${where}: ${describeEnd(end)}.`, {
        cause: end.cause,
      });
    }
    const cause = this.#lastComplaint ?? end.cause;
    const why = this.#lastComplaint?.message ?? `${describeEnd(end)}.`;
    return new ConnectionError("connection_lost", `The connection to ${where} was lost: ${why}`, { cause });
  }

  /** The connection's end, as an error of one run; each run has an error object of its own. */
  #lossOf(runId: string): MatchboxError {
    const reason = this.#end ?? this.#ourReason;
    if (reason instanceof ProtocolError) return new ProtocolError(reason.message, { runId, cause: reason });
    const code = reason instanceof ConnectionError ? reason.code : "connection_lost";
    return new ConnectionError(code, reason?.message ?? "The connection was lost.", { runId, cause: reason?.cause });
  }

  #unreadChanged(delta: number): void {
    this.#unreadBytes += delta;
    if (!this.#isPaused && this.#unreadBytes > this.#highWaterBytes) {
      this.#isPaused = true;
      this.#socket?.pause?.();
    } else if (this.#isPaused && this.#unreadBytes < this.#highWaterBytes / 4) {
      this.#isPaused = false;
      this.#socket?.resume?.();
    }
  }
}

function describeEnd(end: SocketEnd): string {
  if (end.cause instanceof Error) return messageOf(end.cause);
  const known = ERROR_CODES.find((code) => ERROR_FACTS[code].closeCode === end.code);
  if (end.reason !== "") return `the daemon closed it: ${end.reason}`;
  return known === undefined
    ? `closed with code ${end.code}`
    : `the daemon closed it (${known}): ${ERROR_FACTS[known].meaning}`;
}

/** Node reports a name with several addresses as one error without words, with the real ones inside. */
function messageOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return error.message === "" && first instanceof Error ? first.message : error.message;
}

/** Node's own way where there is one, else the standard WebSocket. */
async function platformSocket(): Promise<OpenSocket> {
  if ("process" in globalThis && "node" in process.versions) return (await import("./node-socket.js")).openNodeSocket;
  const { standardSocket } = await import("./web-socket.js");
  return standardSocket(globalThis.WebSocket);
}

/**
 * Ids that nobody else has either: 96 random bits and a number. The bits are drawn once, not for each run, which took 0.2 ms
 * where the last run was a while ago. `crypto.randomUUID` is missing on web pages without TLS.
 */
function runIds(): () => string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  const prefix = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  let count = 0;
  return () => `${prefix}-${++count}`;
}
