import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { Heartbeat } from "../../../src/server/heartbeat.js";

/** A socket whose other end answers only when the test says so. */
class QuietSocket extends EventEmitter {
  pings = 0;
  isTerminated = false;

  ping(): void {
    this.pings += 1;
  }

  terminate(): void {
    this.isTerminated = true;
    this.emit("terminated");
  }
}

function beating(options?: { isDeaf: () => boolean }): { socket: QuietSocket; heartbeat: Heartbeat } {
  const socket = new QuietSocket();
  return { socket, heartbeat: new Heartbeat(socket as unknown as WebSocket, options) };
}

describe("a heartbeat", () => {
  it("keeps who answers each ping, and drops who has not answered the last one", async () => {
    const { socket, heartbeat } = beating();
    heartbeat.ping();
    socket.emit("pong");
    heartbeat.ping();
    expect(socket).toMatchObject({ pings: 2, isTerminated: false });
    const terminated = new Promise((resolve) => socket.once("terminated", resolve));
    heartbeat.ping();
    await terminated;
    expect(socket.pings).toBe(2);
  });

  it("keeps who had answered, when the answer is read only after the next ping was due", async () => {
    const { socket, heartbeat } = beating();
    heartbeat.ping();
    heartbeat.ping();
    // As after a pause of the whole process, where timers fire before anything is read.
    setImmediate(() => socket.emit("pong"));
    await sleep(300);
    expect(socket.isTerminated).toBe(false);
  });

  it("drops nobody to whom it does not listen", async () => {
    const { socket, heartbeat } = beating({ isDeaf: () => true });
    for (let count = 0; count < 4; count += 1) heartbeat.ping();
    await sleep(300);
    expect(socket).toMatchObject({ pings: 0, isTerminated: false });
  });
});
