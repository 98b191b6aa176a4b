import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DaemonProcess, startDaemon, startDaemonProcess, type TestDaemon } from "../support/daemon.js";
import { containerOf, containersOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { callEngine } from "../support/probes/engine.js";
import { waitFor } from "../support/wait.js";

/** Short enough that what a test holds up lasts longer than a time-out and this together. */
const KILL_GRACE_MS = 300;
const TIMEOUT_MS = 1_000;
const HELD_UP_MS = 2_500;

const SETTINGS = ["python", "shell"].map((lane) => `lanes.${lane}.killGraceMs=${KILL_GRACE_MS}`);

describe("a daemon that stood still", () => {
  let daemon: DaemonProcess;
  beforeAll(async () => {
    daemon = await startDaemonProcess(SETTINGS);
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  /** Nothing of the daemon runs for so long, as under a debugger, on a suspended machine, or on one that swaps. */
  async function standStill(ms: number): Promise<void> {
    daemon.kill("SIGSTOP");
    await sleep(ms);
    daemon.kill("SIGCONT");
  }

  it("tells how a program ended meanwhile, and all that it wrote", async () => {
    await using peer = await Peer.connect(daemon.url);
    const code =
      "import time\nprint('up', flush=True)\ntime.sleep(0.3)\nprint('done')\nopen('left.txt', 'w').write('kept')";
    const id = peer.start("python", code, { timeoutMs: TIMEOUT_MS, collect: ["*.txt"] });
    await peer.heard(id, "stdout");
    await standStill(HELD_UP_MS);
    const { stdout, exit, messages } = await peer.ending(id);
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
    expect(exit?.usage.cpuMs).not.toBeNull();
    expect(stdout).toBe("up\ndone\n");
    expect(messages).toContainEqual(expect.objectContaining({ type: "file", path: "left.txt", content: "kept" }));
  });

  it("tells of a program that ran out of time meanwhile", async () => {
    await using peer = await Peer.connect(daemon.url);
    const code = "import time\nprint('up', flush=True)\ntime.sleep(0.3)\nprint('last', flush=True)\ntime.sleep(60)";
    const id = peer.start("python", code, { timeoutMs: TIMEOUT_MS });
    await peer.heard(id, "stdout");
    await standStill(HELD_UP_MS);
    const { stdout, exit } = await peer.ending(id);
    expect(exit).toMatchObject({ reason: "timed_out", signal: "SIGKILL" });
    expect(exit?.usage.cpuMs).not.toBeNull();
    expect(stdout).toBe("up\nlast\n");
  });

  // What they write has room in their pipes: a program that had to wait for the daemon would be out of time, and truly so.
  it("tells what came of many programs at once, whatever they wrote", async () => {
    await using peer = await Peer.connect(daemon.url);
    const code =
      "import sys, time\nprint('up', flush=True)\ntime.sleep(0.5)\nsys.stdout.write('y' * 20_000)\nsys.exit(7)";
    const ids = Array.from({ length: 4 }, () => peer.start("python", code, { timeoutMs: 5 * TIMEOUT_MS }));
    await peer.until(() => ids.filter((id) => peer.outcome(id).stdout !== "").length >= 2, "two of them to have begun");
    await standStill(5 * TIMEOUT_MS + HELD_UP_MS);
    for (const id of ids) {
      const { stdout, exit } = await peer.ending(id);
      expect(exit).toMatchObject({ reason: "exited", exitCode: 7 });
      expect(stdout).toBe(`up\n${"y".repeat(20_000)}`);
    }
  });

  it("keeps the ending of a program that was over before its cancel arrived", async () => {
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("python", "print('up', flush=True)\nimport time\ntime.sleep(0.3)\nprint('over')");
    await peer.heard(id, "stdout");
    daemon.kill("SIGSTOP");
    await sleep(600);
    peer.send({ type: "cancel", id });
    await sleep(HELD_UP_MS);
    daemon.kill("SIGCONT");
    expect(await peer.ending(id)).toMatchObject({ stdout: "up\nover\n", exit: { reason: "exited", exitCode: 0 } });
  });
});

describe("a daemon that stood still while others were about to answer", () => {
  it("takes neither its clients for gone nor its engine for down", async () => {
    await using daemon = await startDaemonProcess([
      ...SETTINGS,
      "server.pingIntervalMs=1000",
      "engine.callDeadlineMs=4000",
      "engine.readyDeadlineMs=4000",
    ]);
    await using peer = await Peer.connect(daemon.url);
    for (let round = 0; round < 3; round += 1) {
      // Its replacement is in the making when the daemon stops.
      const id = peer.start("python", "import time\nprint('up', flush=True)\ntime.sleep(6)\nprint('done')");
      await peer.heard(id, "stdout");
      // Into each of several moments between two pings.
      await sleep(100 + 300 * round);
      daemon.kill("SIGSTOP");
      await sleep(4_500);
      daemon.kill("SIGCONT");
      expect(await peer.ending(id)).toMatchObject({ stdout: "up\ndone\n", exit: { reason: "exited", exitCode: 0 } });
    }
    expect(peer.closeCode).toBeUndefined();
    const said = daemon
      .output()
      .split("\n")
      .filter((line) => /"level":(40|50|60)/.test(line));
    expect(said).toEqual([]);
  });
});

describe("a client that does not read", () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon([...SETTINGS, "server.slowClientMs=20000"]);
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  /** A program that says something once the client does not read any more. */
  function soon(code: string): string {
    return `import time\ntime.sleep(1)\n${code}`;
  }

  /** Has another run of this client flood until nothing more of it is read, nor anything more that the client sends. */
  async function flood(peer: Peer): Promise<string> {
    const flooding = peer.start("shell", "exec yes");
    await peer.heard(flooding, "stdout");
    peer.socket.pause();
    return flooding;
  }

  it("hears later how its other runs ended, with their files", async () => {
    await using peer = await Peer.connect(daemon.url);
    const options = { timeoutMs: 3 * TIMEOUT_MS, collect: ["out.bin"] };
    const id = peer.start("python", soon("print('quick')\nopen('out.bin', 'wb').write(bytes(100_000))"), options);
    const slow = peer.start("python", soon("print('slow', flush=True)\ntime.sleep(60)"), { timeoutMs: 3 * TIMEOUT_MS });
    for (const begun of [id, slow]) await peer.heard(begun, "started");
    const flooding = await flood(peer);
    await sleep(3 * TIMEOUT_MS + HELD_UP_MS);
    peer.send({ type: "cancel", id: flooding });
    peer.socket.resume();
    const { stdout, exit, messages } = await peer.ending(id);
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
    expect(stdout).toBe("quick\n");
    expect(messages).toContainEqual(expect.objectContaining({ type: "file", path: "out.bin", size: 100_000 }));
    expect(await peer.ending(slow)).toMatchObject({
      stdout: "slow\n",
      exit: { reason: "timed_out", signal: "SIGKILL" },
    });
    expect((await peer.ending(flooding)).exit).toMatchObject({ reason: "cancelled", signal: "SIGKILL" });
  });

  it("hears that a program had ended by itself though it cancelled it meanwhile", async () => {
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("python", soon("print('quick')"));
    await peer.heard(id, "started");
    const flooding = await flood(peer);
    await sleep(2_000);
    peer.send({ type: "cancel", id });
    await sleep(HELD_UP_MS);
    peer.send({ type: "cancel", id: flooding });
    peer.socket.resume();
    expect(await peer.ending(id)).toMatchObject({ stdout: "quick\n", exit: { reason: "exited", exitCode: 0 } });
  });

  it("gives its sandboxes back when it goes without having read", async () => {
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("python", soon("print('y' * 300_000)"));
    await peer.heard(id, "started");
    await flood(peer);
    await sleep(2_000);
    peer.socket.terminate();
    const busy = (): number => [...daemon.daemon.lanes].reduce((sum, { counts }) => sum + counts.leased, 0);
    await waitFor(() => busy() === 0, { timeoutMs: 10_000, what: "both sandboxes to be given back" });
  });
});

describe("a sandbox that does not answer", () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon([...SETTINGS, "lanes.shell.warm=1"]);
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  it("is lost where the program was never taken, and not out of time", async () => {
    await using peer = await Peer.connect(daemon.url);
    const only = (await containersOf(daemon.instance)).find(({ Labels }) => Labels["matchbox.lane"] === "shell");
    await callEngine("POST", `/containers/${only!.Id}/pause`);
    const { stdout, exit } = await peer.run("shell", "echo ran", { timeoutMs: TIMEOUT_MS });
    expect(stdout).toBe("");
    expect(exit).toMatchObject({ reason: "lost", exitCode: null, signal: null, usage: { cpuMs: null } });
  });

  it.each([
    ["said something", "echo up; exec sleep 60"],
    ["is silent", "exec sleep 60"],
  ])("is out of time where the program had begun and %s", async (_what, code) => {
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("shell", code, { timeoutMs: 3 * TIMEOUT_MS });
    const { sandbox } = await peer.heard(id, "started");
    await sleep(400);
    await callEngine("POST", `/containers/${(await containerOf(sandbox))!.Id}/pause`);
    expect((await peer.ending(id)).exit).toMatchObject({ reason: "timed_out", exitCode: null, signal: null });
  });
});
