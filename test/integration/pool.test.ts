import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, startDaemonProcess, type TestDaemon } from "../support/daemon.js";
import { lanesReport } from "../../src/protocol/lanes.js";
import { containerOf, containersOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { callEngine } from "../support/probes/engine.js";
import { waitFor } from "../support/wait.js";

describe("the stock", () => {
  let daemon: TestDaemon;
  let peer: Peer;
  beforeAll(async () => {
    daemon = await startDaemon();
    peer = await Peer.connect(daemon.url);
  });
  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  const stockOf = (name: string): { warm: number; creating: number; leased: number; evicting: number } =>
    daemon.daemon.report().lanes.find((lane) => lane.name === name)!.stock;
  const full = async (): Promise<void> => {
    await waitFor(() => stockOf("python").warm === 2 && stockOf("shell").warm === 1, {
      timeoutMs: 20_000,
      what: "full lanes",
    });
  };

  it("keeps as many ready sandboxes as configured, and runs nothing in them before a request", async () => {
    await full();
    expect(await containersOf(daemon.instance)).toHaveLength(3);
  });

  it("refills at hand-out, not at the run's end", async () => {
    await full();
    const id = peer.start("python", "import time; time.sleep(60)");
    await peer.heard(id, "started");
    await waitFor(() => stockOf("python").warm === 2, {
      timeoutMs: 10_000,
      what: "the replacement to be ready while the run goes on",
    });
    expect(stockOf("python").leased).toBe(1);
    peer.send({ type: "cancel", id });
    await peer.ending(id);
  });

  it("uses every container once: no two runs share one, and nothing that one wrote is there for the next", async () => {
    const code =
      "import os, socket\npath = '/workspace/left', '/tmp/left', os.path.expanduser('~/left'), '/dev/shm/left'\nprint([p for p in path if os.path.exists(p)])\nfor p in path: open(p, 'w').close()";
    const sandboxes = new Set<string>();
    for (let i = 0; i < 12; i += 1) {
      const { stdout, started } = await peer.run("python", code);
      expect(stdout).toBe("[]\n");
      sandboxes.add(started!.sandbox);
    }
    expect(sandboxes.size).toBe(12);
  });

  it("an empty stock means a cold sandbox, which says so", async () => {
    await full();
    const ids = Array.from({ length: 5 }, () => peer.start("python", "import time; time.sleep(0.3); print('ok')"));
    const outcomes = await Promise.all(ids.map((id) => peer.ending(id)));
    expect(outcomes.map(({ stdout }) => stdout)).toEqual(Array(5).fill("ok\n"));
    expect(outcomes.filter(({ started }) => started?.launch === "warm")).toHaveLength(2);
    const cold = outcomes.filter(({ started }) => started?.launch === "cold");
    expect(cold).toHaveLength(3);
    for (const { messages, started } of cold) {
      expect(messages[0]).toMatchObject({ type: "queued", position: expect.any(Number) as number });
      expect(started?.queueMs).toBeGreaterThan(1);
    }
  });

  it("a run that may not wait is refused when the stock is empty", async () => {
    await full();
    const busy = [0, 1].map(() => peer.start("python", "import time; time.sleep(60)"));
    await Promise.all(busy.map((id) => peer.heard(id, "started")));
    const { error } = await peer.run("python", "print(1)", { queueMs: 0 });
    expect(error).toMatchObject({ code: "queue_timeout", retryable: true });
    for (const id of busy) peer.send({ type: "cancel", id });
    await Promise.all(busy.map((id) => peer.destroyed(id)));
  });

  it("a run that waits in vain is told so, and the daemon holds to its bounds", async () => {
    await using small = await startDaemon([
      "lanes.python.warm=1",
      "lanes.python.maxSandboxes=1",
      "lanes.python.maxQueued=1",
    ]);
    await using client = await Peer.connect(small.url);
    const busy = client.start("python", "import time; time.sleep(60)");
    await client.heard(busy, "started");
    const waiting = client.start("python", "print(1)", { queueMs: 600 });
    await client.heard(waiting, "queued");
    const refused = await client.run("python", "print(1)");
    expect(refused.error).toMatchObject({
      code: "queue_full",
      retryable: true,
      retryAfterMs: expect.any(Number) as number,
    });
    expect((await client.ending(waiting)).error).toMatchObject({ code: "queue_timeout" });
    expect((await containersOf(small.instance)).filter((c) => c.Labels["matchbox.lane"] === "python")).toHaveLength(1);
    client.send({ type: "cancel", id: busy });
    await client.destroyed(busy);
    expect((await client.run("python", "print('again')")).stdout).toBe("again\n");
  });

  it("a cancelled wait ends as cancelled, and takes no sandbox", async () => {
    await using small = await startDaemon(["lanes.python.warm=1", "lanes.python.maxSandboxes=1"]);
    await using client = await Peer.connect(small.url);
    const busy = client.start("python", "import time; time.sleep(60)");
    await client.heard(busy, "started");
    const waiting = client.start("python", "print(1)");
    await client.heard(waiting, "queued");
    client.send({ type: "cancel", id: waiting });
    const { exit, started } = await client.ending(waiting);
    expect(started).toBeUndefined();
    expect(exit).toMatchObject({ reason: "cancelled", exitCode: null });
    client.send({ type: "cancel", id: busy });
    await client.ending(busy);
  });

  it("a sandbox that dies while it waits is replaced and never handed out", async () => {
    await full();
    for (const { Id } of (await containersOf(daemon.instance)).filter((c) => c.Labels["matchbox.lane"] === "python")) {
      await callEngine("DELETE", `/containers/${Id}?force=1`);
    }
    const { stdout, exit } = await peer.run("python", "print('alive')");
    expect(stdout).toBe("alive\n");
    expect(exit).toMatchObject({ reason: "exited" });
    await full();
  });

  it("many runs at once on one connection all end, each with its own output", async () => {
    const ids = Array.from({ length: 15 }, (_, i) =>
      peer.start(i % 3 === 0 ? "shell" : "python", i % 3 === 0 ? `echo ${i}` : `print(${i})`),
    );
    const outcomes = await Promise.all(ids.map((id) => peer.ending(id)));
    expect(outcomes.map(({ stdout }) => stdout)).toEqual(ids.map((_, i) => `${i}\n`));
    await Promise.all(ids.map((id) => peer.destroyed(id)));
    for (const { started } of outcomes) expect(await containerOf(started!.sandbox)).toBeUndefined();
    await full();
    expect(await containersOf(daemon.instance)).toHaveLength(3);
  });

  it("metrics tell hand-outs by launch, the stock, outcomes and refill steps", async () => {
    const text = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(text).toMatch(/^matchbox_handout_seconds_bucket\{le="0\.0001",lane="python",launch="warm"\} \d+$/m);
    expect(text).toMatch(/^matchbox_handout_seconds_count\{lane="python",launch="cold"\} [1-9]/m);
    expect(text).toMatch(/^matchbox_sandboxes\{lane="python",state="warm"\} 2$/m);
    expect(text).toMatch(/^matchbox_runs_total\{lane="python",outcome="exited"\} [1-9]/m);
    for (const step of ["create", "attach", "start", "ready", "remove"]) {
      expect(text).toMatch(
        new RegExp(`^matchbox_refill_step_seconds_count\\{lane="python",step="${step}"\\} [1-9]`, "m"),
      );
    }
    for (const call of ["image", "create", "attach", "start"]) {
      expect(text).toMatch(
        new RegExp(`^matchbox_engine_call_seconds_count\\{call="${call}",outcome="ok"\\} [1-9]`, "m"),
      );
    }
    expect(text).toMatch(/^matchbox_unowned_containers 0$/m);
  });

  it("a run that finds nothing ready has its reason in the report, in metrics and in the log", async () => {
    await using small = await startDaemonProcess(["lanes.python.warm=1", "lanes.python.maxSandboxes=1"]);
    await using client = await Peer.connect(small.url);
    const busy = client.start("python", "import time; time.sleep(60)");
    await client.heard(busy, "started");
    const refused = await client.ending(client.start("python", "print(1)", { queueMs: 0 }));
    expect(refused.error).toMatchObject({ code: "queue_timeout" });
    client.send({ type: "cancel", id: busy });
    await client.destroyed(busy);
    const report = lanesReport.parse(await (await fetch(`${small.url}/v1/lanes`)).json());
    const lane = report.lanes.find(({ name }) => name === "python");
    // The first may have come before the stock was full again after the daemon's own first run.
    const { cold = -1, refused: refusals = -1, misses } = lane?.runs ?? {};
    expect(misses).toMatchObject({ saturated: 1 });
    expect(Object.values(misses ?? {}).reduce((sum, count) => sum + count, 0)).toBe(cold + refusals);
    const text = await (await fetch(`${small.url}/metrics`)).text();
    expect(text).toMatch(/^matchbox_misses_total\{lane="python",reason="saturated"\} 1$/m);
    expect(text).toMatch(/^matchbox_misses_total\{lane="python",reason="held"\} 0$/m);
    expect(small.output()).toMatch(/"outcome":"queue_timeout","miss":"saturated"/);
  });
});
