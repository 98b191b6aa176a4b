import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineAddress } from "../../src/container/engine-address.js";
import { ImageApi } from "../../src/setup/docker-api.js";
import { buildImage, imageTag } from "../../src/setup/sandbox-image.js";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer } from "../support/peer.js";
import { probeText } from "../support/probes.js";

/**
 * The image takes minutes to build, so these tests run where it is there already, or where they may build it:
 * `npm run test:data`.
 */
const mayBuild = process.env["MATCHBOX_TEST_DATA"] === "1";
const BUILD_DEADLINE_MS = 20 * 60_000;
const engine = engineAddress(process.env["DOCKER_HOST"] ?? null);
const isThere = await new ImageApi(engine).has(imageTag("data")).catch(() => false);

describe.skipIf(!isThere && !mayBuild)("the data image", () => {
  let daemon: TestDaemon;
  let peer: Peer;
  beforeAll(async () => {
    await buildImage({ engine, target: "data" });
    const preload = "[numpy, pandas, matplotlib.pyplot, matplotlib.backends.backend_agg]";
    daemon = await startDaemon([
      "lanes.python.warm=0",
      "lanes.shell.warm=0",
      "lanes.shell.target=data",
      `lanes.data={language: python, target: data, preload: ${preload}, warm: 1, maxSandboxes: 12, memoryMiB: 1024}`,
      "lanes.bare={language: python, target: data, warm: 0}",
    ]);
    peer = await Peer.connect(daemon.url);
  }, BUILD_DEADLINE_MS);
  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  const plot = [
    "import pandas, matplotlib.pyplot as plt",
    "frame = pandas.DataFrame({'x': range(10), 'y': [n * n for n in range(10)]})",
    "frame.plot(x='x', y='y', title='squares ²')",
    "plt.savefig('squares.png')",
    "print(frame.y.sum(), plt.get_backend().lower())",
  ].join("\n");

  it.each(["data", "bare"])("plots a picture that comes back, without a word of complaint: lane %s", async (lane) => {
    const { stdout, stderr, messages } = await peer.run(lane, plot, { collect: ["*.png"] });
    expect([stdout, stderr]).toEqual(["285 agg\n", ""]);
    const file = messages.find((message) => message.type === "file");
    expect(file).toMatchObject({ path: "squares.png", encoding: "base64" });
    const picture = Buffer.from(file?.content ?? "", "base64");
    expect(picture.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([640, 480]);
  });

  it("has Matplotlib's list of fonts ready, and writes none", async () => {
    const { stdout } = await peer.run(
      "shell",
      "python3 -c 'import matplotlib.font_manager as f; print(len(f.fontManager.ttflist) > 30)'; find ~ /tmp -name 'fontlist*'",
    );
    expect(stdout).toBe("True\n");
  });

  it("has one thread with everything imported, and may fork", async () => {
    const code = [
      "import os, sys, multiprocessing",
      "print(len(os.listdir('/proc/self/task')), {'numpy', 'pandas', 'matplotlib.pyplot'} <= sys.modules.keys())",
      "import numpy",
      "print((numpy.ones((500, 500)) @ numpy.ones((500, 500)))[0, 0], len(os.listdir('/proc/self/task')))",
      "def work(n): return float(numpy.linalg.inv(numpy.eye(n) * 2).trace())",
      "with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(work, [2, 4]))",
    ].join("\n");
    expect(await peer.run("data", code)).toMatchObject({ stdout: "1 True\n500.0 1\n[1.0, 2.0]\n", stderr: "" });
  });

  it("draws other numbers in every sandbox", async () => {
    const code = "import numpy, random, uuid\nprint(numpy.random.rand(), random.random(), uuid.uuid4(), hash('x'))";
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => peer.run("data", code)));
    const rows = outcomes.map(({ stdout }) => stdout.trimEnd().split(" "));
    for (let column = 0; column < 4; column += 1) expect(new Set(rows.map((row) => row[column])).size).toBe(6);
  });

  it("lets a program's own module win, though numpy cannot be imported twice in a process", async () => {
    const files = [{ path: "calendar.py", content: "from datetime import *\nword = 'own'\nday_name = []\n" }];
    const code = "import calendar, numpy, sys; print(calendar.word, numpy.arange(3).sum())";
    const [preloaded, bare] = await Promise.all(["data", "bare"].map((lane) => peer.run(lane, code, { files })));
    expect(preloaded).toMatchObject({ stdout: "own 3\n", stderr: "" });
    expect(bare).toMatchObject({ stdout: "own 3\n", stderr: "" });
  });

  it.each([
    ["a variable", { MPLBACKEND: "svg" }, [], "svg"],
    ["a file of settings", {}, [{ path: "matplotlibrc", content: "backend: pdf\n" }], "pdf"],
  ])("takes settings that Matplotlib reads when it is imported: %s", async (_what, env, files, backend) => {
    const code =
      "import os; os.environ.pop('MPLBACKEND') if os.path.exists('matplotlibrc') else 0\nimport matplotlib; print(matplotlib.get_backend())";
    expect((await peer.run("data", code, { env, files })).stdout).toBe(`${backend}\n`);
  });

  it("has no setuid or setgid file and no file capability", async () => {
    expect((await peer.run("data", await probeText("privileged-files.py"))).stdout).toBe("looked\n");
  });
});
