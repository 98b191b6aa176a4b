import { describe, expect, it } from "vitest";
import { cpuOfEach, parseBusyMs } from "../../../bench/lib/cpu.js";

describe("the machine's busy time", () => {
  it("is what its processors did: no idling, no waiting for a disk, nothing stolen, no guest twice", () => {
    const stat = "cpu  100 10 50 9999 777 3 7 555 100 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
    expect(parseBusyMs(stat)).toBe((100 + 10 + 50 + 3 + 7) * 10);
  });

  it("is not made up from something else", () => {
    expect(() => parseBusyMs("intr 1 2 3\n")).toThrow('/proc/stat begins with "intr 1 2 3');
    expect(() => parseBusyMs("cpu 1 2\n")).toThrow("/proc/stat begins with");
    expect(() => parseBusyMs("")).toThrow("/proc/stat begins with");
  });
});

describe("the processor time of one of many", () => {
  it("is what was spent above the level of the idle time before", () => {
    expect(cpuOfEach(10, { othersMs: 1_700, wallMs: 2_000 }, { othersMs: 50, wallMs: 500 })).toBe(150);
  });

  it("is below 0 when the machine was busier while nothing was done", () => {
    expect(cpuOfEach(1, { othersMs: 10, wallMs: 100 }, { othersMs: 50, wallMs: 100 })).toBe(-40);
  });
});
