import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/clock.js";
import { outwait } from "../../src/patience.js";
import { ManualClock, settle } from "../support/manual-clock.js";
import { standing } from "../support/promises.js";

/** A clock whose process stands still during one of its sleeps: the timer fires that much later. */
class HaltingClock implements Clock {
  readonly manual = new ManualClock();
  #haltMs: number;

  constructor(haltMs: number) {
    this.#haltMs = haltMs;
  }

  now(): number {
    return this.manual.now();
  }

  async sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void> {
    const halt = this.#haltMs;
    this.#haltMs = 0;
    await this.manual.sleep(ms + halt, options);
  }
}

describe("waiting somebody out", () => {
  it("takes exactly its time while the process runs", async () => {
    const clock = new ManualClock();
    const waited = outwait(1_000, { clock });
    await clock.advance(999);
    expect(await standing(waited)).toBe("pending");
    await clock.advance(1);
    expect(await standing(waited)).toBe("fulfilled");
    expect(clock.sleeping).toBe(0);
  });

  it.each([
    ["as long again", 300, 300],
    ["at most a second", 5_000, 1_000],
  ])("listens %s after the process has stood still", async (_what, haltMs, againMs) => {
    const clock = new HaltingClock(haltMs);
    const waited = outwait(2_000, { clock });
    await clock.manual.advance(2_000 + haltMs + againMs - 1);
    expect(await standing(waited)).toBe("pending");
    await clock.manual.advance(1);
    expect(await standing(waited)).toBe("fulfilled");
  });

  it("hears first what has arrived by then", async () => {
    const clock = new ManualClock();
    const heard: string[] = [];
    const waited = outwait(10, { clock }).then(() => heard.push("decided"));
    setImmediate(() => heard.push("arrived"));
    await clock.advance(10);
    await waited;
    expect(heard).toEqual(["arrived", "decided"]);
  });

  it("ends with its signal, in the last turn too", async () => {
    const clock = new ManualClock();
    const over = new AbortController();
    const waited = outwait(1_000, { clock, signal: over.signal });
    await settle();
    over.abort(new Error("heard"));
    await expect(waited).rejects.toThrow("heard");
    expect(clock.sleeping).toBe(0);
  });
});
