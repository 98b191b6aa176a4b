import { describe, expect, it } from "vitest";
import { EngineDownError, EngineRefusedError, ImageMissingError, RunnerError } from "../../../src/container/errors.js";
import { FromRunner } from "../../../src/container/runner-frames.js";
import { deferred } from "../../../src/deferred.js";
import { ShuttingDownError } from "../../../src/errors.js";
import { QueueFullError, QueueTimeoutError } from "../../../src/pool/errors.js";
import { HEADWAY_MS } from "../../../src/pool/headway.js";
import { settle } from "../../support/manual-clock.js";
import { failureOf, standing } from "../../support/promises.js";
import { LaneRig } from "./rig.js";

describe("a lane's stock", () => {
  it("is filled to its target, and no further", async () => {
    await using rig = await LaneRig.start({ warm: 3 });
    expect(rig.lane.counts).toMatchObject({ creating: 0, warm: 3, leased: 0 });
    expect(rig.engine.sandboxes).toHaveLength(3);
    expect(rig.lane.state).toBe("ready");
  });

  it("is refilled right after a hand-out, while the run goes on", async () => {
    await using rig = await LaneRig.start({ warm: 2 }, { launchMs: 50 });
    await rig.clock.advance(100);
    expect(rig.engine.launches).toHaveLength(2);
    const lease = await rig.acquire();
    // The run has the machine to itself for a moment.
    await rig.clock.advance(HEADWAY_MS);
    expect(rig.engine.launches).toHaveLength(3);
    await rig.clock.advance(50);
    expect(rig.lane.counts).toMatchObject({ warm: 2, leased: 1 });
    await lease[Symbol.asyncDispose]();
    await settle();
    expect(rig.engine.launches).toHaveLength(3);
  });

  it("gives each sandbox to one run only, and removes it after that", async () => {
    await using rig = await LaneRig.start({ warm: 2 });
    const seen = new Set<string>();
    for (let turn = 0; turn < 20; turn += 1) {
      const lease = await rig.acquire();
      seen.add(lease.sandbox.id);
      await lease[Symbol.asyncDispose]();
      await settle();
    }
    expect(seen.size).toBe(20);
    expect(rig.engine.sandboxes).toHaveLength(2);
    expect(rig.lane.counts).toMatchObject({ warm: 2, leased: 0, evicting: 0 });
  });

  it("replaces a sandbox that dies while it waits", async () => {
    await using rig = await LaneRig.start({ warm: 2 });
    const [victim] = rig.engine.sandboxes;
    victim!.die();
    await settle();
    expect(rig.engine.sandboxes).toHaveLength(2);
    expect(rig.engine.sandboxes).not.toContain(victim);
    expect(rig.lane.counts).toMatchObject({ warm: 2, evicting: 0, leased: 0 });
  });

  it("replaces all of them when they die at once, as they do with their engine", async () => {
    await using rig = await LaneRig.start({ warm: 4 });
    for (const sandbox of [...rig.engine.sandboxes]) sandbox.die();
    await settle();
    expect(rig.engine.sandboxes).toHaveLength(4);
    expect(rig.lane.counts).toMatchObject({ warm: 4, evicting: 0 });
  });

  it("never hands out a dead sandbox", async () => {
    await using rig = await LaneRig.start({ warm: 3 });
    const dead = rig.engine.sandboxes[0]!;
    dead.die();
    await settle();
    for (let turn = 0; turn < 3; turn += 1) {
      const { sandbox } = await rig.acquire();
      expect(sandbox.id).not.toBe(dead.id);
      expect(sandbox.channel.usable).toBe(true);
    }
  });

  it("replaces a sandbox whose runner speaks against its protocol while it waits", async () => {
    await using rig = await LaneRig.start({ warm: 1 });
    const [broken] = rig.engine.sandboxes;
    broken!.say(FromRunner.stdout, Buffer.from("nobody asked"));
    await settle();
    expect(rig.engine.sandboxes.map(({ id }) => id)).not.toContain(broken!.id);
    expect(rig.lane.counts.warm).toBe(1);
  });

  it("keeps nothing, and makes a sandbox for each run, with a target of 0", async () => {
    await using rig = await LaneRig.start({ warm: 0 });
    expect(rig.engine.launches).toHaveLength(0);
    expect(rig.lane.state).toBe("ready");
    const lease = await rig.acquire();
    await settle();
    expect(rig.engine.launches).toHaveLength(1);
    await lease[Symbol.asyncDispose]();
    expect(rig.engine.sandboxes).toHaveLength(0);
  });

  it("has settled when it is full, and when it cannot be", async () => {
    const { signal } = new AbortController();
    await using full = await LaneRig.start({ warm: 2 }, { launchMs: 50 });
    const settled = full.lane.settled(signal);
    expect(await standing(settled)).toBe("pending");
    await full.clock.advance(100);
    await settled;
    await using degraded = await LaneRig.start({ warm: 2 }, { fault: "engine_down" });
    await degraded.lane.settled(signal);
  });
});

