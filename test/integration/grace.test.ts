import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer } from "../support/peer.js";

/** Long enough for any program that ends by itself, on any machine. */
const LONG_MS = 20_000;

describe("a grace before the kill", () => {
  let daemon: TestDaemon;
  let peer: Peer;
  beforeAll(async () => {
    daemon = await startDaemon(["lanes.python.maxGraceMs=30000", "lanes.shell.maxGraceMs=30000"]);
    peer = await Peer.connect(daemon.url);
  });
  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  const timeOut = { timeoutMs: 1_000, graceMs: LONG_MS, collect: ["*.txt"] };
  const ATEXIT = "import atexit, signal, sys, time\natexit.register(lambda: open('left.txt', 'w').write('kept'))\n";

  it.each<[string, string, string, Record<string, unknown>, string[]]>([
    [
      "a trap that exits",
      "shell",
      "trap 'echo kept >left.txt; echo asked; exit 3' TERM\nsleep 600",
      { exitCode: 3, signal: null },
      ["left.txt"],
    ],
    [
      "a trap that goes on to the end",
      "shell",
      "trap 'echo asked' TERM\nsleep 600\ntrue",
      { exitCode: 0, signal: null },
      [],
    ],
    [
      "a handler of signals that raises SystemExit, and exit functions",
      "python",
      `${ATEXIT}signal.signal(signal.SIGTERM, lambda *_: (print("asked"), sys.exit(4)))\ntime.sleep(600)`,
      { exitCode: 4, signal: null },
      ["left.txt"],
    ],
    [
      "nothing at all, and dies of it",
      "python",
      `${ATEXIT}print("asked")\ntime.sleep(600)`,
      { exitCode: null, signal: "SIGTERM" },
      [],
    ],
    [
      "a child in its group that answers",
      "shell",
      "trap : TERM\n(trap 'echo asked; echo kept >left.txt; exit' TERM; sleep 600) &\nwait; wait\nexit 5",
      { exitCode: 5, signal: null },
      ["left.txt"],
    ],
  ])("leaves its ending to %s", async (_what, lane, code, ending, files) => {
    const { exit, stdout, messages } = await peer.run(lane, code, timeOut);
    expect(exit).toMatchObject({ reason: "timed_out", ...ending, grace: { ended: "by_itself" } });
    expect(stdout).toBe("asked\n");
    expect(messages.flatMap((message) => (message.type === "file" ? [message.path] : []))).toEqual(files);
    expect(exit?.usage.cpuMs).toBeGreaterThan(0);
    expect(exit?.usage.maxRssBytes).toBeGreaterThan(0);
  });

  it("is over at its end for a program that takes no notice", async () => {
    const code = "trap 'echo asked' TERM\nwhile :; do sleep 0.1; done";
    const { exit, stdout } = await peer.run("shell", code, { timeoutMs: 500, graceMs: 1_000 });
    expect(exit).toMatchObject({ reason: "timed_out", exitCode: null, signal: "SIGKILL", grace: { ended: "killed" } });
    expect(exit?.timings.runMs).toBeGreaterThanOrEqual(1_500);
    expect(stdout).toBe("asked\n");
  });

  it("follows a cancel, and a second one changes nothing", async () => {
    const code = "trap 'echo asked; sleep 1; exit 6' TERM\necho up\nwhile :; do sleep 0.1; done";
    const id = peer.start("shell", code, { graceMs: LONG_MS });
    await peer.until(() => peer.outcome(id).stdout === "up\n", "the program is up");
    peer.send({ type: "cancel", id });
    peer.send({ type: "cancel", id });
    const { exit, stdout } = await peer.ending(id);
    expect(exit).toMatchObject({ reason: "cancelled", exitCode: 6, signal: null, grace: { ended: "by_itself" } });
    expect(stdout).toBe("up\nasked\n");
  });

  it("is not there where nobody asks for it", async () => {
    const { exit, stdout } = await peer.run("shell", "trap 'echo asked' TERM\nsleep 600", { timeoutMs: 300 });
    expect(exit).toMatchObject({ reason: "timed_out", exitCode: null, signal: "SIGKILL" });
    expect(exit).not.toHaveProperty("grace");
    expect(stdout).toBe("");
  });
});
