import { connect as connectSocket } from "node:net";
import { WebSocket } from "ws";
import { errorMessage } from "../protocol/messages.js";
import { webSocketUrl } from "./address.js";
import { RemoteError } from "./errors.js";
import type { OpenSocket, Socket, SocketEvents, SocketTarget } from "./socket.js";

/**
 * Between our pings. Twice this without a sign of life means that the connection is dead although nobody said so (a cable,
 * a NAT entry, a sleeping laptop). Shorter finds it sooner; longer survives a daemon machine that stalls under load.
 */
const HEARTBEAT_MS = 15_000;
/** Enough of a refusal to read why; a proxy's error page may be any size. */
const MAX_REFUSAL_BYTES = 64 * 1024;
/** How long its body may take: that the upgrade was refused is known already, and a body may never end. */
const REFUSAL_MS = 1_000;

/** The socket for Node: the only kind that can send a token in a header, dial a unix socket, and stop reading. */
export const openNodeSocket: OpenSocket = (target, events) => new NodeSocket(target, events);

class NodeSocket implements Socket {
  readonly #socket: WebSocket;
  readonly #heartbeat: NodeJS.Timeout;
  #isAlive = true;
  #cause: unknown;

  constructor({ address, token }: SocketTarget, events: SocketEvents) {
    this.#socket = new WebSocket(webSocketUrl(address), {
      perMessageDeflate: false,
      // A collected file comes in one message and the daemon bounds it; the limit here only stops a broken peer.
      maxPayload: 256 * 1024 * 1024,
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      ...(address.kind === "unix" ? { createConnection: () => connectSocket(address.socketPath) } : {}),
    });
    this.#heartbeat = setInterval(() => {
      this.#checkHeartbeat();
    }, HEARTBEAT_MS);
    this.#socket
      .on("message", (data, isBinary) => {
        this.#isAlive = true;
        if (isBinary || !Buffer.isBuffer(data)) {
          this.#fail(new Error("the daemon sent a binary frame"));
          return;
        }
        events.onMessage(data.toString("utf8"));
      })
      .on("ping", () => {
        this.#isAlive = true;
      })
      .on("pong", () => {
        this.#isAlive = true;
      })
      .on("unexpected-response", (request, response) => {
        let body = "";
        const late = setTimeout(() => {
          response.destroy();
        }, REFUSAL_MS);
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
          if (body.length > MAX_REFUSAL_BYTES) response.destroy();
        });
        response.on("close", () => {
          clearTimeout(late);
          this.#fail(refusal(response.statusCode ?? 0, body));
          request.destroy();
        });
      })
      .on("error", (error) => {
        this.#cause ??= error;
      })
      .on("close", (code, reason) => {
        clearInterval(this.#heartbeat);
        events.onClose({ code, reason: reason.toString(), cause: this.#cause });
      });
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#isAlive = true;
    this.#socket.resume();
  }

  #fail(cause: unknown): void {
    this.#cause ??= cause;
    this.#socket.terminate();
  }

  #checkHeartbeat(): void {
    // While we do not read we cannot see a pong either; the daemon's own deadline for slow clients covers that time.
    if (this.#socket.readyState !== WebSocket.OPEN || this.#socket.isPaused) return;
    if (!this.#isAlive) {
      this.#fail(new Error(`no sign of life for ${(2 * HEARTBEAT_MS) / 1000} s`));
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }
}

/** The daemon answers a refused upgrade with the same error object as everywhere; a proxy in between may not. */
function refusal(status: number, body: string): Error {
  try {
    const parsed = errorMessage.safeParse(JSON.parse(body));
    if (parsed.success) return new RemoteError(parsed.data);
  } catch {
    // Not JSON: somebody else's answer, told by its status below.
  }
  return new Error(`the server answered ${status} instead of opening a WebSocket`);
}
