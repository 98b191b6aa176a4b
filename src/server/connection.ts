import { isUtf8 } from "node:buffer";
import type { RawData, WebSocket } from "ws";
import type { ServerConfig } from "../config/schema.js";
import { DaemonError } from "../errors.js";
import { boundedText, type Decoded, decodeClientMessage, makeError, refuseUnread } from "../protocol/codec.js";
import { ERROR_FACTS, type ErrorCode } from "../protocol/error-codes.js";
import type { ClientMessage, HelloMessage, RunMessage } from "../protocol/messages.js";
import { Run } from "../run/run.js";
import type { KillReason } from "../run/termination.js";
import { type FrameGate, type GatheredMessage, SMALL_MESSAGE_BYTES } from "./frame-gate.js";
import { Heartbeat } from "./heartbeat.js";
import { type LargeMessages, UnreadMessageError } from "./large-messages.js";
import { Outbox } from "./outbox.js";
import type { OutputEncoder } from "./output-message.js";

export interface ConnectionOptions {
  /** Tells this connection's runs from those of others. */
  readonly key: string;
  /** Whom it is counted with when sandboxes are shared out. */
  readonly party: string;
  readonly socket: WebSocket;
  /** What holds the reading, and puts large messages together; the daemon's own client has none. */
  readonly gate?: FrameGate | undefined;
  readonly largeMessages: LargeMessages;
  readonly hello: HelloMessage;
  readonly config: ServerConfig;
  readonly output: OutputEncoder;
  readonly now: () => number;
  /** Whether new runs are taken. */
  readonly isDraining: () => boolean;
  /** Carries a run from here to the removal of its container; never rejects. */
  readonly execute: (run: Run) => Promise<void>;
}

/** The close code for a text that is no UTF-8 (RFC 6455, 7.4.1). */
const NOT_UTF8 = 1007;
/** How long a client that is sent away has to read on, and to hear why, in ms. */
const FAREWELL_MS = 5_000;

