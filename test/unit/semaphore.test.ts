import { describe, expect, it } from "vitest";
import { Semaphore } from "../../src/semaphore.js";
import { settle } from "../support/manual-clock.js";

describe("a semaphore", () => {
  it("admits as many as it has permits, and the rest in the order in which they came", async () => {
    const semaphore = new Semaphore(2);
    const admitted: number[] = [];
    const releases: (() => void)[] = [];
    for (let name = 1; name <= 5; name += 1) {
      void semaphore.acquire().then((release) => {
        admitted.push(name);
        releases.push(release);
      });
    }
    await settle();
    expect(admitted).toEqual([1, 2]);
    releases[0]!();
    await settle();
    expect(admitted).toEqual([1, 2, 3]);
    releases[1]!();
    releases[2]!();
    await settle();
    expect(admitted).toEqual([1, 2, 3, 4, 5]);
  });

  it("takes a permit back once, however often it is given back", async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire();
    release();
    release();
    await semaphore.acquire();
    let third = false;
    void semaphore.acquire().then(() => (third = true));
    await settle();
    expect(third).toBe(false);
  });

  it("lets one that waits leave, and the others keep their order", async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire();
    const abort = new AbortController();
    const order: string[] = [];
    void semaphore.acquire().then((next) => [order.push("a"), next()]);
    const leaving = semaphore.acquire(abort.signal);
    void semaphore.acquire().then((next) => [order.push("c"), next()]);
    abort.abort(new Error("no more"));
    await expect(leaving).rejects.toBe(abort.signal.reason);
    release();
    await settle();
    expect(order).toEqual(["a", "c"]);
  });

  it("admits nobody who is aborted already, and loses no permit over it", async () => {
    const semaphore = new Semaphore(1);
    const signal = AbortSignal.abort(new Error("no more"));
    await expect(semaphore.acquire(signal)).rejects.toBe(signal.reason);
    await semaphore.acquire();
  });

  it("loses no permit to an abort that comes after the admission", async () => {
    const semaphore = new Semaphore(1);
    const abort = new AbortController();
    const first = await semaphore.acquire();
    const second = semaphore.acquire(abort.signal);
    first();
    abort.abort(new Error("too late"));
    (await second)();
    await semaphore.acquire();
  });
});
