import { describe, expect, it } from "vitest";
import { DeadlineError, withDeadline } from "../../src/deadline.js";
import { deferred } from "../../src/deferred.js";
import { ManualClock, settle } from "../support/manual-clock.js";

describe("a call with a deadline", () => {
  it("gives what it gives, and leaves no timer behind", async () => {
    const clock = new ManualClock();
    expect(await withDeadline({ clock, ms: 100 }, () => Promise.resolve("done"))).toBe("done");
    await expect(withDeadline({ clock, ms: 100 }, () => Promise.reject(new TypeError("no")))).rejects.toThrow(
      TypeError,
    );
    await settle();
    expect(clock.sleeping).toBe(0);
  });

  it("is given up when its time is over, whether or not it heeds its signal", async () => {
    const clock = new ManualClock();
    let heard: AbortSignal | undefined;
    const call = withDeadline({ clock, ms: 100 }, (signal) => {
      heard = signal;
      return new Promise(() => undefined);
    });
    const failure = call.catch((error: unknown) => error);
    await clock.advance(99);
    expect(heard?.aborted).toBe(false);
    await clock.advance(1);
    expect(await failure).toBeInstanceOf(DeadlineError);
    expect(heard?.aborted).toBe(true);
  });

  it("is given up with the caller's reason when the caller aborts", async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const call = withDeadline({ clock, ms: 100, signal: abort.signal }, () => new Promise(() => undefined));
    abort.abort(new Error("enough"));
    await expect(call).rejects.toBe(abort.signal.reason);
    await settle();
    expect(clock.sleeping).toBe(0);
  });

  it("is not made when the caller has aborted already", async () => {
    let calls = 0;
    const signal = AbortSignal.abort(new Error("enough"));
    const call = withDeadline({ clock: new ManualClock(), ms: 100, signal }, () => Promise.resolve((calls += 1)));
    await expect(call).rejects.toBe(signal.reason);
    expect(calls).toBe(0);
  });

  it("that fails after it was given up harms nobody", async () => {
    const clock = new ManualClock();
    const late = deferred<undefined>();
    const failure = withDeadline({ clock, ms: 100 }, () => late.promise).catch((error: unknown) => error);
    await clock.advance(100);
    late.reject(new Error("late"));
    await settle();
    expect(await failure).toBeInstanceOf(DeadlineError);
  });
});
