import { webSocketUrl } from "./address.js";
import type { OpenSocket, Socket, SocketEvents } from "./socket.js";
import { subprotocols } from "./subprotocols.js";

/** The part of the standard WebSocket that is used. */
export interface StandardWebSocket {
  readonly bufferedAmount: number;
  readonly readyState: number;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "error", listener: (event: object) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type StandardWebSocketConstructor = new (url: string, protocols?: string[]) => StandardWebSocket;

const OPEN = 1;
/** How long after an error its `close` may take; the close code is worth waiting for, and not every platform sends it. */
const CLOSE_AFTER_ERROR_MS = 1_000;

/**
 * A socket on the standard `WebSocket`: for browsers, and for whatever else has one.
 *
 * It can send a token only as a subprotocol, cannot dial a unix socket, and cannot stop reading: what a fast program writes
 * is held in memory until it is read, up to the lane's output limit.
 */
export function standardSocket(constructor: StandardWebSocketConstructor): OpenSocket {
  return ({ address, token }, events) => {
    if (address.kind === "unix") throw new TypeError("a standard WebSocket cannot connect to a unix socket");
    return wrap(new constructor(webSocketUrl(address), subprotocols(token)), events);
  };
}

function wrap(socket: StandardWebSocket, events: SocketEvents): Socket {
  let isDone = false;
  let hasOpened = false;
  let late: ReturnType<typeof setTimeout> | undefined;
  let cause: Error | undefined;
  const finish = (code: number, reason: string): void => {
    if (isDone) return;
    isDone = true;
    clearTimeout(late);
    events.onClose({ code, reason, cause });
  };
  socket.addEventListener("open", () => {
    hasOpened = true;
  });
  // By the standard every end comes as a `close`, after an `error` where something broke. Node 22 leaves the `close` out where
  // the handshake failed. There it would say nothing more than the error does, so nothing is lost by not waiting for it.
  socket.addEventListener("error", (event) => {
    cause ??= causeOf(event);
    if (!hasOpened) finish(1006, "");
    else {
      late ??= setTimeout(() => {
        finish(1006, "");
      }, CLOSE_AFTER_ERROR_MS);
    }
  });
  socket.addEventListener("message", (event) => {
    if (isDone) return;
    if (typeof event.data === "string") events.onMessage(event.data);
    else {
      finish(1006, "the daemon sent a binary frame");
      socket.close();
    }
  });
  socket.addEventListener("close", (event) => {
    finish(event.code, event.reason);
  });
  return {
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send(text) {
      if (socket.readyState === OPEN) socket.send(text);
    },
    close(code, reason) {
      socket.close(code, reason);
    },
    terminate() {
      socket.close();
      // A standard socket may wait long for the other side's goodbye; nobody here does.
      finish(1006, "");
    },
  };
}

/** What Node says of it; browsers say nothing, so that a page cannot look around in a network. */
function causeOf(event: object): Error | undefined {
  const error: unknown = Reflect.get(event, "error");
  return error instanceof Error ? error : undefined;
}
