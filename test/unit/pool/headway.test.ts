import { describe, expect, it } from "vitest";
import { Headway, HEADWAY_MS } from "../../../src/pool/headway.js";
import { ManualClock } from "../../support/manual-clock.js";
import { standing } from "../../support/promises.js";

describe("the headway of fresh runs", () => {
  it("is nothing to wait for when there are none", async () => {
    await new Headway(new ManualClock()).clear();
  });

  it("keeps refills waiting for a moment after a run's release", async () => {
    const clock = new ManualClock();
    const headway = new Headway(clock);
    headway.enter({});
    const cleared = headway.clear();
    await clock.advance(HEADWAY_MS - 1);
    expect(await standing(cleared)).toBe("pending");
    await clock.advance(1);
    await cleared;
    await headway.clear();
  });

  it("is over at once when the last fresh run is", async () => {
    const headway = new Headway(new ManualClock());
    const [first, second] = [{}, {}];
    headway.enter(first);
    headway.enter(second);
    const cleared = [headway.clear(), headway.clear()];
    headway.leave(first);
    headway.leave(first);
    expect(await standing(cleared[0]!)).toBe("pending");
    headway.leave(second);
    await Promise.all(cleared);
  });

  it("never keeps a refill waiting for long, however closely runs follow each other", async () => {
    const clock = new ManualClock();
    const headway = new Headway(clock);
    headway.enter({});
    const cleared = headway.clear();
    for (let step = 0; step < 3; step += 1) {
      await clock.advance(HEADWAY_MS / 3);
      headway.enter({});
    }
    expect(await standing(cleared)).toBe("fulfilled");
  });
});
