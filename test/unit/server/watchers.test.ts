import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import type { LanesReport } from "../../../src/protocol/lanes.js";
import { type LaneNow, type WatchAdvice, type WatchMessage, watchMessage } from "../../../src/protocol/watch.js";
import { WatchRecord } from "../../../src/server/watch-record.js";
import { Watchers } from "../../../src/server/watchers.js";
import { ManualClock } from "../../support/manual-clock.js";

const LOOK_MS = 250;
const SLOW_CLIENT_MS = 5_000;

/** A socket whose system takes everything at once, or nothing. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  isStuck = false;
  readonly #sent: WatchMessage[] = [];

  send(text: string): void {
    this.#sent.push(watchMessage.parse(JSON.parse(text)));
    if (this.isStuck) this.bufferedAmount += text.length;
  }

  /** What came since the last time. */
  received(): WatchMessage[] {
    return this.#sent.splice(0);
  }

  terminate(): void {
    this.readyState = 3;
    this.emit("close");
  }
}

function lane(name: string, warm: number): LaneNow {
  const stock = { warm, warmTarget: 4, sizing: null, creating: 0, leased: 0, evicting: 0, max: 8 };
  return { name, state: "ready", reason: null, stock, waiting: 0 };
}

function rig() {
  const clock = new ManualClock();
  const state = {
    lanes: [lane("python", 4)],
    advice: { state: "pending" } satisfies WatchAdvice as WatchAdvice,
    reports: 0,
    looks: 0,
  };
  const record = new WatchRecord({ now: () => clock.now(), epochMs: () => clock.now(), isLane: () => true });
  const watchers = new Watchers({
    clock,
    epochMs: () => clock.now(),
    record,
    lanes: () => {
      state.looks += 1;
      return state.lanes;
    },
    report: (): LanesReport => {
      state.reports += 1;
      return { server: "test", uptimeMs: clock.now(), connections: 0, lanes: [] };
    },
    advice: () => state.advice,
    slowClientMs: () => SLOW_CLIENT_MS,
  });
  const add = (): FakeSocket => {
    const socket = new FakeSocket();
    watchers.add(socket as unknown as WebSocket);
    return socket;
  };
  const look = async (times = 1): Promise<void> => {
    for (let time = 0; time < times; time += 1) {
      await clock.advance(LOOK_MS);
    }
  };
  return { clock, state, record, watchers, add, look };
}

const typesOf = (messages: readonly WatchMessage[]): string[] => messages.map(({ type }) => type);

describe("who watches", () => {
  it("is told everything at first, and then what changes", async () => {
    const { add, look, state, record } = rig();
    const socket = add();
    expect(typesOf(socket.received())).toEqual(["snapshot"]);
    await look(2);
    expect(socket.received()).toEqual([]);
    state.lanes = [lane("python", 3)];
    record.handedOut("python", "warm");
    await look();
    expect(socket.received()).toMatchObject([
      { type: "lanes", lanes: [{ name: "python", stock: { warm: 3 } }] },
      { type: "arrivals", lanes: { python: [[0, 0, 0], [1, 0, 0]] } }, // prettier-ignore
    ]);
    state.advice = { state: "off" };
    await look();
    expect(typesOf(socket.received())).toContain("advice");
  });

  it("costs nothing while there is nobody, and one look however many there are", async () => {
    const { add, look, state, watchers } = rig();
    await look(8);
    expect([state.looks, state.reports]).toEqual([0, 0]);
    const sockets = [add(), add(), add()];
    const before = state.looks;
    await look(4);
    expect(state.looks - before).toBe(4);
    for (const socket of sockets) socket.terminate();
    expect(watchers.size).toBe(0);
    const after = state.looks;
    await look(8);
    expect(state.looks).toBe(after);
  });

  it("gets a full report once a second at most, and only when something has happened", async () => {
    const { add, look, state } = rig();
    const socket = add();
    await look(8);
    socket.received();
    state.reports = 0;
    for (let warm = 0; warm < 20; warm += 1) {
      state.lanes = [lane("python", warm)];
      await look();
    }
    expect(state.reports).toBe(5);
    state.reports = 0;
    await look(20);
    expect(state.reports).toBe(0);
  });

  it("is never left without a word for longer than a bucket of arrivals lasts", async () => {
    const { add, look } = rig();
    const socket = add();
    socket.received();
    await look(20);
    expect(typesOf(socket.received())).toContain("arrivals");
  });

  it("misses what it is too slow for, keeps no others waiting, and gets a snapshot when it reads again", async () => {
    const { add, look, state } = rig();
    const slow = add();
    const quick = add();
    slow.isStuck = true;
    slow.received();
    quick.received();
    slow.bufferedAmount = 300_000;
    for (let warm = 0; warm < 4; warm += 1) {
      state.lanes = [lane("python", warm)];
      await look();
    }
    expect(slow.received()).toEqual([]);
    expect(slow.bufferedAmount).toBe(300_000);
    expect(typesOf(quick.received())).toContain("lanes");
    slow.isStuck = false;
    slow.bufferedAmount = 0;
    await look();
    expect(typesOf(slow.received())).toEqual(["snapshot"]);
    state.lanes = [lane("python", 4)];
    await look();
    expect(typesOf(slow.received())).toEqual(expect.arrayContaining(["lanes"]));
  });

  it("is disconnected when it takes nothing at all for too long", async () => {
    const { add, look, state, watchers } = rig();
    const socket = add();
    socket.bufferedAmount = 300_000;
    for (let warm = 0; warm <= SLOW_CLIENT_MS / LOOK_MS + 1; warm += 1) {
      state.lanes = [lane("python", warm)];
      await look();
    }
    expect(socket.readyState).toBe(3);
    expect(watchers.size).toBe(0);
  });

  it("gets a snapshot when the lanes are others than before", async () => {
    const { add, look, state } = rig();
    const socket = add();
    socket.received();
    state.lanes = [lane("python", 4), lane("shell", 1)];
    await look();
    expect(typesOf(socket.received())).toEqual(["snapshot"]);
  });
});
