import type { WebSocket } from "ws";
import type { Clock } from "../clock.js";
import { Heartbeat } from "./heartbeat.js";

/** Unsent bytes above which a watcher is told nothing more: what it misses it gets as a whole, when it reads again. */
const MAX_UNSENT_BYTES = 256 * 1024;

export interface WatcherOptions {
  readonly clock: Clock;
  readonly slowClientMs: number;
  readonly onClose: () => void;
}

/** One who watches. It is told things and has nothing to say; how slowly it reads is its own affair. */
export class Watcher {
  readonly #socket: WebSocket;
  readonly #options: WatcherOptions;
  /** Whether what it was told is no longer all there is to know. */
  #isBehind = false;
  /** When it was first found to read too slowly. */
  #heldSince: number | undefined;
  readonly #heartbeat: Heartbeat;

  constructor(socket: WebSocket, options: WatcherOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#heartbeat = new Heartbeat(socket);
    socket.on("ping", (data) => {
      if (socket.bufferedAmount <= MAX_UNSENT_BYTES) socket.pong(data);
    });
    socket.on("close", options.onClose);
    // What is wrong with the connection shows as its close.
    socket.on("error", () => {
      socket.terminate();
    });
  }

  /** Whether it has missed something and can take a snapshot now. */
  get needsSnapshot(): boolean {
    return this.#isBehind && !this.#isHeld();
  }

  /** What it was told before is void. */
  forget(): void {
    this.#isBehind = true;
  }

  /** Sends a change, or drops it where what came before is still unsent. */
  send(text: string): void {
    this.#isBehind ||= this.#isHeld();
    if (!this.#isBehind) this.#write(text);
  }

  /** Sends all there is to know. */
  sendSnapshot(text: string): void {
    this.#isBehind = false;
    this.#write(text);
  }

  #write(text: string): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }

  ping(): void {
    this.#heartbeat.ping();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #isHeld(): boolean {
    const { clock, slowClientMs } = this.#options;
    if (this.#socket.bufferedAmount <= MAX_UNSENT_BYTES) {
      this.#heldSince = undefined;
      return false;
    }
    this.#heldSince ??= clock.now();
    if (clock.now() - this.#heldSince > slowClientMs) this.#socket.terminate();
    return true;
  }
}
