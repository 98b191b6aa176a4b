import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { containerOf, processesWith } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

/** A number that a program carries on its command line, so that it can be found among the host's processes. */
function newMark(): string {
  return `86400.${Math.floor(Math.random() * 1e9)}`;
}

describe("endings", () => {
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

  it.each([0, 1, 2, 42, 124, 125, 137, 255])("exit code %d is told as it is", async (code) => {
    const { exit } = await peer.run("shell", `exit ${code}`);
    expect(exit).toMatchObject({ reason: "exited", exitCode: code, signal: null });
  });

  it.each(["SIGTERM", "SIGKILL", "SIGSEGV", "SIGUSR1"])(
    "a program that dies of %s is signaled, not timed out",
    async (signal) => {
      const { exit } = await peer.run("python", `import os, signal\nos.kill(os.getpid(), signal.${signal})`);
      expect(exit).toMatchObject({ reason: "signaled", exitCode: null, signal });
    },
  );

  it("everything that was written before the end arrives before the exit message", async () => {
    const { stdout, messages } = await peer.run(
      "python",
      "import sys\nsys.stdout.write('x' * 300_000)\nsys.stdout.write('end')",
    );
    expect(stdout).toBe(`${"x".repeat(300_000)}end`);
    expect(messages.findIndex(({ type }) => type === "exit")).toBeGreaterThan(
      messages.findLastIndex(({ type }) => type === "stdout"),
    );
  });

  it("messages of a run count up by one from 0, with exactly one ending", async () => {
    const id = peer.start("python", "for i in range(50): print(i, flush=True)");
    await peer.destroyed(id);
    const { messages } = peer.outcome(id);
    expect(messages.map((message) => ("seq" in message ? message.seq : undefined))).toEqual(
      messages.map((_, index) => index),
    );
    expect(messages.filter(({ type }) => type === "exit" || type === "error")).toHaveLength(1);
    expect(messages.find(({ type }) => type !== "queued")?.type).toBe("started");
    expect(messages.at(-1)?.type).toBe("destroyed");
  });

  it("output streams while the program runs", async () => {
    const id = peer.start("python", "import time\nprint('first')\ntime.sleep(20)", { timeoutMs: 25_000 });
    expect((await peer.heard(id, "stdout")).data).toBe("first\n");
    expect(peer.outcome(id).exit).toBeUndefined();
    peer.send({ type: "cancel", id });
    expect((await peer.ending(id)).exit).toMatchObject({ reason: "cancelled" });
  });

  it("usage and output are counted on every exit", async () => {
    const { exit } = await peer.run(
      "python",
      "import sys\nkept = bytearray(50_000_000)\nfor i in range(3_000_000): pass\nprint('é' * 10)\nprint('err', file=sys.stderr)",
    );
    expect(exit?.output).toEqual({
      stdout: { bytes: 21, sent: 21, truncated: false },
      stderr: { bytes: 4, sent: 4, truncated: false },
    });
    expect(exit?.usage.cpuMs).toBeGreaterThan(5);
    expect(exit?.usage.maxRssBytes).toBeGreaterThan(50_000_000);
  });

  describe("a time-out kills for real", () => {
    const programs = {
      "a program that ignores every signal it can": (mark: string) =>
        `trap '' TERM INT HUP QUIT USR1 USR2 PIPE ALRM\nwhile :; do sleep ${mark}; done`,
      "descendants in sessions of their own": (mark: string) =>
        `for i in 1 2 3; do setsid bash -c 'trap "" TERM INT HUP; sleep ${mark}' >/dev/null 2>&1 & done; sleep ${mark}`,
      "orphans of a double fork": (mark: string) =>
        `( ( sleep ${mark} & ) & ); ( setsid sleep ${mark} & ); sleep ${mark}`,
    };
    it.each(Object.entries(programs))("%s", async (_name, program) => {
      const mark = newMark();
      const id = peer.start("shell", program(mark), { timeoutMs: 700 });
      await waitFor(async () => (await processesWith(mark)).length > 0, {
        timeoutMs: 5_000,
        what: "the program to start",
      });
      const { exit, started } = await peer.ending(id);
      expect(exit).toMatchObject({ reason: "timed_out" });
      await waitFor(async () => (await processesWith(mark)).length === 0, {
        timeoutMs: 2_000,
        what: "all of its processes to be gone",
      });
      await peer.destroyed(id);
      expect(await containerOf(started!.sandbox)).toBeUndefined();
    });
  });

  it("a grandchild that holds stdout open does not hold up the ending", async () => {
    const mark = newMark();
    const { exit, stdout } = await peer.run("shell", `setsid sleep ${mark} & echo done`);
    expect(stdout).toBe("done\n");
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
    expect(exit?.timings.runMs).toBeLessThan(10_000);
    await waitFor(async () => (await processesWith(mark)).length === 0, {
      timeoutMs: 2_000,
      what: "the grandchild to be gone",
    });
  });

  it("cancel ends a run and all its processes, and nothing else", async () => {
    const mark = newMark();
    const cancelled = peer.start("shell", `trap '' TERM INT; sleep ${mark} & sleep ${mark}`);
    const neighbour = peer.start("python", "import time; time.sleep(1); print('unharmed')");
    await waitFor(async () => (await processesWith(mark)).length > 0, {
      timeoutMs: 5_000,
      what: "the program to start",
    });
    peer.send({ type: "cancel", id: cancelled });
    expect((await peer.ending(cancelled)).exit).toMatchObject({ reason: "cancelled", exitCode: null });
    await waitFor(async () => (await processesWith(mark)).length === 0, {
      timeoutMs: 2_000,
      what: "its processes to be gone",
    });
    expect((await peer.ending(neighbour)).stdout).toBe("unharmed\n");
  });

  it("a client that disconnects takes its runs with it", async () => {
    const mark = newMark();
    const leaving = await Peer.connect(daemon.url);
    const id = leaving.start("shell", `sleep ${mark}`);
    const { sandbox } = await leaving.heard(id, "started");
    await waitFor(async () => (await processesWith(mark)).length > 0, {
      timeoutMs: 5_000,
      what: "the program to start",
    });
    await leaving[Symbol.asyncDispose]();
    await waitFor(async () => (await processesWith(mark)).length === 0, {
      timeoutMs: 2_000,
      what: "the program to be gone",
    });
    await waitFor(async () => (await containerOf(sandbox)) === undefined, {
      timeoutMs: 5_000,
      what: "the container to be gone",
    });
  });

  it("the code's own words cannot forge an ending: stdin, stdout and control descriptors are its own or closed", async () => {
    const code = [
      "import os",
      "frame = bytes([0x88, 0, 0, 0, 60]) + bytes(60)",
      "os.write(1, frame); os.write(1, b'\\n')",
      "for fd in range(3, 64):",
      "    try: os.write(fd, frame); print('wrote to', fd)",
      "    except OSError: pass",
      "for path in ['/proc/1/fd/1', '/proc/1/mem', '/proc/1/environ']:",
      "    try: open(path, 'r+b'); print('opened', path)",
      "    except OSError: pass",
      "raise SystemExit(7)",
    ].join("\n");
    const { stdout, exit } = await peer.run("python", code);
    expect(stdout).not.toMatch(/wrote|opened/);
    expect(exit).toMatchObject({ reason: "exited", exitCode: 7 });
  });

  it("PID 1 cannot be starved of the processor, so the time-out holds", async () => {
    const code = [
      "import os, time",
      "for attempt in (lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), lambda: os.setpriority(os.PRIO_USER, 0, 19),",
      "        lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))):",
      "    try: attempt(); print('allowed')",
      "    except PermissionError: print('refused')",
      "print(os.nice(1))",
      "for _ in range(100):",
      "    if os.fork() == 0:",
      "        while True: pass",
      "time.sleep(60)",
    ].join("\n");
    const began = performance.now();
    const { stdout, exit } = await peer.run("python", code, { timeoutMs: 1_500 });
    expect(stdout).toBe("refused\nrefused\nrefused\n1\n");
    expect(exit).toMatchObject({ reason: "timed_out" });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("PID 1 cannot be signalled by the program", async () => {
    const { stdout, exit } = await peer.run(
      "shell",
      "for s in KILL STOP TERM INT SEGV; do kill -$s 1; done; sleep 0.2; echo alive",
    );
    expect(stdout).toBe("alive\n");
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
  });

  it("a sandbox that is taken away under a run ends it as lost, never as a success", async () => {
    const id = peer.start("python", "import time; print('up'); time.sleep(60)");
    const { sandbox } = await peer.heard(id, "started");
    await peer.heard(id, "stdout");
    const { callEngine } = await import("../support/probes/engine.js");
    await callEngine("DELETE", `/containers/matchbox-${sandbox}?force=1`);
    const { exit, error } = await peer.ending(id);
    expect(error).toBeUndefined();
    expect(exit).toMatchObject({ reason: "lost", exitCode: null });
    await sleep(50);
  });

  it("standard input: a whole text, a stream with an end, and none", async () => {
    const read = "import sys\nprint(repr(sys.stdin.read()))";
    expect((await peer.run("python", read, { stdin: "line\n" })).stdout).toBe("'line\\n'\n");
    const stdin = "bGlu\r\n ZQo=\n";
    expect((await peer.run("python", read, { stdin, stdinEncoding: "base64" })).stdout).toBe("'line\\n'\n");
    expect((await peer.run("python", read)).stdout).toBe("''\n");
    const id = peer.start("python", "for line in open(0): print('got', line, end='', flush=True)", { stdin: true });
    peer.send({ type: "stdin", id, data: "one\n" });
    await peer.heard(id, "stdout");
    peer.send({ type: "stdin", id, data: "two\n" });
    peer.send({ type: "stdin_end", id });
    expect((await peer.ending(id)).stdout).toBe("got one\ngot two\n");
  });

  it("arguments, variables and files go in, collected files come out", async () => {
    const code =
      "import sys, os\nprint(sys.argv[1:], os.environ['NAME'], open('data/in.txt').read())\nopen('out.bin', 'wb').write(bytes(range(256)))\nos.symlink('/etc/passwd', 'link.bin')";
    const { stdout, messages } = await peer.run("python", code, {
      args: ["a b", "ü"],
      env: { NAME: "value=1" },
      files: [{ path: "data/in.txt", content: "inside" }],
      collect: ["*.bin", "missing-*"],
    });
    expect(stdout).toBe("['a b', 'ü'] value=1 inside\n");
    const files = messages.filter((message) => message.type === "file");
    expect(files.map(({ path, skipped, size }) => ({ path, skipped, size }))).toEqual([
      { path: "link.bin", skipped: "not_regular", size: expect.any(Number) as number },
      { path: "out.bin", skipped: undefined, size: 256 },
    ]);
    expect(Buffer.from(files[1]!.content!, "base64")).toEqual(Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
    const shell = await peer.run("shell", 'echo "$0 $1 $NAME"', { args: ["x"], env: { NAME: "v" } });
    expect(shell.stdout).toBe("main.sh x v\n");
  });

  it("output over the limit is cut, and the cut is declared", async () => {
    const { stdout, exit } = await peer.run("python", "print('x' * 1000)", { limits: { outputBytes: 10 } });
    expect(stdout).toBe("xxxxxxxxxx");
    expect(exit?.output.stdout).toEqual({ bytes: 1001, sent: 10, truncated: true });
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
  });
});
