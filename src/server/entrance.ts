import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Shares of the descriptors that the process may open: what is left is for sandboxes, of which each takes up to four. */
const CONNECTIONS_SHARE = 1 / 2;
const PENDING_SHARE = 1 / 8;
/** With fewer nobody could use the daemon at all. */
const LEAST = 4;

export interface EntranceLimits {
  /** Connections without a WebSocket at once. */
  readonly maxPending: number;
  /** Connections of one address at once, WebSockets included; those of this machine are not counted. */
  readonly maxPerAddress: number;
  /** Connections in all. */
  readonly maxTotal: number;
}

interface Visitor {
  readonly socket: Socket;
  readonly address: string;
  /** Whether it has a WebSocket. */
  isInside: boolean;
  /** Whether nobody has looked yet for what it has to say. */
  isUnread: boolean;
  /** Requests that have come, and those that wait for their answer. */
  requests: number;
  unanswered: number;
}

/**
 * Connections of the listener, from their first packet on. Who connects and says nothing costs a descriptor, and without
 * descriptors no sandbox can be made: there are only so many of them, and the one that has been silent for longest, of the
 * address that has most, makes room for the next. So a flood of strangers keeps nobody out who has something to say.
 */
export class Entrance {
  readonly #limits: () => EntranceLimits;
  /** In the order of their coming. */
  readonly #visitors = new Map<Socket, Visitor>();
  /** Those that came in this turn of the event loop; and in the one before, which is when they are read for the first time. */
  #unread: Visitor[] = [];
  #isWaitingForTurn = false;

  constructor(server: Server, limits: () => EntranceLimits) {
    this.#limits = limits;
    server.on("connection", (socket) => {
      this.#admit(socket);
    });
    server.on("request", ({ socket }, response) => {
      const visitor = this.#visitors.get(socket);
      if (visitor === undefined) return;
      visitor.requests += 1;
      visitor.unanswered += 1;
      response.once("close", () => (visitor.unanswered -= 1));
    });
  }

  get size(): number {
    return this.#visitors.size;
  }

  /** Whether there are as many WebSockets as leave a place for who only asks something, such as whether the daemon is well. */
  get isFull(): boolean {
    const { maxPending, maxTotal } = this.#limits();
    let inside = 0;
    for (const { isInside } of this.#visitors.values()) inside += Number(isInside);
    return inside >= maxTotal - maxPending;
  }

  /** It has a WebSocket: what bounds it from now on is `server.maxConnections`. */
  letIn(socket: unknown): void {
    for (const visitor of this.#visitors.values()) if (visitor.socket === socket) visitor.isInside = true;
  }

  #admit(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    const { maxPerAddress } = this.#limits();
    const visitor = { socket, address, isInside: false, isUnread: true, requests: 0, unanswered: 0 };
    this.#visitors.set(socket, visitor);
    socket.once("close", () => this.#visitors.delete(socket));
    const ofAddress = [...this.#visitors.values()].filter((other) => other.address === address);
    if (!isOfThisMachine(address) && ofAddress.length > maxPerAddress) {
      this.#close(socket);
      return;
    }
    this.#unread.push(visitor);
    if (!this.#makeRoom()) this.#close(socket);
    this.#awaitReading();
  }

  /**
   * Many may come in one turn, after a moment in which the daemon did something else, and what they have to say is there
   * already: they are read before it is said of them that they are silent. They are read in the turn after this one.
   */
  #awaitReading(): void {
    if (this.#isWaitingForTurn) return;
    this.#isWaitingForTurn = true;
    setImmediate(() => {
      const cameBefore = this.#unread;
      this.#unread = [];
      setImmediate(() => {
        this.#isWaitingForTurn = false;
        for (const visitor of cameBefore) visitor.isUnread = false;
        this.#makeRoom();
        if (this.#unread.length > 0) this.#awaitReading();
      });
    });
  }

  /** @returns whether nothing is above its limit now, but for connections that nobody has read yet */
  #makeRoom(): boolean {
    const { maxPending, maxTotal } = this.#limits();
    const pending = [...this.#visitors.values()].filter(({ isInside }) => !isInside);
    let above = Math.max(pending.length - maxPending, this.#visitors.size - maxTotal);
    while (above > 0) {
      const victim = silentestOf(pending.filter(({ socket, isUnread }) => !isUnread && this.#visitors.has(socket)));
      if (victim === undefined) break;
      this.#close(victim.socket);
      above -= 1;
    }
    return this.#visitors.size <= maxTotal;
  }

  #close(socket: Socket): void {
    this.#visitors.delete(socket);
    socket.destroy();
  }
}

/** Of the address that has most, who has been silent for longest; only then who has been answered, and who has not. */
function silentestOf(pending: readonly Visitor[]): Visitor | undefined {
  const counts = new Map<string, number>();
  for (const { address } of pending) counts.set(address, (counts.get(address) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const fullest = pending.filter(({ address }) => counts.get(address) === most);
  return (
    fullest.find(({ requests }) => requests === 0) ?? fullest.find(({ unanswered }) => unanswered === 0) ?? fullest[0]
  );
}

/** All agents of a machine may come from one address of it; a unix socket has none. */
function isOfThisMachine(address: string): boolean {
  return address === "" || address === "::1" || /^(?:::ffff:)?127\./.test(address);
}

/** The configured limits, as far as the process's descriptors go. */
export function withinDescriptors(limits: EntranceLimits, descriptors: number): EntranceLimits {
  return {
    ...limits,
    maxPending: Math.max(LEAST, Math.min(limits.maxPending, Math.floor(descriptors * PENDING_SHARE))),
    maxTotal: Math.max(2 * LEAST, Math.min(limits.maxTotal, Math.floor(descriptors * CONNECTIONS_SHARE))),
  };
}

/** How many descriptors this process may have open; as many as it likes where nobody says. */
export function descriptorLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    // No Linux, or no /proc.
    return Infinity;
  }
}
