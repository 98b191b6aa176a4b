import { afterEach, describe, expect, it, vi } from "vitest";
import { decodeData, toBase64 } from "../../../src/client/bytes.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each(["Node", "a browser"])("bytes as base64 in %s", (platform) => {
  it.each([0, 1, 2, 3, 255, 0x8000, 0x8001, 100_000])("are what Node makes of %i of them, and come back", (length) => {
    const expected = Buffer.from(Array.from({ length }, (_, index) => index % 256));
    const text = expected.toString("base64");
    if (platform === "a browser") vi.stubGlobal("Buffer", undefined);
    const made = toBase64(new Uint8Array(expected));
    const back = decodeData(text, "base64");
    vi.unstubAllGlobals();
    expect(made).toBe(text);
    expect(Buffer.from(back).equals(expected)).toBe(true);
  });

  it("are those of the part that is meant", () => {
    expect(toBase64(new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4))).toBe("AQID");
  });
});
