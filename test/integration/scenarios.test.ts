import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { containerOf, containersOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";

/** What the system that Matchbox grew out of could do, by the names that it had there. */
describe("the ten scenarios", () => {
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

  it("image detection: a lane without its image says so, with the command that builds it", async () => {
    await using other = await startDaemon(["lanes.python.image=matchbox-sandbox:missing"]);
    await using client = await Peer.connect(other.url);
    const { error, exit } = await client.run("python", "print(1)");
    expect(exit).toBeUndefined();
    expect(error).toMatchObject({ code: "lane_degraded", retryable: true });
    expect(error?.message).toBe("The image matchbox-sandbox:missing is not there. Build it with: npx matchbox build");
  });

  it("simple Python: prints and exits 0", async () => {
    const { stdout, stderr, exit, started } = await peer.run("python", "print('hello')\nprint('world')");
    expect({ stdout, stderr }).toEqual({ stdout: "hello\nworld\n", stderr: "" });
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0, signal: null });
    expect(started).toMatchObject({ launch: "warm" });
  });

  it("calculations: computes with the standard library", async () => {
    const code = "import math, statistics\nprint(math.factorial(20), round(math.pi, 6), statistics.mean([1, 2, 3, 4]))";
    const { stdout } = await peer.run("python", code);
    expect(stdout).toBe("2432902008176640000 3.141593 2.5\n");
  });

  it("terminal commands: chains with && and stops at the first failure", async () => {
    const all = await peer.run("shell", "cd /tmp && echo one > f && cat f && echo two");
    expect(all.stdout).toBe("one\ntwo\n");
    expect(all.exit).toMatchObject({ reason: "exited", exitCode: 0 });
    const stopped = await peer.run("shell", "echo before && false && echo after");
    expect(stopped.stdout).toBe("before\n");
    expect(stopped.exit).toMatchObject({ reason: "exited", exitCode: 1 });
  });

  it("errors: a traceback arrives on stderr with the user's own lines, and the exit code is the program's", async () => {
    const { stdout, stderr, exit } = await peer.run("python", "print('so far')\n1 / 0\n");
    expect(stdout).toBe("so far\n");
    expect(stderr).toContain('File "/workspace/main.py", line 2, in <module>\n    1 / 0\n');
    expect(stderr).toContain("ZeroDivisionError: division by zero");
    expect(stderr.match(/File "/g)).toHaveLength(1);
    expect(exit).toMatchObject({ reason: "exited", exitCode: 1 });
    const shell = await peer.run("shell", "echo no >&2; exit 42");
    expect(shell).toMatchObject({ stderr: "no\n", exit: { reason: "exited", exitCode: 42 } });
  });

  it("installed packages: pytest runs a test, requests can be imported", async () => {
    const code = "import requests, pytest, pip\nprint(requests.__name__, pytest.__name__, pip.__name__)";
    expect((await peer.run("python", code)).stdout).toBe("requests pytest pip\n");
    const test =
      "printf 'def test_it():\\n    assert 1 + 1 == 2\\n' > test_it.py && python3 -m pytest -q -p no:cacheprovider";
    const { stdout, exit } = await peer.run("shell", test);
    expect(stdout).toContain("1 passed");
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
  });

  it("network isolation: the Python lane has a loopback and nothing else", async () => {
    const code = [
      "import socket",
      "print([name for _, name in socket.if_nameindex() if not name.startswith(('tunl', 'sit', 'ip6', 'gre', 'erspan'))])",
      "for address in [('198.51.100.1', 80), ('169.254.169.254', 80)]:",
      "    try: socket.create_connection(address, timeout=5); print('connected')",
      "    except OSError as error: print(error.strerror)",
      "try: socket.getaddrinfo('example.com', 80); print('resolved')",
      "except OSError: print('no name')",
    ].join("\n");
    const { stdout } = await peer.run("python", code);
    expect(stdout).toBe("['lo']\nNetwork is unreachable\nNetwork is unreachable\nno name\n");
  });

  it("time-out: a program that does not end is killed and the ending says so", async () => {
    const began = performance.now();
    const { stdout, exit } = await peer.run("python", "print('busy')\nwhile True: pass", { timeoutMs: 500 });
    expect(stdout).toBe("busy\n");
    expect(exit).toMatchObject({ reason: "timed_out", exitCode: null, signal: "SIGKILL" });
    expect(exit?.timings.runMs).toBeGreaterThanOrEqual(500);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("cleanup: the container is gone after the run, and `destroyed` says so", async () => {
    const id = peer.start("python", "print(1)");
    const { started } = await peer.ending(id);
    const destroyed = await peer.destroyed(id);
    expect(destroyed.sandbox).toBe(started?.sandbox);
    expect(await containerOf(destroyed.sandbox)).toBeUndefined();
    expect((await containersOf(daemon.instance)).map((c) => c.Names[0])).not.toContain(
      `/matchbox-${destroyed.sandbox}`,
    );
  });

  it("resource limits: memory, processes and processors are bounded, and too much memory ends as out_of_memory", async () => {
    const code = [
      "import os",
      "def first(*paths):",
      "    return next(open(p).read().split()[0] for p in paths if os.path.exists(p))",
      "print(first('/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/memory.max'))",
      "print(first('/sys/fs/cgroup/pids/pids.max', '/sys/fs/cgroup/pids.max'))",
      "print(first('/sys/fs/cgroup/cpu/cpu.cfs_quota_us', '/sys/fs/cgroup/cpu.max'))",
    ].join("\n");
    expect((await peer.run("python", code)).stdout).toBe(`${512 * 1024 * 1024}\n128\n50000\n`);
    const hungry = "kept = []\nwhile True: kept.append(bytearray(16 * 1024 * 1024))";
    const { exit } = await peer.run("python", hungry);
    expect(exit).toMatchObject({ reason: "out_of_memory", exitCode: null, signal: "SIGKILL" });
    const bomb =
      "import os\nn = 0\ntry:\n    while True:\n        if os.fork() == 0:\n            import time; time.sleep(60)\n        n += 1\nexcept OSError as error:\n    print(error.strerror, n < 128)";
    expect((await peer.run("python", bomb)).stdout).toBe("Resource temporarily unavailable True\n");
  });
});