describe("a run that asks a lane for a sandbox", () => {
  it("gets a ready one at once, which is a warm launch", async () => {
    await using rig = await LaneRig.start();
    await rig.clock.advance(5);
    const places: number[] = [];
    const lease = await rig.acquire({ onQueued: (place) => places.push(place) });
    expect(lease).toMatchObject({ launch: "warm", queueMs: 0 });
    expect(lease.sandbox.state).toBe("leased");
    expect(places).toEqual([]);
  });

  it("gets one that became ready after it asked, which is a cold launch", async () => {
    await using rig = await LaneRig.start({ warm: 0 }, { launchMs: 80 });
    const waiting = rig.acquire();
    await rig.clock.advance(80);
    expect(await waiting).toMatchObject({ launch: "cold", queueMs: 80 });
  });

  it("does not get the sandbox that another got: the last one has one taker", async () => {
    await using rig = await LaneRig.start({ warm: 1 }, { launchMs: 60 });
    await rig.clock.advance(60);
    const first = rig.acquire({ client: "a" });
    const second = rig.acquire({ client: "b" });
    // The first one's run has its headway before another is made.
    await rig.clock.advance(HEADWAY_MS + 59);
    expect([await standing(first), await standing(second)]).toEqual(["fulfilled", "pending"]);
    await rig.clock.advance(1);
    const [a, b] = await Promise.all([first, second]);
    expect([a.launch, b.launch]).toEqual(["warm", "cold"]);
    expect(a.sandbox.id).not.toBe(b.sandbox.id);
  });

  it("waits in turn: clients alternate, runs of one client keep their order", async () => {
    await using rig = await LaneRig.start({ warm: 0, maxSandboxes: 1 });
    const held = await rig.acquire();
    const order: string[] = [];
    const waiting = ["x1", "x2", "x3", "y1", "z1", "y2"].map((name) =>
      rig.acquire({ client: name.slice(0, 1) }).then(async (lease) => {
        order.push(name);
        await lease[Symbol.asyncDispose]();
      }),
    );
    await held[Symbol.asyncDispose]();
    await settle();
    await Promise.all(waiting);
    expect(order).toEqual(["x1", "y1", "z1", "x2", "y2", "x3"]);
  });

  it("hears of its place when it has to wait, and soon again when it has moved", async () => {
    await using rig = await LaneRig.start({ warm: 0, maxSandboxes: 1 });
    const held = await rig.acquire();
    const told: Record<string, number[]> = { a: [], b: [], c: [] };
    const abort = new AbortController();
    const [a, b, c] = ["a", "b", "c"].map((client) =>
      rig.acquire({
        client,
        signal: client === "b" ? abort.signal : new AbortController().signal,
        onQueued: (place) => told[client]!.push(place),
      }),
    );
    expect(told).toEqual({ a: [1], b: [2], c: [3] });
    abort.abort(new Error("gone"));
    expect(await failureOf(b!)).toBe(abort.signal.reason);
    expect(told).toEqual({ a: [1], b: [2], c: [3] });
    await rig.clock.advance(300);
    expect(told).toEqual({ a: [1], b: [2], c: [3, 2] });
    await held[Symbol.asyncDispose]();
    const next = await a!;
    await rig.clock.advance(300);
    expect(told).toEqual({ a: [1], b: [2], c: [3, 2, 1] });
    await next[Symbol.asyncDispose]();
    await c;
    expect(told).toEqual({ a: [1], b: [2], c: [3, 2, 1] });
  });

  it("hears how long it may take, once the lane knows", async () => {
    await using rig = await LaneRig.start({ warm: 1, maxSandboxes: 1 }, { launchMs: 100 });
    const etas: (number | null)[] = [];
    const early = rig.acquire({ onQueued: (_place, etaMs) => etas.push(etaMs) });
    expect(etas).toEqual([null]);
    await rig.clock.advance(100);
    await early;
    void failureOf(rig.acquire({ onQueued: (_place, etaMs) => etas.push(etaMs) }));
    expect(etas).toEqual([null, 100]);
  });

  it("is refused when as many wait as may, and told when to try again", async () => {
    await using rig = await LaneRig.start({ warm: 0, maxSandboxes: 1, maxQueued: 2 });
    await rig.acquire();
    const waiting = [rig.acquire(), rig.acquire()];
    const error = await failureOf(rig.acquire());
    expect(error).toBeInstanceOf(QueueFullError);
    expect(error).toMatchObject({ code: "queue_full", retryAfterMs: expect.any(Number) });
    expect(rig.lane.waiting).toBe(2);
    for (const one of waiting) void failureOf(one);
  });

  it("is refused when its time in the line is over, and not before", async () => {
    await using rig = await LaneRig.start({ warm: 0, maxSandboxes: 1 });
    await rig.acquire();
    const waiting = rig.acquire({ queueMs: 500 });
    await rig.clock.advance(499);
    expect(await standing(waiting)).toBe("pending");
    await rig.clock.advance(1);
    const error = await failureOf(waiting);
    expect(error).toBeInstanceOf(QueueTimeoutError);
    expect(error).toMatchObject({ code: "queue_timeout", retryAfterMs: expect.any(Number) });
    expect(rig.lane.waiting).toBe(0);
  });

  it("does not wait at all with a queue time of 0", async () => {
    await using rig = await LaneRig.start({ warm: 1, maxSandboxes: 1 });
    await rig.acquire({ queueMs: 0 });
    expect(await failureOf(rig.acquire({ queueMs: 0 }))).toBeInstanceOf(QueueTimeoutError);
  });

  it("leaves the line at once when it is aborted, and leaves no timer behind", async () => {
    await using rig = await LaneRig.start({ warm: 0, maxSandboxes: 1 });
    await rig.acquire();
    await rig.clock.advance(HEADWAY_MS);
    const before = rig.clock.sleeping;
    const abort = new AbortController();
    const waiting = rig.acquire({ signal: abort.signal });
    abort.abort(new Error("gone"));
    expect(await failureOf(waiting)).toBe(abort.signal.reason);
    expect(rig.lane.waiting).toBe(0);
    expect(rig.clock.sleeping).toBe(before);
  });

  it("is not even put in the line when it is aborted already", async () => {
    await using rig = await LaneRig.start();
    const signal = AbortSignal.abort(new Error("gone"));
    expect(await failureOf(rig.acquire({ signal }))).toBe(signal.reason);
    expect(rig.lane.counts.warm).toBe(2);
  });

  it("that was aborted leaves the sandbox made for it to the next", async () => {
    await using rig = await LaneRig.start({ warm: 0 }, { launchMs: 100 });
    const abort = new AbortController();
    const gone = rig.acquire({ signal: abort.signal });
    await rig.clock.advance(50);
    abort.abort(new Error("gone"));
    await failureOf(gone);
    await rig.clock.advance(50);
    expect(rig.lane.counts).toMatchObject({ warm: 1, leased: 0 });
    await rig.clock.advance(10);
    expect(await rig.acquire()).toMatchObject({ launch: "warm", queueMs: 0 });
    expect(rig.engine.launches).toHaveLength(1);
  });

  it("waits no longer than its queue time, also when another client's turn took what was meant for it", async () => {
    await using rig = await LaneRig.start({ warm: 3, maxSandboxes: 3 });
    // Three are ready for the first three; but in the line clients take turns, so the fourth is served before the third.
    const ask = (client: string) => rig.acquire({ client, queueMs: 500 });
    const [first, second, third, fourth] = [ask("x"), ask("x"), ask("x"), ask("y")] as const;
    await settle();
    for (const served of [first, second, fourth]) expect(await standing(served)).toBe("fulfilled");
    const outcome = failureOf(third);
    await rig.clock.advance(500);
    expect(await standing(outcome)).toBe("fulfilled");
    expect(await outcome).toBeInstanceOf(QueueTimeoutError);
  });
});

