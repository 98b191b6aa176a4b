import { describe, expect, it } from "vitest";
import { toBase64 } from "../../../../src/web/playground/base64.js";

describe("bytes as base64", () => {
  it.each([0, 1, 2, 3, 255, 0x8000, 0x8001, 200_000])("are exact, all %i of them", (length) => {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 31) % 256);
    expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
  });
});
