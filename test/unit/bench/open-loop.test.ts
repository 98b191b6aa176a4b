import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../src/deferred.js";
import { type Arrival, isSaturated, offer, stepFigures } from "../../../bench/lib/load/open-loop.js";

const { signal } = new AbortController();
const TIMINGS = { queueMs: 0.25, handoutMs: 1.75 };

function arrival(scheduledMs: number, run?: Partial<NonNullable<Arrival["run"]>>): Arrival {
  const whole = {
    launch: "warm" as const,
    timings: TIMINGS,
    firstByteMs: scheduledMs + 5,
    exitMs: scheduledMs + 10,
  };
  return { scheduledMs, sentMs: scheduledMs, run: run && { ...whole, ...run } };
}

describe("the figures of a step", () => {
  it("count waiting from the scheduled arrival", () => {
    const late = { ...arrival(100, { firstByteMs: 130 }), sentMs: 120 };
    expect(stepFigures([late], { countedFromMs: 0, countedToMs: 1_000 }).firstByteP50Ms).toBeCloseTo(30, 1);
  });

  it("leave the lead-in's own latencies, hits and refusals out", () => {
    const figures = stepFigures(
      [
        arrival(10, { launch: "cold", firstByteMs: 900, exitMs: 20 }),
        arrival(20),
        arrival(1_100, { firstByteMs: 1_110 }),
      ],
      { countedFromMs: 1_000, countedToMs: 2_000 },
    );
    expect(figures).toMatchObject({ hitPercent: 100, refusedPercent: 0, achievedPerS: 1 });
    expect(figures.firstByteP50Ms).toBeCloseTo(10, 1);
  });

  it("count completions of the lead-in that come later, for they are work of the counted time", () => {
    const figures = stepFigures([arrival(10, { exitMs: 1_500 }), arrival(1_100, {})], {
      countedFromMs: 1_000,
      countedToMs: 2_000,
    });
    expect(figures.achievedPerS).toBe(2);
  });

  it("take the time until the last run is over, when it is over after the schedule", () => {
    const figures = stepFigures([arrival(100, { exitMs: 4_000 }), arrival(200, { exitMs: 3_000 })], {
      countedFromMs: 0,
      countedToMs: 1_000,
    });
    expect(figures.achievedPerS).toBe(0.5);
  });

  it("tell the share of hits among those let in, and of refusals among all", () => {
    const figures = stepFigures([arrival(1, {}), arrival(2, { launch: "cold" }), arrival(3), arrival(4)], {
      countedFromMs: 0,
      countedToMs: 1_000,
    });
    expect(figures).toMatchObject({ hitPercent: 50, refusedPercent: 50 });
  });

  it("do not make up what nobody had", () => {
    expect(stepFigures([arrival(1)], { countedFromMs: 0, countedToMs: 1_000 })).toEqual({
      achievedPerS: 0,
      hitPercent: undefined,
      firstByteP50Ms: undefined,
      firstByteP99Ms: undefined,
      handoutP50Ms: undefined,
      handoutP99Ms: undefined,
      refusedPercent: 100,
    });
  });

  it("have a p99 from 100 runs on", () => {
    const window = { countedFromMs: 0, countedToMs: 1_000 };
    const runs = Array.from({ length: 100 }, (_, index) => arrival(index, {}));
    expect(stepFigures(runs, window).firstByteP99Ms).toBeCloseTo(5, 1);
    expect(stepFigures(runs.slice(1), window).firstByteP99Ms).toBeUndefined();
  });

  it("count hand-outs of runs that found a ready sandbox, the lead-in's left out", () => {
    const took = (handoutMs: number) => ({ timings: { queueMs: 0.5, handoutMs } });
    const figures = stepFigures(
      [
        arrival(10, took(70)),
        arrival(1_100, took(3.5)),
        arrival(1_200, { launch: "cold", ...took(90) }),
        arrival(1_300),
      ],
      { countedFromMs: 1_000, countedToMs: 2_000 },
    );
    expect(figures.handoutP50Ms).toBeCloseTo(4, 1);
  });

  it("have no hand-out where all had to wait for a sandbox", () => {
    const figures = stepFigures([arrival(1, { launch: "cold" })], { countedFromMs: 0, countedToMs: 1_000 });
    expect(figures).toMatchObject({ hitPercent: 0, handoutP50Ms: undefined, handoutP99Ms: undefined });
  });

  it("have a p99 of hand-outs from 100 ready sandboxes on, however many runs there were", () => {
    const window = { countedFromMs: 0, countedToMs: 1_000 };
    const runs = Array.from({ length: 100 }, (_, index) => arrival(index, {}));
    expect(stepFigures(runs, window).handoutP99Ms).toBeCloseTo(2, 1);
    expect(stepFigures([...runs.slice(1), arrival(100, { launch: "cold" })], window)).toMatchObject({
      handoutP99Ms: undefined,
      firstByteP99Ms: expect.closeTo(5, 1) as number,
    });
  });
});

describe("saturation", () => {
  const figures = {
    achievedPerS: 9,
    hitPercent: 100,
    firstByteP50Ms: 1,
    firstByteP99Ms: 1,
    handoutP50Ms: 1,
    handoutP99Ms: 1,
    refusedPercent: 0,
  };

  it("is when less than 90 % of what is asked for is achieved", () => {
    expect(isSaturated(10, figures)).toBe(false);
    expect(isSaturated(10, { ...figures, achievedPerS: 8.99 })).toBe(true);
  });

  it("is when a run is refused", () => {
    expect(isSaturated(9, { ...figures, refusedPercent: 0.1 })).toBe(true);
  });
});

describe("an open loop", () => {
  it("sends on its schedule, without waiting for an answer", async () => {
    const lastIsSent = deferred<undefined>();
    let sent = 0;
    const arrivals = await offer(
      [0, 20, 40],
      async () => {
        sent += 1;
        if (sent === 3) lastIsSent.resolve(undefined);
        await lastIsSent.promise;
        const now = performance.now();
        return { launch: "cold", timings: TIMINGS, firstByteAt: now, exitAt: now };
      },
      signal,
    );
    for (const { scheduledMs, sentMs, run } of arrivals) {
      expect(sentMs).toBeGreaterThanOrEqual(scheduledMs);
      expect(run?.firstByteMs).toBeGreaterThanOrEqual(40);
      expect(run).toMatchObject({ launch: "cold", timings: TIMINGS });
    }
  });

  it("keeps refusals", async () => {
    expect(await offer([0], () => Promise.resolve(undefined), signal)).toMatchObject([{ run: undefined }]);
  });

  it("fails with a failure, when everything that was sent is over", async () => {
    let over = 0;
    const sent = offer(
      [0, 1],
      async () => {
        const fails = over === 0;
        over += 1;
        if (fails) throw new Error("wrong output");
        await sleep(30);
        over += 1;
        return undefined;
      },
      signal,
    );
    await expect(sent).rejects.toThrow("wrong output");
    expect(over).toBe(3);
  });

  it("stops when it is aborted, though the next arrival is far away", async () => {
    const abort = new AbortController();
    let sent = 0;
    const offered = offer(
      [0, 60_000],
      () => {
        sent += 1;
        setTimeout(() => {
          abort.abort(new Error("interrupted"));
        });
        return Promise.resolve(undefined);
      },
      abort.signal,
    );
    await expect(offered).rejects.toThrow(/abort|interrupted/);
    expect(sent).toBe(1);
  });
});
