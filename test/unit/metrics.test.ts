import { describe, expect, it } from "vitest";
import { Metrics } from "../../src/metrics.js";

describe("what is counted", () => {
  it.each([NaN, Infinity, -Infinity, -1])("leaves out %d, and goes on", async (wrong) => {
    const metrics = new Metrics({ lanes: () => [], connections: () => 0, droppedLogLines: () => 0 });
    const run = { launch: "warm", outcome: "exited" } as const;
    for (const value of [1, wrong, 1]) {
      metrics.engineCalled("create", value, "ok");
      metrics.refillStep("a", "create", value);
      metrics.made("a", value);
      metrics.handedOut("a", "warm", value);
      metrics.runEnded("a", {
        ...run,
        queueMs: value,
        firstByteMs: value,
        runMs: value,
        stdoutBytes: value,
        stderrBytes: value,
      });
    }
    const text = await metrics.registry.metrics();
    const sums = text
      .split("\n")
      .filter((line) => /^matchbox_\w+_(?:sum|count)\{|^matchbox_output_bytes_total\{/.test(line));
    expect(sums.length).toBeGreaterThan(10);
    for (const line of sums) expect(Number(line.split(" ").at(-1)), line).toBeOneOf([2, 0.002]);
    expect(text).toContain('matchbox_runs_total{lane="a",outcome="exited"} 3');
  });
});
