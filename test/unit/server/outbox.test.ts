import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WebSocket } from "ws";
import { Outbox } from "../../../src/server/outbox.js";

/** A socket whose system takes messages when the test says so. */
class FakeSocket {
  readonly OPEN = 1;
  readyState = 1;
  readonly sent: string[] = [];
  readonly #unsent: { bytes: number; written: () => void }[] = [];

  get bufferedAmount(): number {
    return this.#unsent.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  send(data: string, _options: object, written: () => void): void {
    this.sent.push(data);
    this.#unsent.push({ bytes: data.length, written });
  }

  /** The system takes the oldest messages. */
  take(count: number): void {
    for (const { written } of this.#unsent.splice(0, count)) written();
  }
}

function outboxOf() {
  const socket = new FakeSocket();
  const log: string[] = [];
  const outbox = new Outbox(socket as unknown as WebSocket, {
    highWaterBytes: 1_000,
    slowClientMs: 5_000,
    onHold: () => log.push("hold"),
    onResume: () => log.push("resume"),
    onStuck: () => log.push("stuck"),
  });
  // 100 bytes on the wire.
  const send = (count: number): void => {
    for (let index = 0; index < count; index += 1)
      outbox.send({ type: "stdout", id: "r", seq: 0, data: "x".repeat(56) });
  };
  send(1);
  expect(socket.sent[0]).toHaveLength(100);
  socket.take(1);
  return { socket, outbox, log, send };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe("an outbox", () => {
  it("sends messages as JSON", () => {
    const { socket } = outboxOf();
    expect(JSON.parse(socket.sent[0]!)).toMatchObject({ type: "stdout", id: "r" });
  });

  it("holds the sources back above its high water, once", () => {
    const { log, send, outbox } = outboxOf();
    send(10);
    expect([log, outbox.held]).toEqual([[], false]);
    send(1);
    expect([log, outbox.held]).toEqual([["hold"], true]);
    send(20);
    expect(log).toEqual(["hold"]);
  });

  it("lets them go on at a quarter of it, and not before", () => {
    const { socket, log, send, outbox } = outboxOf();
    send(11);
    socket.take(8);
    expect(socket.bufferedAmount).toBe(300);
    expect(log).toEqual(["hold"]);
    socket.take(1);
    expect([log, outbox.held]).toEqual([["hold", "resume"], false]);
  });

  it("may hold again", () => {
    const { socket, log, send } = outboxOf();
    for (let round = 0; round < 3; round += 1) {
      send(11);
      socket.take(11);
    }
    expect(log).toEqual(["hold", "resume", "hold", "resume", "hold", "resume"]);
  });

  it("takes a client for stuck that takes nothing at all for so long", () => {
    const { log, send } = outboxOf();
    send(11);
    vi.advanceTimersByTime(4_999);
    expect(log).toEqual(["hold"]);
    vi.advanceTimersByTime(1);
    expect(log).toEqual(["hold", "stuck"]);
  });

  it("judges nobody by a time in which the daemon stood still", () => {
    const { socket, log, send } = outboxOf();
    send(11);
    // The clock goes on, no timer fires: as after a pause of the whole process.
    vi.setSystemTime(Date.now() + 20_000);
    const now = performance.now();
    vi.spyOn(performance, "now").mockImplementation(() => now + 20_000);
    vi.advanceTimersByTime(5_000);
    expect(log).toEqual(["hold"]);
    socket.take(11);
    expect(log).toEqual(["hold", "resume"]);
  });

  it("is patient with a client that is slow but reads", () => {
    const { socket, log, send } = outboxOf();
    send(30);
    for (let round = 0; round < 20; round += 1) {
      vi.advanceTimersByTime(4_000);
      socket.take(1);
    }
    expect(log).toEqual(["hold"]);
    vi.advanceTimersByTime(5_000);
    expect(log).toEqual(["hold", "stuck"]);
  });

  it("takes nobody for stuck who goes on, or who is gone", () => {
    const { socket, log, send, outbox } = outboxOf();
    send(11);
    socket.take(11);
    vi.advanceTimersByTime(10_000);
    send(11);
    outbox.close();
    vi.advanceTimersByTime(10_000);
    expect(log).toEqual(["hold", "resume", "hold"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("sends nothing to a client that is gone", () => {
    const { socket, send } = outboxOf();
    socket.readyState = 2;
    send(50);
    expect(socket.sent).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
