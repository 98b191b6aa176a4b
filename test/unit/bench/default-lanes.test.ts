import { describe, expect, it } from "vitest";
import { CliError } from "../../../src/cli/cli-error.js";
import { defaultLanes, engineSocket } from "../../../bench/lib/default-lanes.js";

describe("the default lanes", () => {
  it("have what the daemon would ask the engine for", async () => {
    const { specOf } = await defaultLanes({ offered: ["runc", "crun"] });
    expect(specOf("python")).toMatchObject({
      lane: "python",
      network: "none",
      cpus: 0.5,
      pids: 128,
      ociRuntime: "crun",
    });
    expect(specOf("shell")).toMatchObject({ lane: "shell", network: "egress" });
    expect(JSON.parse(specOf("python").seccompProfile)).toHaveProperty("defaultAction");
  });

  it("follow the user's settings, and say what is wrong with them", async () => {
    const { specOf } = await defaultLanes({ set: ["lanes.python.cpus=2"], offered: [] });
    expect(specOf("python")).toMatchObject({ cpus: 2 });
    const wrong = defaultLanes({ set: ["lanes.python.wram=2"], offered: [] });
    await expect(wrong).rejects.toThrow(CliError);
    await expect(wrong).rejects.toThrow("wram");
  });

  it("say which there are when one is asked for that is none of them", async () => {
    const { specOf } = await defaultLanes({ offered: [] });
    expect(() => specOf("cobol")).toThrow('there is no lane "cobol"; there are: python, shell');
  });
});

describe("the engine of this machine", () => {
  it("has a socket", () => {
    expect(engineSocket({ kind: "socket", socketPath: "/run/engine.sock" })).toBe("/run/engine.sock");
  });

  it("is not one far away", () => {
    expect(() => engineSocket({ kind: "tcp", host: "far.example", port: 2375 })).toThrow(
      "the engine is at tcp://far.example:2375",
    );
  });
});
