import { describe, expect, it } from "vitest";
import { KILL_CAUSES, killReason, Termination } from "../../../src/run/termination.js";

describe("the termination of a run", () => {
  it("keeps the first reason, whatever comes after it", () => {
    const termination = new Termination();
    expect(termination.reason).toBeUndefined();
    expect(termination.signal.aborted).toBe(false);
    let aborts = 0;
    termination.signal.addEventListener("abort", () => (aborts += 1));
    termination.request("output_limit");
    termination.request("cancelled");
    termination.request("shutdown");
    expect(termination.reason).toBe("output_limit");
    expect(termination.signal.aborted).toBe(true);
    expect(aborts).toBe(1);
  });
});

describe("the causes of KILL frames", () => {
  it("are within what the frame allows, and each stands for one reason", () => {
    const causes = Object.entries(KILL_CAUSES);
    for (const [reason, cause] of causes) {
      expect(cause).toBeGreaterThanOrEqual(16);
      expect(cause).toBeLessThanOrEqual(255);
      expect(killReason(cause)).toBe(reason);
    }
    expect(new Set(causes.map(([, cause]) => cause)).size).toBe(causes.length);
  });

  it.each([0, 1, 15, 20, 255])("do not include %i", (cause) => {
    expect(killReason(cause)).toBeUndefined();
  });
});
