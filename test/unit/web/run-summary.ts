import type { RunSummary } from "../../../src/protocol/watch.js";

/** A run that went well, but for what the test says. */
export function runSummaryOf(n: number, more: Partial<RunSummary> = {}): RunSummary {
  return {
    ...{ n, at: 1_000_000, lane: "python", outcome: "exited", exitCode: 0, signal: null, sandbox: "abc" },
    ...{ launch: "warm", miss: null, queueMs: 1, handoutMs: 1, firstByteMs: 4, runMs: 10, outputBytes: 1 },
    ...more,
  };
}
