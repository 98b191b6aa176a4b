import { describe, expect, it } from "vitest";
import {
  CommandMissingError,
  EngineDownError,
  EngineRefusedError,
  ImageMissingError,
  ImageUnfitError,
  PreloadError,
  RunnerError,
} from "../../../src/container/errors.js";
import type { DaemonError } from "../../../src/errors.js";
import { LaneHealth } from "../../../src/pool/health.js";
import { ManualClock, settle } from "../../support/manual-clock.js";

const { signal } = new AbortController();
const boom = new RunnerError("boom");

function newHealth() {
  const clock = new ManualClock();
  const changes: (DaemonError | undefined)[] = [];
  const health = new LaneHealth({ clock, retryMinMs: 100, retryMaxMs: 800, onChange: (fault) => changes.push(fault) });
  const fail = (error: Error = boom) => health.attempt(() => Promise.reject(error), signal).catch(() => undefined);
  return { clock, changes, health, fail };
}

describe("a lane's health", () => {
  it("lets attempts go at once and together while all is well", async () => {
    const { health, clock } = newHealth();
    let running = 0;
    const attempts = [1, 2, 3].map((value) =>
      health.attempt(async () => {
        running += 1;
        await clock.sleep(10);
        return value;
      }, signal),
    );
    await settle();
    expect(running).toBe(3);
    await clock.advance(10);
    expect(await Promise.all(attempts)).toEqual([1, 2, 3]);
  });

  it.each<[number, string, DaemonError]>([
    [1, "an image that is missing", new ImageMissingError("x:1")],
    [1, "an image that cannot be a sandbox's", new ImageUnfitError("a volume over the runner")],
    [1, "a command that is missing", new CommandMissingError("node", { lane: "node", image: "x:1" })],
    [1, "a module that cannot be imported", new PreloadError("preload: numpy: No module named 'numpy'")],
    [1, "an engine that is down", new EngineDownError("silent")],
    [3, "an engine that refuses", new EngineRefusedError("no")],
    [3, "a runner that fails", boom],
  ])("degrades at failure %i of %s", async (failures, _what, error) => {
    const { health, clock, changes, fail } = newHealth();
    for (let count = 1; count <= failures; count += 1) {
      expect(health.fault).toBeUndefined();
      const attempt = fail(error);
      await clock.advance(1_000);
      await attempt;
    }
    expect(health.fault).toBe(error);
    expect(changes).toEqual([error]);
  });

  it("does not degrade over a fault that is none of the engine's", async () => {
    const { health, clock, changes, fail } = newHealth();
    for (let count = 0; count < 5; count += 1) {
      const attempt = fail(new TypeError("a slip"));
      await clock.advance(1_000);
      await attempt;
    }
    expect([health.fault, changes]).toEqual([undefined, []]);
  });

  it("begins to count anew after a success", async () => {
    const { health, clock, fail } = newHealth();
    for (let round = 0; round < 3; round += 1) {
      for (let failure = 0; failure < 2; failure += 1) {
        const attempt = fail();
        await clock.advance(1_000);
        await attempt;
      }
      const success = health.attempt(() => Promise.resolve("made"), signal);
      await clock.advance(1_000);
      expect(await success).toBe("made");
    }
    expect(health.fault).toBeUndefined();
  });

  it("makes one attempt at a time after a failure, each after a longer wait", async () => {
    const { health, clock, fail } = newHealth();
    await fail();
    const startedAt: number[] = [];
    let running = 0;
    let most = 0;
    const make = async (): Promise<never> => {
      startedAt.push(clock.now());
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(5);
      running -= 1;
      throw boom;
    };
    const attempts = Array.from({ length: 6 }, () => health.attempt(make, signal).catch(() => undefined));
    await clock.advance(10_000);
    await Promise.all(attempts);
    expect(most).toBe(1);
    expect(startedAt).toHaveLength(6);
    const waits = startedAt.map((at, index) => at - (index === 0 ? 0 : startedAt[index - 1]! + 5));
    // Each is a doubled one of 100 to 800 ms, shortened by up to half.
    [100, 200, 400, 800, 800, 800].forEach((longest, index) => {
      expect(waits[index]).toBeLessThanOrEqual(longest);
      expect(waits[index]).toBeGreaterThanOrEqual(longest / 2);
    });
  });

  it("lets all go again when the one attempt succeeds", async () => {
    const { health, clock, fail, changes } = newHealth();
    const down = new EngineDownError("silent");
    await fail(down);
    let running = 0;
    const attempts = Array.from({ length: 5 }, () =>
      health.attempt(async () => {
        running += 1;
        await clock.sleep(50);
      }, signal),
    );
    await clock.advance(100);
    expect(running).toBe(1);
    await clock.advance(50);
    expect(running).toBe(5);
    await clock.advance(50);
    await Promise.all(attempts);
    expect(health.fault).toBeUndefined();
    expect(changes).toEqual([down, undefined]);
  });

  it("tells of a fault once, and again when its words change", async () => {
    const { clock, changes, fail } = newHealth();
    const errors = ["a", "a", "b", "b"].map((words) => new EngineDownError(words));
    for (const error of errors) {
      const attempt = fail(error);
      await clock.advance(1_000);
      await attempt;
    }
    expect(changes.map((fault) => fault?.message)).toEqual(["a", "b"]);
  });

  it("hands the attempt's own error on", async () => {
    const { health } = newHealth();
    await expect(health.attempt(() => Promise.reject(boom), signal)).rejects.toBe(boom);
  });

  it("ends a wait when it is aborted, and lets the next have its turn", async () => {
    const { health, clock, fail } = newHealth();
    await fail();
    const abort = new AbortController();
    const waiting = health.attempt(() => Promise.resolve("never"), abort.signal);
    const next = health.attempt(() => Promise.resolve("made"), signal);
    abort.abort(new Error("closing"));
    await expect(waiting).rejects.toBe(abort.signal.reason);
    await clock.advance(1_000);
    expect(await next).toBe("made");
  });
});
