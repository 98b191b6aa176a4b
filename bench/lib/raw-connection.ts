import { once } from "node:events";
import { WebSocket } from "ws";
import { parseAddress, webSocketUrl } from "../../src/client/address.js";
import { readIncoming } from "../../src/client/incoming.js";
import type { ClientMessageInput, ServerMessage } from "../../src/protocol/messages.js";

const DEADLINE_MS = 30_000;

/** A WebSocket to the daemon and nothing around it: a client that idles costs little, and one can be cut off. */
export class RawConnection implements Disposable {
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("error", () => {
      socket.terminate(); // Whoever waits for something on it hears that it closed.
    });
  }

  /** Connects to a daemon over TCP and waits for its greeting. @throws Error when there is none within 30 s */
  static async open(url: string, token: string | undefined): Promise<RawConnection> {
    const connection = new RawConnection(
      new WebSocket(webSocketUrl(parseAddress(url)), {
        perMessageDeflate: false,
        headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      }),
    );
    try {
      await connection.waitFor("hello");
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  send(message: ClientMessageInput): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** Hands over every message from now on, as it came. */
  listen(onMessage: (text: Buffer) => void): void {
    this.#socket.on("message", onMessage);
  }

  /**
   * The next message of this type; what comes before it is not looked at.
   * @throws Error when the connection closes, or the message has not come within 30 s
   */
  waitFor<Type extends ServerMessage["type"]>(type: Type): Promise<Extract<ServerMessage, { type: Type }>> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(deadline);
        this.#socket.off("message", look).off("close", fail);
      };
      const fail = (): void => {
        finish();
        reject(new Error(`the connection closed, or gave nothing for ${DEADLINE_MS / 1_000} s, instead of "${type}"`));
      };
      const look = (data: Buffer): void => {
        const incoming = readIncoming(data.toString("utf8"));
        if (incoming.kind !== "message" || !isOfType(incoming.message, type)) return;
        finish();
        resolve(incoming.message);
      };
      const deadline = setTimeout(fail, DEADLINE_MS);
      this.#socket.on("message", look).on("close", fail);
    });
  }

  /** Pings the daemon. @throws Error when it does not answer within 30 s */
  async ping(): Promise<void> {
    const pong = once(this.#socket, "pong", { signal: AbortSignal.timeout(DEADLINE_MS) });
    this.#socket.ping();
    await pong;
  }

  /** Cuts the connection off, without a goodbye. */
  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}

function isOfType<Type extends ServerMessage["type"]>(
  message: ServerMessage,
  type: Type,
): message is Extract<ServerMessage, { type: Type }> {
  return message.type === type;
}
