import { describe, expect, it } from "vitest";
import { STATISTICS_WINDOW } from "../../../src/protocol/lanes.js";
import { latencyBin, watchSnapshot } from "../../../src/protocol/watch.js";
import { LatencyHistogram } from "../../../src/server/latency-histogram.js";

const latencies = watchSnapshot.shape.latencies;

describe("a histogram of latencies", () => {
  it("counts the last values and no more", () => {
    const histogram = new LatencyHistogram();
    for (let value = 0; value < STATISTICS_WINDOW; value += 1) histogram.add(1);
    for (let value = 0; value < 100; value += 1) histogram.add(50);
    expect(histogram.counts[latencyBin(1)]).toBe(STATISTICS_WINDOW - 100);
    expect(histogram.counts[latencyBin(50)]).toBe(100);
  });

  it.each([NaN, Infinity, -Infinity, -1])("takes no part of %d, and stays what is sent of it", (wrong) => {
    const histogram = new LatencyHistogram();
    for (let value = 0; value < 3 * STATISTICS_WINDOW; value += 1) histogram.add(value % 2 === 0 ? wrong : 2);
    expect(histogram.counts[latencyBin(2)]).toBe(STATISTICS_WINDOW);
    expect(histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(STATISTICS_WINDOW);
    expect(Object.keys(histogram.counts)).toHaveLength(histogram.counts.length);
    expect(latencies.safeParse(JSON.parse(JSON.stringify({ a: histogram.counts }))).success).toBe(true);
  });
});