/** One client's WebSocket: many runs at once, each with its own ending, whatever happens to the others. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: WebSocket;
  readonly #outbox: Outbox;
  /** Runs that have not had their terminal message. */
  readonly #live = new Map<string, Run>();
  /** Runs whose containers are not gone yet. */
  readonly #unfinished = new Set<Promise<void>>();
  readonly #heartbeat: Heartbeat;
  /** Why nothing is read from the client at present. */
  readonly #holds = new Set<"unsent" | "large">();
  #isClosed = false;
  /** Set when the client is being sent away. */
  #farewell: NodeJS.Timeout | undefined;

  constructor(options: ConnectionOptions) {
    const { socket, config } = options;
    this.#options = options;
    this.#socket = socket;
    this.#heartbeat = new Heartbeat(socket, { isDeaf: () => options.gate?.isHeld === true });
    this.#outbox = new Outbox(socket, {
      highWaterBytes: config.highWaterBytes,
      slowClientMs: config.slowClientMs,
      onHold: () => {
        this.#holdReading("unsent");
        for (const run of this.#live.values()) run.pause();
      },
      onResume: () => {
        for (const run of this.#live.values()) run.resume();
        this.#readOn("unsent");
      },
      onStuck: () => {
        this.#sendAway();
      },
    });
    socket.on("message", (data, isBinary) => {
      this.#onFrame(data, isBinary);
    });
    socket.on("ping", (data) => {
      this.#outbox.pong(data);
    });
    socket.on("close", () => {
      this.#isClosed = true;
      clearTimeout(this.#farewell);
      this.#outbox.close();
      this.terminateRuns("client_gone");
    });
    socket.on("error", () => {
      // `ws` has said why, by a close code. To drop a connection on which more arrives is to take that back: the client's
      // system forgets what it has not read yet.
      this.#farewell ??= setTimeout(() => {
        socket.terminate();
      }, FAREWELL_MS);
      this.terminateRuns("client_gone");
    });
    this.#outbox.send(options.hello);
  }

  /** Settles when every run of this connection has ended and its container is gone. */
  async finished(): Promise<void> {
    while (this.#unfinished.size > 0) await Promise.all(this.#unfinished);
  }

  /** Ends every live run for this reason. */
  terminateRuns(reason: KillReason): void {
    for (const run of this.#live.values()) run.termination.request(reason);
  }

  /** Sends a ping; a client that has not answered the one before is taken for gone. */
  ping(): void {
    this.#heartbeat.ping();
  }

  /** Drops the connection without a word. */
  terminate(): void {
    this.#socket.terminate();
  }

  /** Closes the connection with the code's own close code. */
  close(code: ErrorCode, reason: string): void {
    this.#socket.close(ERROR_FACTS[code].closeCode ?? 1000, reason);
  }

  /**
   * Ends what a client that reads nothing keeps alive. The endings of its runs and the reason wait behind what it has not
   * read: should it read on, it learns all of it; else the connection is dropped soon.
   */
  #sendAway(): void {
    if (this.#farewell !== undefined) return;
    this.#farewell = setTimeout(() => {
      this.#socket.terminate();
    }, FAREWELL_MS);
    this.terminateRuns("client_gone");
    this.#closeIfSentAway();
  }

  #closeIfSentAway(): void {
    if (this.#farewell !== undefined && this.#live.size === 0)
      this.close("slow_client", "The client took nothing for too long.");
  }

  #onFrame(data: RawData, isBinary: boolean): void {
    if (this.#farewell !== undefined) return;
    // Taken first: reading a large message is part of the run's latency.
    const receivedAt = this.#options.now();
    const { maxMessageBytes } = this.#options.config;
    if (isBinary) {
      this.#refuseBinary();
      return;
    }
    const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
    if (bytes.length > maxMessageBytes) this.#refuseTooLarge(bytes.length);
    else this.#onDecoded(refuseUnread(bytes) ?? decodeClientMessage(bytes.toString("utf8")), receivedAt);
  }

  /** Takes a message that the gate has put together: what comes behind it waits until it has been read. */
  onGathered(message: GatheredMessage): void {
    if (this.#farewell !== undefined) return;
    if (message.kind === "binary") this.#refuseBinary();
    else if (message.kind === "too_large") this.#refuseTooLarge(message.bytes);
    else if (message.bytes <= SMALL_MESSAGE_BYTES && isUtf8(Buffer.concat(message.blocks)))
      this.#onFrame(Buffer.concat(message.blocks), false);
    else void this.#readLarge(message.blocks);
  }

  async #readLarge(blocks: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    const receivedAt = this.#options.now();
    this.#holdReading("large");
    try {
      const answer = await this.#options.largeMessages.read(blocks);
      if (this.#isClosed || this.#farewell !== undefined) return;
      if ("notUtf8" in answer) this.#socket.close(NOT_UTF8, "A message is not UTF-8.");
      else this.#onDecoded(answer, receivedAt);
    } catch (error) {
      if (!(error instanceof UnreadMessageError)) throw error;
      this.#refuse("internal", "The message could not be read; the log has why.");
    } finally {
      this.#readOn("large");
    }
  }

  #holdReading(why: "unsent" | "large"): void {
    this.#holds.add(why);
    this.#options.gate?.hold();
  }

  #readOn(why: "unsent" | "large"): void {
    this.#holds.delete(why);
    if (this.#holds.size === 0) this.#options.gate?.release();
  }

  #onDecoded(decoded: Decoded, receivedAt: number): void {
    if (!decoded.ok) {
      const { id } = decoded.error;
      // An error with a place in the sequence ends the run of its id; one about a live run's neighbour must not.
      const endsRun = id !== undefined && !this.#live.has(id) && decoded.isRun;
      this.#outbox.send(endsRun ? { ...decoded.error, seq: 0 } : decoded.error);
      return;
    }
    try {
      this.#onMessage(decoded.message, receivedAt);
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      this.#refuse(error.code, error.message, decoded.message.id);
    }
  }

  #refuseBinary(): void {
    this.#refuse("bad_message", "Binary frames are not part of the protocol; send JSON as text.");
  }

  #refuseTooLarge(bytes: number): void {
    const { maxMessageBytes } = this.#options.config;
    this.#refuse("too_large", `The message has ${bytes} bytes; ${maxMessageBytes} is the most.`);
  }

  #onMessage(message: ClientMessage, receivedAt: number): void {
    switch (message.type) {
      case "run":
        this.#startRun(message, receivedAt);
        return;
      case "stdin":
        this.#find(message.id)?.writeStdin(message.data, message.encoding);
        return;
      case "stdin_end":
        this.#find(message.id)?.endStdin();
        return;
      case "cancel":
        this.#find(message.id)?.termination.request("cancelled");
        return;
      default:
        message satisfies never;
    }
  }

  #startRun(request: RunMessage, receivedAt: number): void {
    const { id } = request;
    const { config, isDraining, execute, key, party } = this.#options;
    if (this.#live.has(id)) {
      this.#refuse("duplicate_run", "A live run has this id already; it goes on.", id);
      return;
    }
    if (isDraining()) {
      this.#outbox.send({
        ...makeError("shutting_down", "The daemon is stopping and takes no new runs.", { id }),
        seq: 0,
      });
      return;
    }
    if (this.#live.size >= config.maxRunsPerConnection) {
      const message = `This connection has ${this.#live.size} live runs, as many as it may have.`;
      this.#outbox.send({ ...makeError("too_many_runs", message, { id }), seq: 0 });
      return;
    }
    const run = new Run({
      request,
      client: key,
      party,
      receivedAt,
      send: (message) => {
        // Its id is free again before the client can have read the ending.
        if ((message.type === "exit" || message.type === "error") && this.#live.get(id) === run) this.#live.delete(id);
        this.#outbox.send(message.type === "error" ? { ...message, message: boundedText(message.message) } : message);
        this.#closeIfSentAway();
      },
      sendOutput: (piece) => {
        const { json, release } = this.#options.output.encode(piece);
        this.#outbox.sendText(json, release);
      },
      hasRoom: () => this.#outbox.hasRoom,
    });
    this.#live.set(id, run);
    if (this.#outbox.held) run.pause();
    const finished = execute(run).finally(() => this.#unfinished.delete(finished));
    this.#unfinished.add(finished);
  }

  /** The live run with this id; without one the client is told, and whether it ever existed is not. */
  #find(id: string): Run | undefined {
    const run = this.#live.get(id);
    if (run === undefined) this.#refuse("unknown_run", "This connection has no live run with this id.", id);
    return run;
  }

  #refuse(code: ErrorCode, message: string, id?: string): void {
    this.#outbox.send(makeError(code, message, { id }));
  }
}
