import { describe, expect, it } from "vitest";
import { ArrivalMemory, unpacked } from "../../../src/sizing/arrival-memory.js";
import { parseTrace } from "../../../src/sizing/trace.js";

const DAY_MS = 86_400_000;

describe("arrivals in memory", () => {
  it("are those that were added, in the order of arrival, as a trace and as numbers", () => {
    const memory = new ArrivalMemory(1_000_000);
    memory.add({ t: 20, lane: "shell", ms: null });
    memory.add({ t: 10.4, lane: "python", ms: 5.2 });
    const kept = [
      { t: 10, lane: "python", ms: 5 },
      { t: 20, lane: "shell", ms: null },
    ];
    expect(unpacked(memory.packed(30))).toEqual(kept);
    expect(parseTrace(memory.text(30), "memory")).toEqual(kept);
  });

  it("are the last ones that fit, and no older than a day", () => {
    const memory = new ArrivalMemory(14 * 10);
    for (let t = 0; t < 25; t += 1) memory.add({ t, lane: "python", ms: t });
    expect(unpacked(memory.packed(25)).map(({ t }) => t)).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
    expect(unpacked(memory.packed(20 + DAY_MS)).map(({ t }) => t)).toEqual([20, 21, 22, 23, 24]);
  });

  it("are none at first", () => {
    expect(parseTrace(new ArrivalMemory(1).text(0), "memory")).toEqual([]);
  });
});
