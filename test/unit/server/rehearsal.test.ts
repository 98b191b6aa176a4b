import { once } from "node:events";
import { accessSync, constants, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { Rehearsal } from "../../../src/server/rehearsal.js";

/** A rehearsal whose requests the test sees, on a clock in the test's hands. */
function rehearsalFor(lastsMs: number) {
  const requests: unknown[] = [];
  const sockets: WebSocket[] = [];
  const clock = { now: 0 };
  const latency: { us: number | null } = { us: null };
  const rehearsal = new Rehearsal({
    lastsMs: () => lastsMs,
    cpuLatencyUs: () => latency.us,
    onLatencyRefused: (error) => {
      throw error;
    },
    now: () => clock.now,
    serve: (socket) => {
      sockets.push(socket);
      socket.on("message", (data: Buffer) => requests.push(JSON.parse(data.toString("utf8"))));
    },
  });
  cleanups.push(rehearsal);
  return { rehearsal, requests, sockets, clock, latency };
}

/** What the kernel goes by, of all that was asked of it; in microseconds. */
function cpuLatencyUs(): number {
  return new Int32Array(new Uint8Array(readFileSync("/dev/cpu_dma_latency").subarray(0, 4)).buffer)[0]!;
}

/** Whether we may ask, and nobody else does. */
function isLatencyOurs(): boolean {
  try {
    accessSync("/dev/cpu_dma_latency", constants.R_OK | constants.W_OK);
    return cpuLatencyUs() > 1_000_000;
  } catch {
    return false;
  }
}

const cleanups: Disposable[] = [];

afterEach(() => {
  for (const each of cleanups.splice(0)) each[Symbol.dispose]();
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(5);
}

describe("a rehearsal", () => {
  it("is quiet until a run has come, sends requests then, and is quiet again when no other came for long enough", async () => {
    const { rehearsal, requests, clock } = rehearsalFor(1_000);
    expect(rehearsal.isActive).toBe(false);
    rehearsal.extend();
    await until(() => requests.length >= 2);
    expect(requests[0]).toMatchObject({ type: "run", id: "rehearsal" });
    clock.now = 1_000;
    rehearsal.extend();
    clock.now = 2_000;
    const seen = requests.length;
    await until(() => requests.length > seen + 1);
    expect(rehearsal.isActive).toBe(true);
    clock.now = 2_001;
    await until(() => !rehearsal.isActive);
  });

  it("begins again over the same connection with the next run", async () => {
    const { rehearsal, requests, sockets, clock } = rehearsalFor(1_000);
    rehearsal.extend();
    await until(() => requests.length > 0);
    clock.now = 5_000;
    await until(() => !rehearsal.isActive);
    const seen = requests.length;
    rehearsal.extend();
    await until(() => requests.length > seen);
    expect(sockets).toHaveLength(1);
  });

  it("never begins where it is switched off, or after its end", () => {
    const off = rehearsalFor(0);
    off.rehearsal.extend();
    expect(off.rehearsal.isActive).toBe(false);
    const over = rehearsalFor(1_000);
    over.rehearsal[Symbol.dispose]();
    over.rehearsal.extend();
    expect(over.rehearsal.isActive).toBe(false);
    expect(over.sockets).toEqual([]);
  });

  it("closes its connection at its end, also while it is being made", async () => {
    const open = rehearsalFor(1_000);
    open.rehearsal.extend();
    await until(() => open.requests.length > 0);
    const closed = once(open.sockets[0]!, "close");
    open.rehearsal[Symbol.dispose]();
    await closed;
    const early = rehearsalFor(1_000);
    early.rehearsal.extend();
    early.rehearsal[Symbol.dispose]();
    await sleep(50);
    expect(early.sockets.every((socket) => socket.readyState !== socket.OPEN)).toBe(true);
    expect(early.requests).toEqual([]);
  });

  it("ends when its connection breaks, and does no more harm", async () => {
    const { rehearsal, requests, sockets } = rehearsalFor(1_000);
    rehearsal.extend();
    await until(() => requests.length > 0);
    sockets[0]!.terminate();
    await sleep(120);
    rehearsal.extend();
    expect(sockets).toHaveLength(1);
  });

  it.skipIf(!isLatencyOurs())(
    "has processors wake within the time that is asked for, and no longer than it lasts",
    async () => {
      const { rehearsal, requests, clock, latency } = rehearsalFor(1_000);
      const before = cpuLatencyUs();
      rehearsal.extend();
      await until(() => requests.length > 0);
      expect(cpuLatencyUs()).toBe(before);
      latency.us = 7;
      await until(() => cpuLatencyUs() === 7);
      latency.us = 0;
      await until(() => cpuLatencyUs() === 0);
      clock.now = 1_001;
      await until(() => !rehearsal.isActive);
      expect(cpuLatencyUs()).toBe(before);
    },
  );
});
