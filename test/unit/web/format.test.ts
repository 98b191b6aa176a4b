import { describe, expect, it } from "vitest";
import { formatBytes, formatDuration, formatLimit, formatMs, formatShare } from "../../../src/web/shared/format.js";
import { subprotocols } from "../../../src/web/shared/token.js";

describe("numbers as people read them", () => {
  it.each([
    [0.1234, "0.12 ms"],
    [41.27, "41.3 ms"],
    [812.4, "812 ms"],
    [3_084, "3.08 s"],
    [125_000, "2 min 5 s"],
    [null, "–"],
  ])("times: %s", (ms, expected) => {
    expect(formatMs(ms)).toBe(expected);
  });

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [12_345, "12.3 kB"],
    [999_999, "1.00 MB"],
    [536_870_912, "537 MB"],
  ])("bytes: %d", (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });

  it.each([
    [1, "100 %"],
    [0.99999, "99.99 %"],
    [0.9951, "99.51 %"],
    [0.823, "82.3 %"],
    [null, "–"],
  ])("shares, of which nothing less looks like all: %s", (share, expected) => {
    expect(formatShare(share)).toBe(expected);
  });

  it("limits without figures that say nothing", () => {
    expect([250, 1_500, 30_000, 60_000, 90_000, 3_600_000].map(formatLimit)).toEqual([
      ...["250 ms", "1.5 s", "30 s", "1 min", "1 min 30 s", "1 h"],
    ]);
  });

  it("long times by their two largest units", () => {
    expect([59_000, 3_600_000, 90_000_000].map(formatDuration)).toEqual(["59 s", "1 h 0 min", "1 d 1 h"]);
  });
});

describe("a token as a subprotocol", () => {
  it("has only what may stand in a header, whatever the token has", () => {
    const [version, carrier = ""] = subprotocols("tö/ken+with=every?thing~");
    expect(version).toBe("matchbox.v1");
    expect(carrier).toMatch(/^matchbox\.token\.[\w-]+$/);
    const encoded = carrier.slice("matchbox.token.".length);
    expect(Buffer.from(encoded, "base64url").toString()).toBe("tö/ken+with=every?thing~");
  });

  it("is not there without one", () => {
    expect(subprotocols(undefined)).toEqual(["matchbox.v1"]);
  });
});
