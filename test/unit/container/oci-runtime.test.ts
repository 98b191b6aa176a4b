import { beforeEach, describe, expect, it } from "vitest";
import { OciRuntimeChoice } from "../../../src/container/oci-runtime.js";

describe("the runtime that `auto` stands for", () => {
  let choice: OciRuntimeChoice;
  beforeEach(() => {
    choice = new OciRuntimeChoice();
  });

  it("is the engine's default until the engine has said what it has", () => {
    expect(choice.choose("auto")).toBeUndefined();
  });

  it.each([
    [["runc"], undefined],
    [["runc", "runsc"], undefined],
    [["io.containerd.runc.v2", "runc", "crun"], "crun"],
  ])("is, where the engine has %j, %s", (offered, expected) => {
    choice.look(offered);
    expect(choice.choose("auto")).toBe(expected);
  });

  it("is nobody's business where a runtime is named, or the default asked for", () => {
    choice.look(["runc", "crun"]);
    expect(choice.choose("runsc")).toBe("runsc");
    expect(choice.choose(undefined)).toBeUndefined();
    expect(choice.refused("runsc", "runsc")).toBe(false);
    expect(choice.refused("crun", "crun")).toBe(false);
    expect(choice.refused(undefined, undefined)).toBe(false);
    expect(choice.choose("auto")).toBe("crun");
  });

  it("is given up for the default when the first start is refused", () => {
    choice.look(["runc", "crun"]);
    expect(choice.refused("auto", "crun")).toBe(true);
    expect(choice.choose("auto")).toBeUndefined();
    // There is nothing else to try.
    expect(choice.refused("auto", undefined)).toBe(false);
  });

  it("is given up by everybody who tried it at once", () => {
    choice.look(["runc", "crun"]);
    expect([choice.refused("auto", "crun"), choice.refused("auto", "crun")]).toEqual([true, true]);
  });

  it("stays when it has worked and a start is refused later", () => {
    choice.look(["runc", "crun"]);
    choice.started("crun");
    expect(choice.refused("auto", "crun")).toBe(false);
    expect(choice.choose("auto")).toBe("crun");
  });

  it("does not pass for working because the default does", () => {
    choice.look(["runc", "crun"]);
    choice.started(undefined);
    expect(choice.refused("auto", "crun")).toBe(true);
  });

  it("is looked for anew when the engine is asked again", () => {
    choice.look(["runc", "crun"]);
    choice.refused("auto", "crun");
    choice.look(["runc", "crun"]);
    expect(choice.choose("auto")).toBe("crun");
    choice.look(["runc"]);
    expect(choice.choose("auto")).toBeUndefined();
  });
});
