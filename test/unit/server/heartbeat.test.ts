import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
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
  }
}

it("who answers each ping stays; who has not answered the last one is dropped at the next", () => {
  const socket = new QuietSocket();
  const heartbeat = new Heartbeat(socket as unknown as WebSocket);
  heartbeat.ping();
  socket.emit("pong");
  heartbeat.ping();
  expect(socket).toMatchObject({ pings: 2, isTerminated: false });
  heartbeat.ping();
  expect(socket).toMatchObject({ pings: 2, isTerminated: true });
});
