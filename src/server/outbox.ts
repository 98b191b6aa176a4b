import type { WebSocket } from "ws";
import { LATE_MS } from "../patience.js";
import type { ServerMessage } from "../protocol/messages.js";

export interface OutboxOptions {
  /** Unsent bytes above which the sources are held back; they go on below a quarter of it. */
  readonly highWaterBytes: number;
  /** How long the client may take nothing at all while it is held back, in ms. */
  readonly slowClientMs: number;
  readonly onHold: () => void;
  readonly onResume: () => void;
  readonly onStuck: () => void;
}

/** Beyond the bytes above which sources are held back, so many are kept of what ended runs have left to say. */
const READ_ON_BYTES = 4 * 1024 * 1024;

/** Bytes would go out as a binary frame otherwise. */
const AS_TEXT = { binary: false };

/** What goes out to one client. `ws` takes whatever it is given into memory, so the bound is here. */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #options: OutboxOptions;
  #held = false;
  #stuck: NodeJS.Timeout | undefined;
  /** When the client last took something, or was first held back, in ms. */
  #tookAt = 0;

  constructor(socket: WebSocket, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Whether the sources are to wait. */
  get held(): boolean {
    return this.#held;
  }

  /** Whether what ended runs have left to say may still be kept. A client that is gone keeps nothing, and bounds nothing. */
  get hasRoom(): boolean {
    const { readyState, OPEN, bufferedAmount } = this.#socket;
    return readyState !== OPEN || bufferedAmount < this.#options.highWaterBytes + READ_ON_BYTES;
  }

  /** Sends a message; to a client that is gone it does nothing. */
  send(message: ServerMessage): void {
    this.sendText(JSON.stringify(message));
  }

  /** Sends a message that is JSON already. @param onWritten hears when the system has taken it */
  sendText(json: string | Buffer, onWritten?: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const written = (): void => {
      onWritten?.();
      this.#onWritten();
    };
    this.#socket.send(json, AS_TEXT, onWritten === undefined ? this.#onWritten : written);
    this.#holdIfFull();
  }

  /** Answers a ping. It waits behind what is unsent and counts as everything else: pings can come without end, too. */
  pong(data: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.pong(data, false, this.#onWritten);
    this.#holdIfFull();
  }

  close(): void {
    clearTimeout(this.#stuck);
  }

  #holdIfFull(): void {
    if (!this.#held && this.#socket.bufferedAmount > this.#options.highWaterBytes) this.#hold();
  }

  #hold(): void {
    this.#held = true;
    this.#tookAt = performance.now();
    this.#stuck = setTimeout(() => {
      this.#judge();
    }, this.#options.slowClientMs);
    this.#options.onHold();
  }

  #judge(): void {
    const { slowClientMs, onStuck } = this.#options;
    // Where the daemon stood still, it has not heard yet what the client took.
    if (performance.now() - this.#tookAt > slowClientMs + LATE_MS) {
      this.#tookAt = performance.now();
      this.#stuck?.refresh();
    } else {
      onStuck();
    }
  }

  /** Called when the system has taken one message: the client reads, be it ever so slowly. */
  readonly #onWritten = (): void => {
    if (!this.#held) return;
    this.#tookAt = performance.now();
    this.#stuck?.refresh();
    if (this.#socket.bufferedAmount > this.#options.highWaterBytes / 4) return;
    this.#held = false;
    clearTimeout(this.#stuck);
    this.#options.onResume();
  };
}
