import { describe, expect, it } from "vitest";
import { sandboxSpec } from "../../../src/pool/spec.js";
import { laneConfig } from "./rig.js";

const defaults = { image: "default:1", ociRuntime: null, seccompProfile: "{}" };
const MIB = 1024 * 1024;

describe("the spec of a lane's sandboxes", () => {
  it("has the lane's limits in bytes", () => {
    const lane = laneConfig({
      memoryMiB: 256,
      workspaceMiB: 3,
      workspaceInodes: 300,
      tmpMiB: 2,
      tmpInodes: 200,
      homeMiB: 1,
      homeInodes: 100,
      shmMiB: 4,
      shmInodes: 400,
      maskedPaths: ["/usr/bin/curl"],
      cpus: 1.5,
      pids: 64,
      openFiles: 99,
    });
    expect(sandboxSpec("python", lane, defaults)).toMatchObject({
      lane: "python",
      memoryBytes: 256 * MIB,
      workspace: { bytes: 3 * MIB, inodes: 300 },
      tmp: { bytes: 2 * MIB, inodes: 200 },
      home: { bytes: MIB, inodes: 100 },
      sharedMemory: { bytes: 4 * MIB, inodes: 400 },
      maskedPaths: ["/usr/bin/curl"],
      cpus: 1.5,
      pids: 64,
      openFiles: 99,
      network: "none",
      seccompProfile: "{}",
      ociRuntime: undefined,
    });
  });

  it("takes the lane's image, else the default one", () => {
    expect(sandboxSpec("a", laneConfig({ image: "own:2" }), defaults).image).toBe("own:2");
    expect(sandboxSpec("a", laneConfig({ image: null }), defaults).image).toBe("default:1");
  });

  it("names the modules to import while nobody waits, and none where there are none", () => {
    const variables = (preload: string[]): string[] => {
      const { command } = sandboxSpec("a", laneConfig({ preload }), defaults);
      return command.filter((_, index) => command[index - 1] === "--env");
    };
    const hook = "PYTHONPATH=/opt/matchbox/prewarm/python";
    expect(variables([])).toEqual([hook]);
    expect(variables(["numpy", "matplotlib.pyplot"])).toEqual([hook, "MATCHBOX_PRELOAD=numpy,matplotlib.pyplot"]);
  });

  it.each([
    ["python", "python3 main.py"],
    ["shell", "bash main.sh"],
  ] as const)("lets the interpreter of %s wait for its program", (language, command) => {
    const spec = sandboxSpec("a", laneConfig({ language }), { ...defaults, ociRuntime: "crun" });
    const separator = spec.command.indexOf("--");
    expect(spec.command.slice(separator + 1).join(" ")).toBe(command);
    expect(spec.ociRuntime).toBe("crun");
  });
});
