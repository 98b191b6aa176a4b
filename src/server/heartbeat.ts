import type { WebSocket } from "ws";

/** Whether somebody is still at the other end of a WebSocket, as far as its answers to pings tell. */
export class Heartbeat {
  readonly #socket: WebSocket;
  #isAlive = true;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("pong", () => {
      this.#isAlive = true;
    });
  }

  /** Sends a ping; who has not answered the one before is taken for gone, and the connection is dropped. */
  ping(): void {
    if (!this.#isAlive) {
      this.#socket.terminate();
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }
}
