import { Histogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { refillCounts, refillSamples } from "../../../bench/lib/refill-samples.js";

/** What a daemon prints for these refills. */
async function metrics(refillsMs: readonly number[], lane = "python"): Promise<string> {
  const registers = [new Registry()];
  const buckets = [0.1, 0.2, 0.4];
  const histogram = new Histogram({
    name: "matchbox_refill_seconds",
    help: "-",
    labelNames: ["lane"],
    buckets,
    registers,
  });
  histogram.zero({ lane: "another" });
  for (const ms of refillsMs) histogram.observe({ lane }, ms / 1_000);
  return registers[0]!.metrics();
}

describe("refills from a daemon's histogram", () => {
  it("are as many as there were since the first look, within the bounds of their buckets", async () => {
    const before = refillCounts(await metrics([50, 150]), "python");
    const after = refillCounts(await metrics([50, 150, 120, 180, 190, 350]), "python");
    const samples = refillSamples(before, after);
    expect(samples).toHaveLength(4);
    expect(samples.filter((ms) => ms > 100 && ms < 200)).toHaveLength(3);
    expect(samples.filter((ms) => ms > 200 && ms < 400)).toEqual([300]);
  });

  it("are those of the lane, and none where there were none", async () => {
    const after = refillCounts(await metrics([50]), "another");
    expect([...after.values()]).toEqual([0, 0, 0]);
    expect(refillSamples(refillCounts("", "python"), after)).toEqual([]);
  });
});
