import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { egressInterface } from "../../src/container/egress.js";
import { newInstance, startDaemonProcess } from "../support/daemon.js";
import { containersOf, networksOf, processesWith } from "../support/engine-view.js";
import { EngineProxy } from "../support/engine-proxy.js";
import { startMuteDaemon } from "../support/mute-daemon.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

describe("the daemon's life", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "%s: live runs are told, the stock is emptied, the exit code is 0",
    async (signal) => {
      await using daemon = await startDaemonProcess();
      await using peer = await Peer.connect(daemon.url);
      const id = peer.start("python", "import time; print('up'); time.sleep(60)");
      await peer.heard(id, "stdout");
      daemon.kill(signal);
      expect((await peer.ending(id)).exit).toMatchObject({ reason: "shutdown", exitCode: null });
      expect(await daemon.exited()).toEqual({ code: 0, signal: null });
      expect(peer.closeCode).toBe(1001);
      expect(await containersOf(daemon.instance)).toEqual([]);
    },
  );

  it("takes no new runs while it stops, and lets a short one finish", async () => {
    await using daemon = await startDaemonProcess(["server.shutdownGraceMs=5000"]);
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("python", "import time; print('up'); time.sleep(1); print('done')");
    await peer.heard(id, "stdout");
    daemon.kill("SIGTERM");
    await waitFor(() => daemon.output().includes("stopping"), {
      timeoutMs: 5_000,
      what: "the daemon to hear the signal",
    });
    const late = await peer.run("python", "print(1)");
    expect(late.error).toMatchObject({ code: "shutting_down", retryable: true });
    const { stdout, exit } = await peer.ending(id);
    expect(stdout).toBe("up\ndone\n");
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
    expect((await daemon.exited()).code).toBe(0);
  });

  it("SIGKILL: no container is left after 10 s, though nobody was there to remove them", async () => {
    await using daemon = await startDaemonProcess();
    await using peer = await Peer.connect(daemon.url);
    const mark = `86400.${Math.floor(Math.random() * 1e9)}`;
    const id = peer.start("shell", `trap '' TERM; setsid sleep ${mark} & sleep ${mark}`);
    await peer.heard(id, "started");
    await waitFor(async () => (await processesWith(mark)).length > 0, {
      timeoutMs: 5_000,
      what: "the program to start",
    });
    expect((await containersOf(daemon.instance)).length).toBeGreaterThan(1);
    daemon.kill("SIGKILL");
    await daemon.exited();
    await waitFor(async () => (await containersOf(daemon.instance)).length === 0, {
      timeoutMs: 10_000,
      what: "the containers to be gone",
    });
    expect(await processesWith(mark)).toEqual([]);
  });

  it("a port in use: the second daemon says so, exits 1, and leaves the first one's containers alone", async () => {
    const instance = newInstance();
    await using first = await startDaemonProcess([], instance);
    const before = await containersOf(instance);
    const address = first.url.replace("http://", "");
    await expect(startDaemonProcess([`server.listen=${address}`], instance)).rejects.toThrow(
      new RegExp(`the daemon ended with 1: matchbox: server.listen: ${address} is in use`),
    );
    const after = await containersOf(instance);
    expect(after.map(({ Id }) => Id).sort()).toEqual(before.map(({ Id }) => Id).sort());
  });

  it("a port in use by somebody else: says so and exits 1", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" ? address?.port : undefined;
    await expect(startDaemonProcess([`server.listen=127.0.0.1:${port}`])).rejects.toThrow(/is in use/);
    other.close();
  });

  it("two daemons on one engine: each has its own containers, and one that comes back clears away only its own", async () => {
    const [one, two] = [newInstance(), newInstance()];
    await using first = await startDaemonProcess([], one);
    await using second = await startDaemonProcess([], two);
    const othersBefore = (await containersOf(two)).map(({ Id }) => Id).sort();
    first.kill("SIGKILL");
    await first.exited();
    await using again = await startDaemonProcess([], one);
    expect((await containersOf(two)).map(({ Id }) => Id).sort()).toEqual(othersBefore);
    for (const { url } of [again, second]) {
      await using peer = await Peer.connect(url);
      expect((await peer.run("python", "print('both live')")).stdout).toBe("both live\n");
    }
  });

  it("a lane with a network gets it, and takes network and rules away when the daemon stops", async () => {
    await using daemon = await startDaemonProcess(["lanes.shell.network=egress"]);
    await using peer = await Peer.connect(daemon.url);
    const { stdout } = await peer.run(
      "shell",
      "ls /sys/class/net | grep -c eth0; curl -s -m 2 http://169.254.169.254/ || echo blocked",
    );
    expect(stdout).toBe("1\nblocked\n");
    expect(await networksOf(daemon.instance)).toHaveLength(1);
    daemon.kill("SIGTERM");
    expect((await daemon.exited()).code).toBe(0);
    expect(await networksOf(daemon.instance)).toEqual([]);
  });

  it("a configuration with a mistake: file, line, path, value, what is allowed; exit code 1", async () => {
    await expect(startDaemonProcess(["lanes.python.timeoutMs=30s"])).rejects.toThrow(
      /the daemon ended with 1: matchbox: --set lanes\.python\.timeoutMs=30s: lanes\.python\.timeoutMs is "30s", but must be a whole number of milliseconds from 1 to 86400000/,
    );
    await expect(startDaemonProcess(["server.listen=0.0.0.0:0"])).rejects.toThrow(
      /can be reached by others, and no token is configured/,
    );
  });

  it("SIGTERM beside an engine that has stopped: ends within shutdownGraceMs and shutdownCleanupMs, with 1", async () => {
    await using proxy = new EngineProxy();
    await proxy.open();
    await using daemon = await startDaemonProcess([
      `engine.socket=unix://${proxy.path}`,
      "server.shutdownCleanupMs=2000",
      "engine.callDeadlineMs=600000",
    ]);
    proxy.hang();
    daemon.kill("SIGTERM");
    expect(await daemon.exited()).toEqual({ code: 1, signal: null });
    expect(daemon.output()).toContain("did not stop in order");
    await proxy.die();
    await waitFor(async () => (await containersOf(daemon.instance)).length === 0, {
      timeoutMs: 10_000,
      what: "what was left to remove itself",
    });
  });

  it("SIGTERM while it starts beside an engine that says nothing: ends as well", async () => {
    await using proxy = new EngineProxy();
    await proxy.open();
    proxy.hang();
    await using daemon = await startMuteDaemon(
      [`engine.socket=unix://${proxy.path}`, "server.shutdownCleanupMs=1000", "engine.callDeadlineMs=600000"],
      { stdio: "ignore", lanesAreReady: false },
    );
    expect(await daemon.stop()).toEqual({ code: 1, signal: null });
  });

  it("SIGTERM with a client that reads nothing of a program that floods: ends in order", async () => {
    await using daemon = await startDaemonProcess();
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("python", "import time\nprint('x' * 15_000_000)\ntime.sleep(60)");
    await peer.heard(id, "started");
    peer.socket.pause();
    daemon.kill("SIGTERM");
    expect(await daemon.exited()).toEqual({ code: 0, signal: null });
    expect(await containersOf(daemon.instance)).toEqual([]);
  });

  it("SIGKILL with a network: it stays with its rules, holding nothing, until the same instance stops in order", async () => {
    const instance = newInstance();
    const rules = async () => (await promisify(execFile)("iptables-save", ["-t", "filter"])).stdout;
    const chains = `MBX-F-${egressInterface(instance).slice(3)}`;
    {
      await using daemon = await startMuteDaemon(["lanes.shell.network=egress", `engine.instance=${instance}`], {
        stdio: "ignore",
      });
      daemon.child.kill("SIGKILL");
    }
    await waitFor(async () => (await containersOf(instance)).length === 0, {
      timeoutMs: 10_000,
      what: "the containers to be gone",
    });
    expect(await networksOf(instance)).toHaveLength(1);
    expect(await rules()).toContain(chains);
    // As SECURITY.md has it.
    await using again = await startMuteDaemon(["lanes.shell.network=egress", `engine.instance=${instance}`], {
      stdio: "ignore",
    });
    expect((await again.stop()).code).toBe(0);
    expect(await networksOf(instance)).toEqual([]);
    expect(await rules()).not.toContain(chains);
  });
});
