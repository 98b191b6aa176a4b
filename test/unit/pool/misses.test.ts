import { describe, expect, it } from "vitest";
import type { LaneConfig } from "../../../src/config/schema.js";
import { type LaneSituation, missReason } from "../../../src/pool/misses.js";
import type { MissReason } from "../../../src/protocol/lanes.js";
import type { FakeBehaviour } from "../../support/fake-runtime.js";
import { settle } from "../../support/manual-clock.js";
import { LaneRig } from "./rig.js";

/** Eight in stock, filled two at a time in 200 ms each: 800 ms in all. */
const WELL: LaneSituation = {
  isFailing: false,
  isHeld: false,
  now: 10_000,
  lastFullAt: 9_200,
  makeMs: 200,
  warm: 8,
  concurrentStarts: 2,
  used: 31,
  max: 32,
};

describe("the reason of a miss", () => {
  it("is the size of the stock while it has not had the time to fill, and the pace of the refill after that", () => {
    expect(missReason(WELL)).toBe("stock_empty");
    expect(missReason({ ...WELL, lastFullAt: 9_199 })).toBe("refill_behind");
    expect(missReason({ ...WELL, lastFullAt: 9_199, warm: 9 })).toBe("stock_empty");
  });

  it("is never the pace where nothing is kept ready", () => {
    expect(missReason({ ...WELL, warm: 0, lastFullAt: WELL.now })).toBe("stock_empty");
  });

  it("is the first that holds", () => {
    const worse: [Partial<LaneSituation>, MissReason][] = [
      [{ lastFullAt: 0 }, "refill_behind"],
      [{ used: 32 }, "saturated"],
      [{ lastFullAt: undefined }, "starting"],
      [{ isHeld: true }, "held"],
      [{ isFailing: true }, "creating_fails"],
    ];
    let situation = WELL;
    for (const [change, reason] of worse) {
      situation = { ...situation, ...change };
      expect(missReason(situation)).toBe(reason);
    }
  });
});

describe("a run that finds no ready sandbox hears why", () => {
  /** Asks for so many at once. @returns the reasons that those heard who missed */
  function ask(rig: LaneRig, count: number, options: { queueMs?: number } = {}): MissReason[] {
    const heard: MissReason[] = [];
    for (let i = 0; i < count; i += 1) {
      rig.acquire({ ...options, onMiss: (reason) => heard.push(reason) }).catch(() => undefined);
    }
    return heard;
  }
  const start = (config: Partial<LaneConfig>, behaviour: Partial<FakeBehaviour> = {}): Promise<LaneRig> =>
    LaneRig.start(config, { launchMs: 100, ...behaviour });

  it("not while there are enough", async () => {
    await using rig = await start({ warm: 2 });
    await rig.clock.advance(200);
    expect(ask(rig, 2)).toEqual([]);
    await settle();
  });

  it("before the stock was ever full", async () => {
    await using rig = await start({ warm: 2 });
    expect(ask(rig, 1)).toEqual(["starting"]);
  });

  it("when more come at once than there are, those included that will not wait", async () => {
    await using rig = await start({ warm: 2 });
    await rig.clock.advance(200);
    expect(ask(rig, 3)).toEqual(["stock_empty"]);
    expect(ask(rig, 1, { queueMs: 0 })).toEqual(["stock_empty"]);
  });

  it("when they have come faster than refills for a while", async () => {
    await using rig = await start({ warm: 2, maxSandboxes: 1_000, maxQueued: 1_000 });
    await rig.clock.advance(200);
    const heard: MissReason[] = [];
    for (let i = 0; i < 20; i += 1) {
      heard.push(...ask(rig, 4));
      await rig.clock.advance(100);
    }
    expect(heard[0]).toBe("stock_empty");
    expect(heard.at(-1)).toBe("refill_behind");
    // Once it is the pace it stays the pace.
    expect(heard.slice(heard.indexOf("refill_behind"))).not.toContain("stock_empty");
  });

  it("when the lane has all the sandboxes that it may have", async () => {
    await using rig = await start({ warm: 1, maxSandboxes: 1 });
    await rig.clock.advance(200);
    expect(ask(rig, 1)).toEqual([]);
    await rig.clock.advance(1_000);
    expect(ask(rig, 1)).toEqual(["saturated"]);
  });

  it("when the engine makes none", async () => {
    await using rig = await start({ warm: 1 });
    await rig.clock.advance(200);
    rig.engine.behaviour.fault = "refused";
    expect(ask(rig, 1)).toEqual([]);
    await rig.clock.advance(50);
    expect(ask(rig, 1)).toEqual(["creating_fails"]);
  });
});
