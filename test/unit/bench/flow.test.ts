import { describe, expect, it } from "vitest";
import { Flow } from "../../../bench/lib/stream/flow.js";

function flowAt(...times: number[]): Flow {
  const clock = times.values();
  return new Flow(() => clock.next().value ?? NaN);
}

describe("Flow", () => {
  it("leaves out the first piece, whose time nobody has taken", () => {
    const flow = flowAt(100, 600, 1_100);
    flow.pass(5_000_000);
    flow.pass(1_000_000);
    flow.pass(1_000_000);
    expect(flow.rate(7_000_000)).toBe(2);
  });

  it("refuses another number of bytes than the expected one", () => {
    const flow = flowAt(0, 10);
    flow.pass(10);
    flow.pass(9);
    expect(() => flow.rate(20)).toThrow("19 bytes came instead of 20");
  });

  it("has no rate for what came all at once", () => {
    const flow = flowAt(5);
    flow.pass(20);
    expect(() => flow.rate(20)).toThrow("at once");
  });
});
