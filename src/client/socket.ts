import type { Address } from "./address.js";

/** The part of a WebSocket that the client needs, whatever makes it. */
export interface Socket {
  /** Queues one text frame; does nothing once the socket is closed. */
  send(text: string): void;
  /** Bytes that `send` queued and the network has not taken. */
  readonly bufferedAmount: number;
  /** Says goodbye and then closes; `onClose` follows. */
  close(code: number, reason: string): void;
  /** Drops the connection at once; `onClose` follows. */
  terminate(): void;
  /** Stops reading until `resume`, which stops the daemon in turn; missing where the platform has no such thing (browsers). */
  pause?(): void;
  resume?(): void;
}

/** What a socket tells the client. `onClose` comes exactly once, also when the connection was never made. */
export interface SocketEvents {
  onMessage(text: string): void;
  onClose(end: SocketEnd): void;
}

export interface SocketEnd {
  /** The WebSocket close code; 1006 when the other side said nothing. */
  readonly code: number;
  readonly reason: string;
  /** What broke it, if something did. */
  readonly cause?: unknown;
}

export interface SocketTarget {
  readonly address: Address;
  readonly token: string | undefined;
}

/** Opens a connection. Must not throw for reasons of the network: those arrive as `onClose`. */
export type OpenSocket = (target: SocketTarget, events: SocketEvents) => Socket;
