import { describe, expect, it } from "vitest";
import { mainFileOf, sandboxSpec } from "../../../src/pool/spec.js";
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

  it("takes the lane's image, else the default one, and the runner from that where the image is another", () => {
    const imagesOf = (image: string | null) => {
      const spec = sandboxSpec("a", laneConfig({ image }), defaults);
      return [spec.image, spec.runnerImage];
    };
    expect(imagesOf("own:2")).toEqual(["own:2", "default:1"]);
    expect(imagesOf(null)).toEqual(["default:1", undefined]);
    expect(imagesOf("default:1")).toEqual(["default:1", undefined]);
  });

  it("names the modules to import while nobody waits, and none where there are none", () => {
    const variables = (preload: string[]): string[] => {
      const { command } = sandboxSpec("a", laneConfig({ preload }), defaults);
      return command.filter((_, index) => command[index - 1] === "--env");
    };
    expect(variables([])).toEqual([]);
    expect(variables(["numpy", "matplotlib.pyplot"])).toEqual(["MATCHBOX_PRELOAD=numpy,matplotlib.pyplot"]);
  });

  const notice = ["--exit-notice", "/opt/matchbox/exit-notice.so"];
  it.each([
    ["python", ["--prepend", "PYTHONPATH=/opt/matchbox/prewarm/python:", ...notice], "main.py -- python3 main.py"],
    ["shell", ["--env", "BASH_ENV=/opt/matchbox/prewarm/shell.sh", ...notice], "main.sh -- bash main.sh"],
    ["node", ["--prepend", "NODE_OPTIONS=--require=/opt/matchbox/prewarm/node/wait.cjs "], "main.js -- node main.js"],
    ["other", ["--start", "run"], "main -- ruby main"],
  ] as const)("has %s wait for its program in its own way", (language, waiting, main) => {
    const { command } = sandboxSpec(
      "a",
      laneConfig({ language, command: language === "other" ? ["ruby"] : null }),
      defaults,
    );
    expect(command).toEqual([...waiting, "--main", ...main.split(" ")]);
  });

  it("starts the lane's command in the place of the language's, with the lane's file", () => {
    const lane = laneConfig({ language: "other", command: ["ruby", "-W0"], mainFile: "main.rb" });
    expect(sandboxSpec("a", lane, defaults).command.slice(2)).toEqual([
      ...["--main", "main.rb", "--", "ruby", "-W0", "main.rb"],
    ]);
    expect(mainFileOf(lane)).toBe("main.rb");
    expect(mainFileOf(laneConfig({ language: "node", mainFile: "main.mjs" }))).toBe("main.mjs");
  });

  it("has the lane's user by number, its variables, and graphics processors only where it asks for them", () => {
    const lane = laneConfig({ user: "4242:100", env: { A: "b" }, gpus: "all" });
    expect(sandboxSpec("a", lane, defaults)).toMatchObject({
      user: { uid: 4242, gid: 100 },
      env: { A: "b" },
      gpus: "all",
    });
    expect(sandboxSpec("a", laneConfig({}), defaults)).toMatchObject({
      user: { uid: 10_001, gid: 10_001 },
      env: {},
      gpus: undefined,
    });
  });

  it.each([
    [0.05, "1"],
    [1, "1"],
    [1.25, "2"],
    [4, "4"],
  ])("tells %f processors to what counts the machine's by itself, as %s", (cpus, count) => {
    const { env, suggestedEnv } = sandboxSpec("a", laneConfig({ cpus, env: { GOMAXPROCS: "7" } }), defaults);
    expect(env).toEqual({ GOMAXPROCS: "7" });
    expect(suggestedEnv).toMatchObject({ PYTHON_CPU_COUNT: count, GOMAXPROCS: count, OMP_NUM_THREADS: count });
    expect([...new Set(Object.values(suggestedEnv))]).toEqual([count]);
  });

  it("takes the lane's OCI runtime, else the engine's", () => {
    const runtimeOf = (ociRuntime: string | null) =>
      sandboxSpec("a", laneConfig({ ociRuntime }), { ...defaults, ociRuntime: "crun" }).ociRuntime;
    expect([runtimeOf("runsc"), runtimeOf(null)]).toEqual(["runsc", "crun"]);
  });
});
