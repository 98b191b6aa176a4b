import { describe, expect, it, vi } from "vitest";
import { interruptible } from "../../../bench/lib/interrupts.js";

describe("a measurement that can be interrupted", () => {
  it("gives its result when nobody interrupts it", async () => {
    expect(await interruptible(() => Promise.resolve(7))).toBe(7);
  });

  it("keeps its own failure when nobody interrupts it", async () => {
    await expect(interruptible(() => Promise.reject(new Error("wrong output")))).rejects.toThrow("wrong output");
  });

  it("is told of a Ctrl-C by its signal, may tidy up, and fails because of it, whatever else went wrong then", async () => {
    let tidied = false;
    const interrupted = interruptible(async (signal) => {
      try {
        process.emit("SIGINT", "SIGINT");
        expect(signal.aborted).toBe(true);
        await Promise.reject(new Error("the daemon has gone"));
      } finally {
        await Promise.resolve();
        tidied = true;
      }
    });
    await expect(interrupted).rejects.toMatchObject({
      message: "The measurement was interrupted (SIGINT).",
      exitCode: 130,
    });
    expect(tidied).toBe(true);
  });

  it("takes an echo of the first signal for no second one, and leaves at once when there is one", async () => {
    const exit = vi.spyOn(process, "exit").mockImplementation((() => undefined) as unknown as typeof process.exit);
    let now = 0;
    const interrupted = interruptible(
      () => {
        process.emit("SIGTERM", "SIGTERM");
        now = 999;
        process.emit("SIGTERM", "SIGTERM");
        expect(exit).not.toHaveBeenCalled();
        now = 1_000;
        process.emit("SIGINT", "SIGINT");
        return Promise.reject(new Error("never seen"));
      },
      () => now,
    );
    await expect(interrupted).rejects.toThrow("(SIGTERM)");
    expect(exit).toHaveBeenCalledExactlyOnceWith(130);
  });

  it("leaves no listener behind", async () => {
    const before = process.listenerCount("SIGINT");
    await interruptible(() => Promise.resolve());
    expect(process.listenerCount("SIGINT")).toBe(before);
  });
});
