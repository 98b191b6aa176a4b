import { describe, expect, it } from "vitest";
import { type FleetRow, renderFleet } from "../../../src/cli/fleet-report.js";

const QUESTION = {
  host: { startsInParallel: 2, refillMs: 250, mostWarm: 819 },
  ...{ idleMiB: 10, targetHitRate: 0.999 },
};

const row = (fields: Partial<FleetRow>): FleetRow => ({
  ...{ ratePerS: 10_000, arrivals: "alone", placement: "random", hosts: 1_786, stockPerHost: 12, hitRate: 0.99912 },
  ...{ waitMs: { p99: 0, p9999: 38.8 }, idleMiB: 214_320, idleMiBSPer1000Runs: 21_432, cpuSPer1000Runs: 250 },
  ...fields,
});

describe("what a fleet takes", () => {
  it("is shown in a row for each rate and placement, with what it is told for above", () => {
    const rows = [row({}), row({ ratePerS: 1, hosts: 1, placement: "one pool", stockPerHost: 4, arrivals: "bursts" })];
    expect(renderFleet(rows, QUESTION)).toEqual([
      "Machines with 2 starts at once of 250 ms, 70 % of them used on average, at most 819 ready sandboxes of 10 MiB on each. Target 99.9 %.",
      "Processor time is the same at every rate: 250 s for 1,000 runs at 0.25 s a container's life.",
      "",
      "RUNS/S  THAT COME  PLACED  HOSTS  STOCK A HOST  ALL STOCK  HIT RATE  WAIT P99   P99.99  IDLE MEMORY  MIB S / 1000 RUNS",
      "10,000  alone      random  1,786            12     21,432   99.91 %   0.00 ms  38.8 ms  214,320 MiB             21,432",
      "     1  bursts     -           1             4          4   99.91 %   0.00 ms  38.8 ms  214,320 MiB             21,432",
    ]);
  });
});
