import { access } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { abortReason, hasCode, messageOf } from "../../src/errors.js";

describe("the code of an error", () => {
  it("is one of those that are asked for, or it is not", async () => {
    const missing: unknown = await access("/nowhere/at/all").catch((error: unknown) => error);
    expect(hasCode(missing, "ENOENT")).toBe(true);
    expect(hasCode(missing, "EACCES", "ENOENT")).toBe(true);
    expect(hasCode(missing, "EACCES")).toBe(false);
  });

  it.each([new Error("without one"), { code: "ENOENT" }, "ENOENT", undefined])("is none of %j", (thrown) => {
    expect(hasCode(thrown, "ENOENT")).toBe(false);
  });
});

describe("the reason of an abort", () => {
  it("is what was given, where that is an error", () => {
    const reason = new Error("enough");
    expect(abortReason(AbortSignal.abort(reason))).toBe(reason);
    expect(abortReason(AbortSignal.abort("enough"))).toEqual(new Error("aborted"));
    expect(abortReason(undefined)).toEqual(new Error("aborted"));
  });
});

describe("the message of what was thrown", () => {
  it("is that of the errors inside, where the one around them has none", () => {
    expect(messageOf(new AggregateError([new Error("one"), new Error("other")]))).toBe("one; other");
    expect(messageOf(new AggregateError([new Error("one")], "all failed"))).toBe("all failed");
    expect(messageOf("text")).toBe("text");
  });
});
