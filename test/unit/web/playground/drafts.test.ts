import { describe, expect, it } from "vitest";
import { Drafts } from "../../../../src/web/playground/drafts.js";

describe("drafts", () => {
  it("are kept for each lane, and the lane with them", () => {
    const kept = new Map<string, string>();
    const keeper = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    const drafts = new Drafts(() => keeper);
    expect([drafts.lane, drafts.codeOf("python")]).toEqual([undefined, undefined]);
    drafts.keepLane("python");
    drafts.keepCode("python", "print(1)");
    drafts.keepCode("shell", "");
    const later = new Drafts(() => keeper);
    expect([later.lane, later.codeOf("python"), later.codeOf("shell")]).toEqual(["python", "print(1)", ""]);
  });

  it("are simply not there where storage is switched off", () => {
    const drafts = new Drafts(() => {
      throw new Error("SecurityError");
    });
    drafts.keepLane("python");
    drafts.keepCode("python", "print(1)");
    expect([drafts.lane, drafts.codeOf("python")]).toEqual([undefined, undefined]);
  });
});
