import { describe, expect, it } from "vitest";
import { startDaemon } from "../support/daemon.js";
import { containersOf } from "../support/engine-view.js";
import { EngineProxy } from "../support/engine-proxy.js";
import { Peer } from "../support/peer.js";
import { askEngine, callEngine, testImage } from "../support/probes/engine.js";
import { waitFor } from "../support/wait.js";

/** Short, so that a hung engine shows soon; long enough for a busy machine to make a container in the meantime. */
const CALL_DEADLINE_MS = 3_000;

async function readiness(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, text: await response.text() };
}

describe("an engine that fails", () => {
  it("is not there at the start: the lanes say so, and recover by themselves when it comes", async () => {
    await using proxy = new EngineProxy();
    await using daemon = await startDaemon([`engine.socket=unix://${proxy.path}`]);
    await using peer = await Peer.connect(daemon.url);
    const { error } = await peer.run("python", "print(1)");
    expect(error).toMatchObject({ code: "engine_down", retryable: true });
    expect(error?.message).toContain(`unix://${proxy.path}`);
    expect(await readiness(daemon.url)).toMatchObject({
      status: 503,
      text: expect.stringContaining("degraded") as string,
    });
    expect((await fetch(`${daemon.url}/healthz`)).status).toBe(200);

    await proxy.open();
    await waitFor(async () => (await readiness(daemon.url)).status === 200, {
      timeoutMs: 20_000,
      what: "the lanes to recover",
    });
    expect((await peer.run("python", "print(1)")).stdout).toBe("1\n");
  });

  it("dies under a run: the ending is `lost`, and the stock is made anew when it is back", async () => {
    await using proxy = new EngineProxy();
    await proxy.open();
    await using daemon = await startDaemon([`engine.socket=unix://${proxy.path}`]);
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("python", "import time; print('up'); time.sleep(60)");
    await peer.heard(id, "stdout");
    await proxy.die();
    expect((await peer.ending(id)).exit).toMatchObject({ reason: "lost", exitCode: null });
    await waitFor(async () => (await readiness(daemon.url)).status === 503, {
      timeoutMs: 10_000,
      what: "the lanes to notice",
    });
    expect((await peer.run("python", "print(1)")).error).toMatchObject({ code: "engine_down" });

    await proxy.open();
    await waitFor(async () => (await readiness(daemon.url)).status === 200, {
      timeoutMs: 20_000,
      what: "the lanes to recover",
    });
    expect((await peer.run("python", "print(2)")).stdout).toBe("2\n");
  });

  it.each([
    // What is warm does not need the engine to run a program.
    { directPipes: true, ending: { reason: "exited", exitCode: 0 } },
    // What is warm does not hear of the program any more. By the run's own time-out that is known.
    { directPipes: false, ending: { reason: "lost", exitCode: null } },
  ])("hangs (past it: $directPipes): calls end at their deadline, and it stops in bounded time", async (about) => {
    await using proxy = new EngineProxy();
    await proxy.open();
    const daemon = await startDaemon([
      `engine.socket=unix://${proxy.path}`,
      `engine.callDeadlineMs=${CALL_DEADLINE_MS}`,
      `engine.directPipes=${about.directPipes}`,
    ]);
    await using peer = await Peer.connect(daemon.url);
    proxy.hang();
    const { exit } = await peer.run("python", "print(1)", { timeoutMs: 300 });
    expect(exit).toMatchObject(about.ending);
    await waitFor(async () => (await readiness(daemon.url)).status === 503, {
      timeoutMs: 10_000,
      what: "the lanes to notice",
    });
    const began = performance.now();
    await daemon.daemon[Symbol.asyncDispose]();
    expect(performance.now() - began).toBeLessThan(10_000);
    // The dead man's switch: with its connections gone, every container ends by itself.
    await proxy.die();
    await waitFor(async () => (await containersOf(daemon.instance)).length === 0, {
      timeoutMs: 10_000,
      what: "the containers to end by themselves",
    });
  });

  it("loses the image: the lane says so, and recovers when it is there again", async () => {
    const [repository, tag] = ["matchbox-test", daemonTag()];
    const image = `${repository}:${tag}`;
    await callEngine("POST", `/images/${encodeURIComponent(testImage())}/tag?repo=${repository}&tag=${tag}`);
    await using daemon = await startDaemon([`lanes.python.image=${image}`, "lanes.python.warm=1"]);
    await using peer = await Peer.connect(daemon.url);
    await callEngine("DELETE", `/images/${image}?noprune=1`);
    expect((await peer.run("python", "print(1)")).stdout).toBe("1\n");
    await waitFor(async () => (await readiness(daemon.url)).status === 503, {
      timeoutMs: 10_000,
      what: "the lane to notice",
    });
    const { error } = await peer.run("python", "print(1)");
    expect(error).toMatchObject({
      code: "lane_degraded",
      message: `The image ${image} is not there. Pull it with: docker pull ${image}`,
    });
    // The other lane does not mind.
    expect((await peer.run("shell", "echo fine")).stdout).toBe("fine\n");

    await callEngine("POST", `/images/${encodeURIComponent(testImage())}/tag?repo=${repository}&tag=${tag}`);
    await waitFor(async () => (await readiness(daemon.url)).status === 200, {
      timeoutMs: 10_000,
      what: "the lane to recover",
    });
    expect((await peer.run("python", "print(2)")).stdout).toBe("2\n");
    await callEngine("DELETE", `/images/${image}?noprune=1`);
  });

  it("is left alone by a lane whose runtime does not exist: it stays closed, with the engine's words", async () => {
    await using daemon = await startDaemon(["engine.ociRuntime=no-such-runtime"]);
    await using peer = await Peer.connect(daemon.url);
    const { error } = await peer.run("python", "print(1)");
    expect(error).toMatchObject({ code: "lane_degraded" });
    expect(error?.message).toMatch(/no-such-runtime/);
  });

  it("has a faster runtime that does not work: sandboxes are made under its own default", async () => {
    await using proxy = new EngineProxy({
      fromEngine: ['"runc":', '"crun":'],
      toEngine: ['"Runtime":"crun"', '"Runtime":"none"'],
    });
    await proxy.open();
    await using daemon = await startDaemon([`engine.socket=unix://${proxy.path}`, "engine.ociRuntime=auto"]);
    expect((await readiness(daemon.url)).status).toBe(200);
    const { DefaultRuntime } = (await askEngine("/info")) as { DefaultRuntime: string };
    const stock = await containersOf(daemon.instance);
    expect(stock.length).toBeGreaterThan(0);
    for (const { Id } of stock) {
      const container: unknown = await askEngine(`/containers/${Id}/json`);
      expect(container).toMatchObject({ HostConfig: { Runtime: DefaultRuntime } });
    }
    await using peer = await Peer.connect(daemon.url);
    expect((await peer.run("python", "print(1)")).stdout).toBe("1\n");
  });
});

function daemonTag(): string {
  return Math.random().toString(36).slice(2, 10);
}