describe("the sandboxes of a lane", () => {
  it("are never more than may be alive, those on their way out included", async () => {
    await using rig = await LaneRig.start({ warm: 2, maxSandboxes: 3 }, { launchMs: 10, removal: 200 });
    let most = 0;
    const runs = Array.from({ length: 12 }, async () => {
      const lease = await rig.acquire();
      await rig.clock.sleep(30);
      await lease[Symbol.asyncDispose]();
    });
    for (let step = 0; step < 200; step += 1) {
      await rig.clock.advance(10);
      most = Math.max(most, rig.engine.sandboxes.length);
    }
    await Promise.all(runs);
    expect(most).toBe(3);
    await rig.clock.advance(1_000);
    expect(rig.lane.counts).toMatchObject({ warm: 2, creating: 0, leased: 0, evicting: 0 });
  });

  it("are counted until their removal is over", async () => {
    await using rig = await LaneRig.start({ warm: 1, maxSandboxes: 1 }, { removal: "never" });
    const lease = await rig.acquire();
    void lease[Symbol.asyncDispose]();
    const waiting = rig.acquire({ queueMs: 60_000 });
    void failureOf(waiting);
    await rig.clock.advance(30_000);
    expect(await standing(waiting)).toBe("pending");
    expect(rig.engine.launches).toHaveLength(1);
    expect(rig.lane.counts).toMatchObject({ evicting: 1 });
  });

  it("are started two at a time at most", async () => {
    await using rig = await LaneRig.start({ warm: 6 }, { launchMs: 100 });
    expect(rig.engine.launches).toEqual([0, 0]);
    await rig.clock.advance(300);
    expect(rig.engine.launches).toEqual([0, 0, 100, 100, 200, 200]);
  });
});

