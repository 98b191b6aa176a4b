import { describe, expect, it } from "vitest";
import { failureOf, standing } from "../../support/promises.js";
import { LaneRig } from "./rig.js";

describe("a lane whose engine does not confirm removals", () => {
  it("goes on once the engine's list does not have them any more", async () => {
    await using rig = await LaneRig.start({ warm: 1, maxSandboxes: 2 });
    rig.engine.behaviour.removal = "unconfirmed";
    const leases = await Promise.all([rig.acquire(), rig.acquire().catch(() => undefined), rig.clock.advance(200)]);
    for (const lease of leases) void lease?.[Symbol.asyncDispose]();
    const waiting = rig.acquire();
    await rig.clock.advance(1_000);
    expect(await standing(waiting)).toBe("pending");
    expect(await rig.reap()).toBe(0);
    await rig.clock.advance(1_000);
    expect(await standing(waiting)).toBe("fulfilled");
    expect(rig.lane.state).toBe("ready");
  });

  it("says so where they stay, and lets nobody wait for nothing", async () => {
    await using rig = await LaneRig.start({ warm: 1, maxSandboxes: 2 });
    rig.engine.behaviour.removal = "refused";
    const first = await rig.acquire();
    void first[Symbol.asyncDispose]();
    await rig.clock.advance(6_000);
    expect(rig.lane).toMatchObject({
      state: "degraded",
      reason:
        "1 sandbox cannot be removed and keeps its place among maxSandboxes: The container engine refused to remove a container: fake",
    });
    // There is still a place.
    const second = await rig.acquire();
    void second[Symbol.asyncDispose]();
    await rig.clock.advance(6_000);
    expect(rig.lane.reason).toContain("2 sandboxes cannot be removed");
    expect(await failureOf(rig.acquire())).toMatchObject({ code: "lane_degraded", message: rig.lane.reason });
  });
});
