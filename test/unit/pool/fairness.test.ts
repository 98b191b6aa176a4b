import { describe, expect, it } from "vitest";
import { ShuttingDownError } from "../../../src/errors.js";
import { QueueFullError } from "../../../src/pool/errors.js";
import { settle } from "../../support/manual-clock.js";
import { failureOf, standing } from "../../support/promises.js";
import { LaneRig } from "./rig.js";

/** For what may end in any way when the lane closes. */
async function quiet(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => undefined);
}

type Lane = Parameters<typeof LaneRig.start>[0];

/** What nine clients meet with that each have one run after the other, beside as many runs of a tenth as are given. */
async function politeBeside(greedyRuns: number, lane: Lane, { runMs, thinkMs }: { runMs: number; thinkMs: number }) {
  await using rig = await LaneRig.start(lane, { launchMs: 60, removal: 80 });
  await rig.clock.advance(1_000);
  const waits: number[] = [];
  const refusals: unknown[] = [];
  const over = new AbortController();
  const run = async (client: string): Promise<number> => {
    const lease = await rig.acquire({ client, party: "one machine", queueMs: 600_000 });
    await rig.clock.sleep(runMs);
    void lease[Symbol.asyncDispose]();
    return lease.queueMs;
  };
  const polite = async (client: string, number: number): Promise<void> => {
    await rig.clock.sleep(2_000 + number * 37);
    while (!over.signal.aborted) {
      try {
        waits.push(await run(client));
      } catch (error) {
        if (!(error instanceof ShuttingDownError)) refusals.push(error);
      }
      await rig.clock.sleep(thinkMs);
    }
  };
  const greedy = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await run("greedy").catch(() => undefined);
      await rig.clock.sleep(100);
    }
  };
  for (let number = 0; number < greedyRuns; number += 1) void greedy();
  for (let number = 0; number < 9; number += 1) void polite(`polite ${number}`, number);
  // Whoever comes for the first time finds what is there; it counts from the second run on.
  await rig.clock.advance(10_000);
  waits.length = 0;
  await rig.clock.advance(30_000);
  over.abort();
  waits.sort((one, other) => one - other);
  return { runs: waits.length, p99Ms: waits[Math.ceil(0.99 * waits.length) - 1]!, refusals };
}

describe("nine clients with a run each, beside one that keeps 80 live", () => {
  it.each([
    ["all places are taken anyway", { warm: 2, maxSandboxes: 4, maxQueued: 64 }, { runMs: 400, thinkMs: 0 }],
    ["there would be places enough", { warm: 4, maxSandboxes: 16, maxQueued: 64 }, { runMs: 2_000, thinkMs: 500 }],
    [
      "fewer may wait than there are clients' runs",
      { warm: 2, maxSandboxes: 4, maxQueued: 16 },
      { runMs: 400, thinkMs: 50 },
    ],
  ])(
    "wait about as long as alone, and are never refused: %s",
    async (_where, lane, pace) => {
      const alone = await politeBeside(0, lane, pace);
      const beside = await politeBeside(80, lane, pace);
      expect(beside.refusals).toEqual([]);
      expect(beside.runs).toBeGreaterThan(0.5 * alone.runs);
      // Less than one refill cannot be told from none.
      expect(beside.p99Ms).toBeLessThanOrEqual(2 * Math.max(alone.p99Ms, 140));
    },
    60_000,
  );
});