describe("a lane whose sandboxes cannot be made", () => {
  it.each([
    ["the engine is down", { fault: "engine_down" }, EngineDownError, "engine_down"],
    ["the engine refuses", { fault: "refused" }, EngineRefusedError, "lane_degraded"],
    ["the interpreter does not start", { ready: "failed" }, RunnerError, "lane_degraded"],
    ["the sandbox dies before it is ready", { ready: "dies" }, RunnerError, "lane_degraded"],
    ["the sandbox is never ready", { ready: "never" }, RunnerError, "lane_degraded"],
    ["the runner is of another version", { ready: "wrong_version" }, RunnerError, "lane_degraded"],
  ] as const)("is degraded, and says why, when %s", async (_what, behaviour, kind, code) => {
    await using rig = await LaneRig.start({ warm: 1 }, behaviour);
    await rig.clock.advance(10_000);
    expect(rig.lane.state).toBe("degraded");
    expect(rig.lane.fault).toBeInstanceOf(kind);
    expect(rig.lane.fault?.code).toBe(code);
    expect(rig.faults).toEqual([rig.lane.fault]);
    const error = await failureOf(rig.acquire());
    expect(error).toBe(rig.lane.fault);
  });

  it("tells how to get a missing image", async () => {
    await using rig = await LaneRig.start({ warm: 1, image: "absent:1" });
    expect(rig.lane.fault).toBeInstanceOf(ImageMissingError);
    expect(rig.lane.fault?.message).toBe("The image absent:1 is not there. Pull it with: docker pull absent:1");
  });

  it("leaves no sandbox behind that did not become ready", async () => {
    await using rig = await LaneRig.start({ warm: 1 }, { ready: "never" });
    await rig.clock.advance(20_000);
    expect(rig.engine.launches.length).toBeGreaterThan(3);
    expect(rig.engine.sandboxes.length).toBeLessThanOrEqual(1);
  });

  it("refuses those that wait at the moment when it becomes degraded", async () => {
    await using rig = await LaneRig.start({ warm: 0 }, { launchMs: 50, ready: "failed" });
    const waiting = [rig.acquire({ client: "a" }), rig.acquire({ client: "b" })].map(failureOf);
    await rig.clock.advance(50);
    expect(rig.lane).toMatchObject({ waiting: 2, fault: undefined });
    await rig.clock.advance(400);
    expect(rig.faults[0]).toBeInstanceOf(RunnerError);
    for (const one of waiting) expect(await one).toBe(rig.faults[0]);
    expect(rig.lane.waiting).toBe(0);
  });

  it("goes on handing out what it still has", async () => {
    await using rig = await LaneRig.start({ warm: 2 });
    rig.engine.behaviour.fault = "engine_down";
    await rig.acquire();
    await rig.clock.advance(100);
    expect(rig.lane.state).toBe("degraded");
    expect(await rig.acquire()).toMatchObject({ launch: "warm" });
    expect(await failureOf(rig.acquire())).toBeInstanceOf(EngineDownError);
  });

  it("recovers by itself, fills up, and says so once", async () => {
    await using rig = await LaneRig.start({ warm: 3 }, { fault: "engine_down" });
    await rig.clock.advance(10_000);
    rig.engine.behaviour.fault = "none";
    await rig.clock.advance(2_100);
    expect(rig.lane.state).toBe("ready");
    expect(rig.lane.counts.warm).toBe(3);
    expect(rig.faults).toEqual([expect.any(EngineDownError), undefined]);
    expect(await rig.acquire()).toMatchObject({ launch: "warm" });
  });

  it("recovers when its image is built", async () => {
    await using rig = await LaneRig.start({ warm: 1, image: "late:1" });
    expect(rig.lane.state).toBe("degraded");
    rig.engine.images.add("late:1");
    await rig.clock.advance(2_100);
    expect(rig.lane.counts.warm).toBe(1);
  });

  it.each([
    ["the engine is down", { fault: "engine_down" }],
    ["the engine refuses", { fault: "refused" }],
    ["the interpreter does not start", { ready: "failed" }],
  ] as const)("does not storm the engine over a minute while %s, however many are wanted", async (_what, behaviour) => {
    await using rig = await LaneRig.start({ warm: 8, maxSandboxes: 32 }, behaviour);
    for (let second = 0; second < 60; second += 1) {
      for (let run = 0; run < 5; run += 1) rig.acquire({ client: String(run) }).catch(() => undefined);
      await rig.clock.advance(1_000);
    }
    // One try for each that is wanted at first, then one at a time: doubling waits from 100 ms up to one every 1 to 2 s.
    const attempts = Math.max(rig.engine.prepares.length, rig.engine.launches.length);
    expect(attempts).toBeGreaterThan(30);
    expect(attempts).toBeLessThan(8 + 8 + 60);
    const inTheLastTen = [...rig.engine.prepares, ...rig.engine.launches].filter((at) => at >= 50_000);
    expect(inTheLastTen.length).toBeLessThanOrEqual(2 * 10);
  });
});

