import { describe, expect, it } from "vitest";
import { renderStatus, showLatency } from "../../../src/cli/lane-table.js";
import { printable } from "../../../src/cli/terminal.js";
import { noMisses } from "../../../src/pool/misses.js";
import { type LaneReport, laneReport } from "../../../src/protocol/lanes.js";
import { lane as limits } from "../client/scripted-daemon.js";

function lane(name: string, fields: Partial<LaneReport> = {}): LaneReport {
  return laneReport.parse({
    name,
    state: "ready",
    reason: null,
    limits: limits(name),
    stock: { warm: 4, warmTarget: 4, sizing: null, creating: 0, leased: 1, evicting: 0, max: 32 },
    waiting: 0,
    runs: { total: 1200, warm: 1188, cold: 12, refused: 0, misses: noMisses(), byReason: {} },
    hitRate: 0.99,
    queueMs: { p50: 0, p90: 0, p99: 0 },
    handoutMs: { p50: 0.6, p90: 0.8, p99: 14.2 },
    firstByteMs: null,
    refillMs: { create: null, attach: null, start: null, ready: null, remove: null },
    ...fields,
  });
}

const plain = (_format: string, text: string): string => text;
const report = (...lanes: LaneReport[]) => ({ server: "0.1.0", uptimeMs: 3_720_000, connections: 1, lanes });

describe("the status table", () => {
  it("lines up its columns", () => {
    expect(renderStatus(report(lane("python"), lane("a-lane-with-a-long-name", { waiting: 12 })), plain)).toEqual([
      "Matchbox 0.1.0, up 1 h 2 min, 1 connection",
      "",
      "LANE                     STATE  STOCK  CREATING  LEASED  WAITING  RUNS  HIT RATE  HAND-OUT P50      P99",
      "python                   ready    4/4         0       1        0  1200    99.0 %       0.60 ms  14.2 ms",
      "a-lane-with-a-long-name  ready    4/4         0       1       12  1200    99.0 %       0.60 ms  14.2 ms",
    ]);
  });

  it("says what keeps a stock that follows the runs", () => {
    const stock = { ...lane("a").stock, sizing: { min: 1, max: 16, target: 0.999, reason: "burst" as const } };
    expect(renderStatus(report(lane("python", { stock }), lane("shell")), plain).slice(5)).toEqual([
      "",
      "python: keeps 4 of 1 to 16 ready, for the bursts in which runs come (target 99.9 %)",
    ]);
  });

  it("shows a dash for what is not known yet, and the reason of a degraded lane", () => {
    const fresh = lane("ready", {
      hitRate: null,
      handoutMs: null,
      state: "degraded",
      reason: "the image is missing: run matchbox build",
    });
    const lines = renderStatus(report(fresh), plain);
    expect(lines[3]).toMatch(/^ready +degraded .* - +- +-$/);
    expect(lines.at(-1)).toBe("ready is degraded: the image is missing: run matchbox build");
  });

  it("says why runs found nothing ready, the most frequent reason first, of those lanes that had any", () => {
    const runs = { total: 1200, warm: 1180, cold: 12, refused: 8, byReason: {} };
    const misses = { ...noMisses(), saturated: 8, stock_empty: 12 };
    const lines = renderStatus(report(lane("calm"), lane("busy", { runs: { ...runs, misses } })), plain);
    expect(lines.slice(5)).toEqual([
      "",
      "busy: 20 of 1200 runs found nothing ready: 12 in bursts larger than the stock (warm), 8 with all sandboxes in use (maxSandboxes)",
    ]);
  });

  it("colours the state and nothing else, also in a lane that is named like a state", () => {
    const lines = renderStatus(report(lane("ready")), (format, text) => `<${format}>${text}</>`);
    expect(lines[3]).toMatch(/^ready {2}<green>ready<\/>/);
  });
});

it.each([
  [0.123, "0.12 ms"],
  [9.994, "9.99 ms"],
  [14.16, "14.2 ms"],
  [1240.4, "1240 ms"],
])("a latency of %d ms is shown as %s", (milliseconds, text) => {
  expect(showLatency(milliseconds)).toBe(text);
});

it("text from elsewhere cannot drive the terminal", () => {
  expect(printable("a\x1b[2Jb\x9bc\u202ed\re\nf")).toBe("a\\u{1b}[2Jb\\u{9b}c\\u{202e}d\\u{d}e\nf");
});
