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