describe("a lane whose network is found not to be as it must be", () => {
  const gone = new EngineRefusedError("the rules are gone");

  it("hands nothing out until that is put right, and then what it has", async () => {
    await using rig = await LaneRig.start({ warm: 2 });
    const before = rig.engine.sandboxes.map(({ id }) => id);
    const mended = deferred<undefined>();
    rig.engine.watchers[0]!.onUndone(mended.promise);
    const places: number[] = [];
    const waiting = rig.acquire({ onQueued: (place) => places.push(place) });
    await rig.clock.advance(1_000);
    expect([await standing(waiting), places]).toEqual(["pending", [1]]);
    mended.resolve(undefined);
    await settle();
    expect(before).toContain((await waiting).sandbox.id);
    expect(rig.faults).toEqual([]);
  });

  it("closes where it cannot be: who waits is refused, the stock goes, and it opens again by itself", async () => {
    await using rig = await LaneRig.start({ warm: 2 });
    const before = rig.engine.sandboxes.map(({ id }) => id);
    rig.engine.behaviour.fault = "engine_down";
    const mended = deferred<undefined>();
    rig.engine.watchers[0]!.onUndone(mended.promise);
    const waiting = failureOf(rig.acquire());
    await settle();
    mended.reject(gone);
    expect(await waiting).toBe(gone);
    await settle();
    expect(rig.engine.sandboxes).toHaveLength(0);
    expect(rig.lane).toMatchObject({ state: "degraded", fault: gone });
    expect(await failureOf(rig.acquire())).toBe(gone);
    rig.engine.behaviour.fault = "none";
    await rig.clock.advance(5_000);
    expect(rig.lane.state).toBe("ready");
    expect(rig.engine.sandboxes).toHaveLength(2);
    for (const { id } of rig.engine.sandboxes) expect(before).not.toContain(id);
    await rig.acquire();
  });

  it("opens again though it keeps nothing ready, and so makes no attempts of its own", async () => {
    await using rig = await LaneRig.start({ warm: 0 });
    rig.engine.watchers[0]!.onUndone(Promise.reject(gone));
    await settle();
    expect(rig.lane.state).toBe("degraded");
    await rig.clock.advance(5_000);
    expect(rig.lane.state).toBe("ready");
    expect(rig.faults).toEqual([gone, undefined]);
  });

  it("does not hand out what was in creation, nor take it for a recovery", async () => {
    await using rig = await LaneRig.start({ warm: 1 }, { ready: 300 });
    rig.engine.behaviour.ready = "never";
    const [stale] = rig.engine.sandboxes;
    rig.engine.watchers[0]!.onUndone(Promise.reject(gone));
    await settle();
    rig.engine.behaviour.fault = "engine_down";
    await rig.clock.advance(400);
    expect(rig.engine.sandboxes).not.toContain(stale);
    expect(rig.lane.state).toBe("degraded");
    Object.assign(rig.engine.behaviour, { fault: "none", ready: 0 });
    await rig.clock.advance(5_000);
    expect(rig.lane).toMatchObject({ state: "ready", counts: { warm: 1, creating: 0 } });
  });

  it("does not mind when it closes meanwhile", async () => {
    await using rig = await LaneRig.start({ warm: 1 });
    rig.engine.behaviour.fault = "engine_down";
    rig.engine.watchers[0]!.onUndone(Promise.reject(gone));
    await settle();
    await rig.close();
    expect(rig.engine.watchers[0]!.signal.aborted).toBe(true);
    expect(rig.clock.sleeping).toBe(0);
  });
});

