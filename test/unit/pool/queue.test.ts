import { describe, expect, it } from "vitest";
import { settle } from "../../support/manual-clock.js";
import { LaneRig } from "./rig.js";

describe("a run in the queue for which there is a ready sandbox", () => {
  it("is served within the turn, and hears nothing", async () => {
    await using rig = await LaneRig.start({ warm: 3 });
    const heard: unknown[] = [];
    const about = { onMiss: (reason: unknown) => heard.push(reason), onQueued: (place: number) => heard.push(place) };
    // The first takes what is in hand; the others have to ask for theirs.
    const leases = await Promise.all([rig.acquire(about), rig.acquire(about), rig.acquire(about)]);
    await settle();
    expect(leases.map(({ launch }) => launch)).toEqual(["warm", "warm", "warm"]);
    expect(heard).toEqual([]);
  });
});

/** A lane with one sandbox, which is taken, and a thousand runs of ten clients behind it. */
async function thousandWaiting() {
  const rig = await LaneRig.start({ warm: 0, maxSandboxes: 1, maxQueued: 1_000 });
  const held = await rig.acquire();
  let told = 0;
  const places = new Map<number, number>();
  const abort = new AbortController();
  const runs = Array.from({ length: 1_000 }, (_, number) =>
    rig.acquire({
      client: String(number % 10),
      queueMs: 60_000,
      signal: abort.signal,
      onQueued: (place) => {
        told += 1;
        places.set(number, place);
      },
    }),
  );
  const outcomes = Promise.allSettled(runs);
  return { rig, held, runs, outcomes, abort, places, told: () => told };
}

describe("a thousand runs that wait", () => {
  it("are told where they are at a bounded rate, the front sooner, and come in fair order", async () => {
    const waiting = await thousandWaiting();
    await using rig = waiting.rig;
    const { held, runs, places, told } = waiting;
    expect(told()).toBe(1_000);
    let lease = held;
    const isServed = (number: number) => runs[number]!.then((next) => (lease = next));
    const before = rig.clock.now();
    for (let turn = 0; turn < 100; turn += 1) {
      await lease[Symbol.asyncDispose]();
      await rig.clock.advance(40);
      await isServed(turn);
    }
    const seconds = (rig.clock.now() - before) / 1_000;
    expect(told() - 1_000).toBeLessThanOrEqual(400 * seconds);
    await rig.clock.advance(5_000);
    // Each knows about where it is, and the first ones know exactly.
    for (let number = 100; number < 1_000; number += 1) {
      const place = number - 99;
      expect(Math.abs(places.get(number)! - place)).toBeLessThanOrEqual(place < 10 ? 0 : 0.11 * place + 1);
    }
  });

  it.each([
    [
      "are cancelled at once",
      "aborted",
      async ({ abort }: Awaited<ReturnType<typeof thousandWaiting>>) => {
        abort.abort(new Error("aborted"));
        await settle();
      },
    ],
    [
      "run out of time at once",
      "became free",
      async ({ rig }: Awaited<ReturnType<typeof thousandWaiting>>) => {
        rig.clock.skip(60_000);
        await settle();
      },
    ],
    [
      "lose their engine",
      "stopping",
      async ({ rig }: Awaited<ReturnType<typeof thousandWaiting>>) => {
        await rig.close();
      },
    ],
  ])("all have their ending, and are told nothing more, when they %s", async (_when, words, end) => {
    const waiting = await thousandWaiting();
    await using rig = waiting.rig;
    const { outcomes, told } = waiting;
    await end(waiting);
    const ended = await outcomes;
    for (const one of ended) {
      expect(one.status).toBe("rejected");
      expect(String((one as PromiseRejectedResult).reason)).toContain(words);
    }
    expect(rig.lane.waiting).toBe(0);
    expect(told()).toBe(1_000);
  });
});
