import type { WebSocket } from "ws";
import { systemClock } from "../clock.js";
import { outwait } from "../patience.js";

/** How long an answer that is overdue is listened for once more, in ms: a daemon that stood still has not read it yet. */
const LAST_CHANCE_MS = 100;

/** Whether somebody is still at the other end of a WebSocket, as far as its answers to pings tell. */
export class Heartbeat {
  readonly #socket: WebSocket;
  readonly #isDeaf: () => boolean;
  #isAlive = true;

  /** @param options.isDeaf whether nothing is read from the other end, so that its answers cannot be heard */
  constructor(socket: WebSocket, options: { isDeaf?: () => boolean } = {}) {
    this.#socket = socket;
    this.#isDeaf = options.isDeaf ?? (() => false);
    socket.on("pong", () => {
      this.#isAlive = true;
    });
  }

  /** Sends a ping; who has not answered the one before is taken for gone, and the connection is dropped. */
  ping(): void {
    if (this.#isDeaf()) {
      // The answer may have come and wait behind what is not read; the next ping asks anew.
      this.#isAlive = true;
      return;
    }
    if (!this.#isAlive) {
      void this.#giveUp();
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }

  async #giveUp(): Promise<void> {
    await outwait(LAST_CHANCE_MS, { clock: systemClock });
    if (!this.#isAlive && !this.#isDeaf()) this.#socket.terminate();
  }
}