describe("a lane that closes", () => {
  it("evicts its stock, and does not wait for the engine: that is the runtime's part", async () => {
    await using rig = await LaneRig.start({ warm: 3 }, { removal: 100 });
    const closing = rig.lane[Symbol.asyncDispose]();
    expect(rig.lane.state).toBe("closing");
    await closing;
    expect(rig.lane.counts).toMatchObject({ warm: 0, creating: 0, evicting: 3 });
    await rig.clock.advance(100);
    expect(rig.engine.sandboxes).toHaveLength(0);
    expect(rig.engine.launches).toHaveLength(3);
  });

  it("refuses those that wait and those that come, and may be closed again", async () => {
    await using rig = await LaneRig.start({ warm: 0, maxSandboxes: 1 });
    const lease = await rig.acquire();
    const waiting = failureOf(rig.acquire());
    await Promise.all([rig.close(), rig.close()]);
    expect(await waiting).toBeInstanceOf(ShuttingDownError);
    expect(await failureOf(rig.acquire())).toBeInstanceOf(ShuttingDownError);
    // Leased ones are their runs' to evict.
    expect(rig.engine.sandboxes).toHaveLength(1);
    await lease[Symbol.asyncDispose]();
    expect(rig.engine.sandboxes).toHaveLength(0);
  });

  it.each([
    ["being launched", { launchMs: 500 }],
    ["not ready yet", { ready: 500 }],
    ["never ready", { ready: "never" }],
    ["refused", { fault: "refused" }],
  ] as const)("leaves nothing of sandboxes that are %s", async (_what, behaviour) => {
    await using rig = await LaneRig.start({ warm: 3 }, behaviour);
    const waiting = failureOf(rig.acquire());
    await rig.lane[Symbol.asyncDispose]();
    await waiting;
    await settle();
    expect(rig.engine.sandboxes).toHaveLength(0);
    const { launches } = rig.engine;
    const count = launches.length;
    await rig.clock.advance(60_000);
    expect(launches).toHaveLength(count);
    expect(rig.clock.sleeping).toBe(0);
  });

  it("has begun to remove what was in creation when it settles", async () => {
    await using rig = await LaneRig.start({ warm: 1 }, { ready: "never", removal: 300 });
    await rig.lane[Symbol.asyncDispose]();
    expect(rig.lane.counts).toMatchObject({ creating: 0, evicting: 1 });
    await rig.clock.advance(300);
    expect(rig.lane.counts).toMatchObject({ creating: 0, evicting: 0 });
    expect(rig.engine.sandboxes).toHaveLength(0);
  });

  it("closes with an engine that is down", async () => {
    await using rig = await LaneRig.start({ warm: 3 }, { fault: "engine_down" });
    await rig.clock.advance(5_000);
    await rig.lane[Symbol.asyncDispose]();
    expect(rig.clock.sleeping).toBe(0);
  });

  it("closes while many wait for few", async () => {
    await using rig = await LaneRig.start({ warm: 2, maxSandboxes: 2 });
    await rig.acquire();
    await rig.acquire();
    const waiting = Array.from({ length: 20 }, () => failureOf(rig.acquire()));
    await rig.close();
    for (const one of waiting) expect(await one).toBeInstanceOf(ShuttingDownError);
  });
});