describe("a line that is full", () => {
  it("takes a client that has fewer waiting, in place of the latest run of the one that has most", async () => {
    await using rig = await LaneRig.start({ warm: 0, maxSandboxes: 1, maxQueued: 3 });
    await rig.acquire({ client: "greedy" });
    const waiting = [1, 2, 3].map(() => rig.acquire({ client: "greedy" }));
    const polite = rig.acquire({ client: "polite" });
    const error = await failureOf(waiting[2]!);
    expect(error).toBeInstanceOf(QueueFullError);
    expect(error).toMatchObject({ code: "queue_full", retryAfterMs: expect.any(Number) });
    expect(error).toHaveProperty("message", expect.stringContaining("gave its place"));
    expect(rig.lane.waiting).toBe(3);
    expect(await Promise.all([...waiting.slice(0, 2), polite].map(standing))).toEqual([
      "pending",
      "pending",
      "pending",
    ]);
    for (const one of [...waiting.slice(0, 2), polite]) void quiet(one);
  });

  it("refuses a client that would have as many as any other then", async () => {
    await using rig = await LaneRig.start({ warm: 0, maxSandboxes: 1, maxQueued: 2 });
    await rig.acquire();
    const waiting = [rig.acquire({ client: "a" }), rig.acquire({ client: "b" })];
    expect(await failureOf(rig.acquire({ client: "c" }))).toBeInstanceOf(QueueFullError);
    expect(await failureOf(rig.acquire({ client: "a" }))).toBeInstanceOf(QueueFullError);
    for (const one of waiting) void quiet(one);
  });

  it("counts the connections of one party together: a hundred of them are no hundred clients", async () => {
    await using rig = await LaneRig.start({ warm: 0, maxSandboxes: 1, maxQueued: 20 });
    const held = await rig.acquire({ client: "many 0", party: "many" });
    const order: string[] = [];
    const ask = (client: string, party: string): void => {
      void quiet(
        rig.acquire({ client, party }).then(async (lease) => {
          order.push(party);
          await lease[Symbol.asyncDispose]();
        }),
      );
    };
    for (let number = 0; number < 20; number += 1) ask(`many ${number}`, "many");
    for (let number = 0; number < 3; number += 1) ask("one", "one");
    expect(rig.lane.waiting).toBe(20);
    await held[Symbol.asyncDispose]();
    await rig.clock.advance(10);
    expect(order.slice(0, 6)).toEqual(["many", "one", "many", "one", "many", "one"]);
    expect(order).toHaveLength(20);
  });
});

describe("the next turn", () => {
  it("is that of the client with the fewest sandboxes, those on their way out included", async () => {
    await using rig = await LaneRig.start({ warm: 4, maxSandboxes: 4 }, { removal: 500 });
    const held = await Promise.all([1, 2, 3].map(() => rig.acquire({ client: "x" })));
    const other = await rig.acquire({ client: "z" });
    const order: string[] = [];
    const ask = (client: string): void => void quiet(rig.acquire({ client }).then(() => order.push(client)));
    ask("x");
    ask("y");
    ask("y");
    void other[Symbol.asyncDispose]();
    for (const lease of held) void lease[Symbol.asyncDispose]();
    await rig.clock.advance(600);
    // Held at their end: x 3 on their way out or none at all, y none, then one.
    expect(order).toEqual(["y", "x", "y"]);
  });

  it("is fair within one turn of the event loop, whoever came first in it", async () => {
    await using rig = await LaneRig.start({ warm: 4, maxSandboxes: 4 });
    const greedy = Array.from({ length: 8 }, () => rig.acquire({ client: "greedy" }));
    for (const waiting of greedy) void quiet(waiting);
    // Its message comes in the same turn, after all that a microtask does.
    await Promise.resolve();
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const polite = [rig.acquire({ client: "polite" }), rig.acquire({ client: "polite" })];
    for (const waiting of polite) void quiet(waiting);
    await settle();
    expect(await Promise.all(polite.map(standing))).toEqual(["fulfilled", "fulfilled"]);
    expect((await Promise.all(greedy.map(standing))).filter((is) => is === "fulfilled")).toHaveLength(2);
  });
});

describe("a client that holds many sandboxes", () => {
  it("leaves a place to each client that was served lately, and takes it when that one stays away", async () => {
    await using rig = await LaneRig.start({ warm: 1, maxSandboxes: 4 });
    await (await rig.acquire({ client: "polite" }))[Symbol.asyncDispose]();
    await rig.clock.advance(100);
    const greedy = Array.from({ length: 6 }, () => rig.acquire({ client: "greedy" }));
    for (const waiting of greedy) void quiet(waiting);
    await rig.clock.advance(5_000);
    const held = async (): Promise<number> =>
      (await Promise.all(greedy.map(standing))).filter((is) => is === "fulfilled").length;
    expect(await held()).toBe(3);
    expect(await rig.acquire({ client: "polite" })).toMatchObject({ launch: "warm", queueMs: 0 });
    expect(await held()).toBe(3);
  });

  it("has all of them where nobody else was there lately", async () => {
    await using rig = await LaneRig.start({ warm: 1, maxSandboxes: 4 });
    await (await rig.acquire({ client: "polite" }))[Symbol.asyncDispose]();
    const greedy = Array.from({ length: 6 }, () => rig.acquire({ client: "greedy", queueMs: 300_000 }));
    for (const waiting of greedy) void quiet(waiting);
    await rig.clock.advance(60_000);
    expect((await Promise.all(greedy.map(standing))).filter((is) => is === "fulfilled")).toHaveLength(4);
  });
});
