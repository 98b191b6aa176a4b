import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeChange } from "../../src/config/changes.js";
import { messageOf } from "../../src/errors.js";
import { newInstance, startDaemon, startDaemonProcess, testConfig, type TestDaemon } from "../support/daemon.js";
import { containersOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

const laneOf = ({ daemon }: TestDaemon, name: string) => daemon.report().lanes.find((lane) => lane.name === name);

/** Reloads with the settings of the tests and these. @returns what has changed, in words */
async function reload({ daemon, instance }: TestDaemon, overrides: readonly string[]): Promise<string[]> {
  return (await daemon.reload(await testConfig(instance, overrides))).map(describeChange);
}

describe("another configuration for a running daemon", () => {
  it("changes a lane's sizes and limits, and the run that goes on meanwhile ends as it would have", async () => {
    await using daemon = await startDaemon();
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("python", "import time; print('up'); time.sleep(2); print('done')", { timeoutMs: 20_000 });
    await peer.heard(id, "stdout");
    expect(await reload(daemon, ["lanes.python.warm=3", "lanes.python.maxTimeoutMs=40000"])).toEqual([
      "lanes.python.warm: 2 -> 3",
      "lanes.python.maxTimeoutMs: 30000 -> 40000",
    ]);
    // In force the moment it is said to be, and full.
    expect(laneOf(daemon, "python")).toMatchObject({ state: "ready", stock: { warm: 3, warmTarget: 3 } });
    expect((await peer.run("python", "print(1)", { timeoutMs: 35_000 })).started).toMatchObject({ launch: "warm" });

    const { stdout, exit } = await peer.ending(id);
    expect([stdout, exit?.reason]).toEqual(["up\ndone\n", "exited"]);
    await peer.destroyed(id);
    await waitFor(async () => (await containersOf(daemon.instance)).length === 4, {
      timeoutMs: 10_000,
      what: "nothing but the new stock and the other lane's to be left",
    });
  });

  it("serves those who wait in the old lane", async () => {
    await using daemon = await startDaemon(["lanes.python.warm=1", "lanes.python.maxSandboxes=1"]);
    await using peer = await Peer.connect(daemon.url);
    const first = peer.start("python", "import time; print('up'); time.sleep(1.5)");
    await peer.heard(first, "stdout");
    const second = peer.start("python", "print('served')");
    await peer.heard(second, "queued");
    await reload(daemon, ["lanes.python.warm=1", "lanes.python.maxSandboxes=2"]);
    // Its successor has a sandbox ready, and the one that was there first goes on waiting in its place.
    expect((await peer.run("python", "print('new')")).stdout).toBe("new\n");
    expect((await peer.ending(second)).stdout).toBe("served\n");
    expect((await peer.ending(first)).exit).toMatchObject({ reason: "exited" });
  });

  it("adds lanes and takes lanes away", async () => {
    await using daemon = await startDaemon();
    await using peer = await Peer.connect(daemon.url);
    const added = "lanes.second={language: python, warm: 1}";
    expect(await reload(daemon, [added])).toEqual(["lanes.second: added"]);
    expect((await peer.run("second", "print(2)")).stdout).toBe("2\n");
    await using later = await Peer.connect(daemon.url);
    expect(later.messages[0]).toMatchObject({
      type: "hello",
      lanes: [{ name: "python" }, { name: "shell" }, { name: "second" }],
    });

    expect(await reload(daemon, [])).toEqual(["lanes.second: removed"]);
    expect((await peer.run("second", "print(2)")).error).toMatchObject({ code: "unknown_lane" });
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(metrics).not.toMatch(/^matchbox_(?:sandboxes|warm_target_sandboxes|waiting_runs)\{lane="second"/m);
    expect(metrics).toMatch(/^matchbox_runs_total\{lane="second",outcome="exited"\} 1$/m);
  });

  it("gives other tokens and limits to whoever connects from then on", async () => {
    await using daemon = await startDaemon();
    await using peer = await Peer.connect(daemon.url);
    const token = "a-token-for-the-test-0123456789";
    expect(await reload(daemon, [`server.tokens=[${token}]`])).toEqual(["server.tokens: changed"]);
    expect((await fetch(`${daemon.url}/v1/lanes`)).status).toBe(401);
    const headers = { Authorization: `Bearer ${token}` };
    expect((await fetch(`${daemon.url}/v1/lanes`, { headers })).status).toBe(200);
    // One that was let in stays in.
    expect((await peer.run("python", "print(1)")).stdout).toBe("1\n");
  });

  it.each<[string, readonly string[], RegExp]>([
    [
      "names what only a start can change",
      ["server.listen=127.0.0.1:1", "engine.callDeadlineMs=9000"],
      /^server\.listen, engine\.callDeadlineMs: takes effect only/,
    ],
    ["has a profile that is none", ["lanes.python.seccomp=/nonexistent/profile.json"], /lanes\.python\.seccomp/],
  ])("is refused, and nothing changes, when it %s", async (_what, overrides, reason) => {
    await using daemon = await startDaemon();
    const before = daemon.daemon.report();
    await expect(reload(daemon, ["lanes.shell.warm=2", ...overrides])).rejects.toThrow(reason);
    expect(daemon.daemon.report().lanes.map(({ name, state, stock }) => ({ name, state, stock }))).toEqual(
      before.lanes.map(({ name, state, stock }) => ({ name, state, stock })),
    );
    await waitFor(async () => (await containersOf(daemon.instance)).length === 3, {
      timeoutMs: 10_000,
      what: "what was made for a try to be gone",
    });
  });

  it("with lanes that cannot be made: they are closed and say why, as at the start, and all else is taken", async () => {
    await using daemon = await startDaemon();
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("python", "import time; print('up'); time.sleep(1); print('done')");
    await peer.heard(id, "stdout");
    const absent = "The image matchbox-test:absent is not there";
    expect(
      await reload(daemon, [
        "lanes.python.image=matchbox-test:absent",
        "lanes.shell.warm=2",
        "lanes.late={language: python, warm: 1, image: matchbox-test:absent}",
        "lanes.third={language: python, warm: 1}",
        "server.tokens=[a-token-for-the-test-0123456789]",
      ]),
    ).toHaveLength(5);
    for (const name of ["python", "late"])
      expect(laneOf(daemon, name)).toMatchObject({ state: "degraded", reason: expect.stringContaining(absent) });
    expect(laneOf(daemon, "shell")).toMatchObject({ state: "ready", stock: { warm: 2 } });
    expect((await peer.run("third", "print(3)")).stdout).toBe("3\n");
    expect((await peer.run("python", "print(1)")).error).toMatchObject({
      code: "lane_degraded",
      message: expect.stringContaining(absent),
    });
    expect((await peer.ending(id)).stdout).toBe("up\ndone\n");
    const headers = { Authorization: "Bearer a-token-for-the-test-0123456789" };
    const metrics = await (await fetch(`${daemon.url}/metrics`, { headers })).text();
    expect(metrics).toContain('matchbox_lane_degraded{lane="python"} 1');
    expect(metrics).toContain('matchbox_lane_degraded{lane="late"} 1');

    // And the way back.
    await reload(daemon, []);
    expect(laneOf(daemon, "python")).toMatchObject({ state: "ready", stock: { warm: 2 } });
    expect((await peer.run("python", "print('back')")).stdout).toBe("back\n");
  });

  it("that is the same changes nothing: not one sandbox is made anew", async () => {
    await using daemon = await startDaemon();
    const ids = async () => (await containersOf(daemon.instance)).map(({ Id: id }) => id).sort();
    const before = await ids();
    expect(await reload(daemon, [])).toEqual([]);
    expect(await ids()).toEqual(before);
  });

  it("does not keep the daemon from stopping while it is being tried", async () => {
    await using daemon = await startDaemon();
    const refusal = reload(daemon, ["lanes.python.warm=8"]).catch(messageOf);
    await daemon.daemon[Symbol.asyncDispose]();
    expect(await refusal).toBe("the daemon is stopping");
    expect(await containersOf(daemon.instance)).toEqual([]);
  });
});

describe("the file of a running daemon", () => {
  const lanes = (warm: number | string) => `lanes:\n  python: {language: python, warm: ${warm}, maxSandboxes: 4}\n`;

  it("is read again when it changes, and at SIGHUP; one with a mistake is refused with its place", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-config-"));
    try {
      const path = join(folder, "my.yaml");
      await writeFile(path, lanes(1));
      await using daemon = await startDaemonProcess([], newInstance(), { configPath: path });
      const says = (text: string) =>
        waitFor(() => daemon.output().includes(text), { timeoutMs: 15_000, what: `the daemon to say ${text}` });

      await writeFile(path, lanes(2));
      await says('"lanes.python.warm: 1 -> 2"');
      // As editors do it: a new file in the place of the old one.
      await writeFile(join(folder, "new"), lanes(3));
      await rename(join(folder, "new"), path);
      await says('"lanes.python.warm: 2 -> 3"');

      await writeFile(path, lanes("many"));
      await says(`${path}:2: lanes.python.warm is \\"many\\", but must be a whole number of sandboxes`);
      await using peer = await Peer.connect(daemon.url);
      expect((await peer.run("python", "print(1)")).started).toMatchObject({ launch: "warm" });

      await writeFile(path, lanes(3));
      await says('"changes":[]');
      daemon.kill("SIGHUP");
      await says('"cause":"SIGHUP","changes":[]');
      daemon.kill("SIGTERM");
      expect((await daemon.exited()).code).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
