import { describe, expect, it } from "vitest";
import { Cleanup } from "../../src/cleanup.js";
import { deferred } from "../../src/deferred.js";
import { settle } from "../support/manual-clock.js";

describe("a cleanup", () => {
  it("runs its steps in reverse, each after the one before has finished", async () => {
    const cleanup = new Cleanup();
    const log: string[] = [];
    for (const name of ["a", "b", "c"]) {
      await cleanup.add(name, async () => {
        log.push(`${name} begins`);
        await settle();
        log.push(`${name} ends`);
      });
    }
    expect(log).toEqual([]);
    await cleanup.run();
    expect(log).toEqual(["c begins", "c ends", "b begins", "b ends", "a begins", "a ends"]);
  });

  it("runs every step though others fail, and tells all that failed", async () => {
    const cleanup = new Cleanup();
    const ran: string[] = [];
    const cause = new Error("late");
    await cleanup.add("first", () => void ran.push("first"));
    await cleanup.add("second", () => Promise.reject(cause));
    await cleanup.add("third", () => {
      throw new TypeError("at once");
    });
    const error: unknown = await cleanup.run().catch((failure: unknown) => failure);
    expect(ran).toEqual(["first"]);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({ message: "third: at once; second: late", errors: [expect.any(Error), { cause }] });
  });

  it("runs once, however often it is asked, and every caller waits for its end", async () => {
    const cleanup = new Cleanup();
    const gate = deferred<undefined>();
    let runs = 0;
    await cleanup.add("slow", async () => {
      runs += 1;
      await gate.promise;
    });
    let finished = 0;
    const all = [cleanup.run(), cleanup.run(), cleanup[Symbol.asyncDispose]()].map((run) =>
      run.then(() => (finished += 1)),
    );
    await settle();
    expect([runs, finished]).toEqual([1, 0]);
    gate.resolve(undefined);
    await Promise.all(all);
    await cleanup.run();
    expect([runs, finished]).toEqual([1, 3]);
  });

  it("tells every caller of a failure", async () => {
    const cleanup = new Cleanup();
    await cleanup.add("bad", () => Promise.reject(new Error("no")));
    await expect(cleanup.run()).rejects.toThrow("bad: no");
    await expect(cleanup.run()).rejects.toThrow("bad: no");
  });

  it("runs a step at once that is added after the start, so that nothing made late is left behind", async () => {
    const cleanup = new Cleanup();
    const gate = deferred<undefined>();
    const ran: string[] = [];
    await cleanup.add("early", () => gate.promise.then(() => void ran.push("early")));
    const running = cleanup.run();
    await cleanup.add("during", () => void ran.push("during"));
    expect(ran).toEqual(["during"]);
    gate.resolve(undefined);
    await running;
    await cleanup.add("after", () => void ran.push("after"));
    expect(ran).toEqual(["during", "early", "after"]);
  });

  it("does nothing without steps", async () => {
    await using cleanup = new Cleanup();
    await cleanup.run();
  });
});
