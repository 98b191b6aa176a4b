import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.js";
import { configSchema } from "../../src/config/schema.js";
import { DockerRuntime } from "../../src/container/docker-runtime.js";
import { engineAddress } from "../../src/container/engine-address.js";
import { sandboxSpec } from "../../src/pool/spec.js";
import { readSeccompProfile } from "../../src/container/seccomp-profile.js";
import { startDaemon } from "../support/daemon.js";
import { EngineProxy } from "../support/engine-proxy.js";
import { Peer } from "../support/peer.js";
import { testImage } from "../support/probes/engine.js";
import { waitFor } from "../support/wait.js";

const LANE = ["lanes.python.warm=1", "lanes.python.maxSandboxes=3", "engine.callDeadlineMs=60000"];

describe("an engine that does not say that a sandbox is gone", () => {
  it.each(["done, told as failed", "done, not answered"] as const)(
    "costs the lane no place where it is (removals %s)",
    async (removals) => {
      await using proxy = new EngineProxy();
      await proxy.open();
      await using daemon = await startDaemon([`engine.socket=unix://${proxy.path}`, ...LANE]);
      await using peer = await Peer.connect(daemon.url);
      proxy.removals = removals;
      for (let run = 0; run < 7; run += 1) {
        expect((await peer.run("python", `print(${run})`, { queueMs: 60_000 })).stdout).toBe(`${run}\n`);
      }
      proxy.removals = "answered";
    },
    90_000,
  );
});

describe("a sweep", () => {
  it("never counts what is ours, however late the engine's list comes", async () => {
    await using proxy = new EngineProxy();
    await proxy.open();
    const config = configSchema.parse({ lanes: { shell: { language: "shell" } } });
    const spec = sandboxSpec("shell", config.lanes["shell"]!, {
      image: testImage(),
      ociRuntime: null,
      seccompProfile: await readSeccompProfile(null, "seccomp"),
    });
    await using runtime = new DockerRuntime({
      ...config.engine,
      address: engineAddress(`unix://${proxy.path}`),
      instance: `late-list-${process.pid}`,
      egress: config.egress,
      clock: systemClock,
      log: pino({ level: "silent" }),
    });
    const { signal } = new AbortController();
    proxy.listDelayMs = 2_000;
    const before = await runtime.launch(spec, { signal });
    const reaped = runtime.reap({ signal });
    // One goes and one comes and goes while the list is on its way.
    await before.remove();
    const meanwhile = await runtime.launch(spec, { signal });
    await meanwhile.remove();
    expect(await reaped).toBe(0);
    await waitFor(async () => (await runtime.count({ signal })) === 0, { timeoutMs: 10_000, what: "none to be left" });
  }, 60_000);
});
