import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer } from "../support/peer.js";

/**
 * Sends the notice of an exit with code 5 by hand, and does not exit. The token is no secret: the start of the process,
 * which the program may read, shows it.
 */
const NOTICE = `
import ctypes, os, re, struct, time
def notice(shift=0, rss_kib=77_777):
    token = int(re.search(rb"MATCHBOX_EXIT_NOTICE=([0-9a-f]+)", open("/proc/self/environ", "rb").read())[1], 16)
    value = ((token + shift) & 0xffffff) << 40 | rss_kib << 8 | 5
    info = struct.pack("=iiiiiiQ80x", 64, 0, -1, 0, os.getpid(), os.getuid(), value)
    libc = ctypes.CDLL(None, use_errno=True)
    number = 129 if os.uname().machine == "x86_64" else 138
    assert libc.syscall(number, 1, 64, info) == 0, os.strerror(ctypes.get_errno())
`;

describe("the notice of an exit", () => {
  let daemon: TestDaemon;
  let peer: Peer;
  beforeAll(async () => {
    daemon = await startDaemon([`lanes.python.maxOutputBytes=${64 * 1024 * 1024}`]);
    peer = await Peer.connect(daemon.url);
  });
  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  it("is believed while nothing else is alive, and made true", async () => {
    const { exit, stdout } = await peer.run("python", `${NOTICE}print("before")\nnotice()\ntime.sleep(60)`);
    expect(exit).toMatchObject({ reason: "exited", exitCode: 5, usage: { maxRssBytes: 77_777 * 1024 } });
    expect(stdout).toBe("before\n");
  });

  it("keeps its exit code while nobody takes the output", async () => {
    const untilAllIsFull = `
os.set_blocking(1, False)
refused = 0
while refused < 50:
    try:
        os.write(1, b"x" * 4096)
        refused = 0
    except BlockingIOError:
        refused += 1
        time.sleep(0.01)
`;
    peer.socket.pause();
    const id = peer.start("python", `${NOTICE}${untilAllIsFull}notice()\ntime.sleep(60)`);
    await sleep(2_500);
    peer.socket.resume();
    expect((await peer.ending(id)).exit).toMatchObject({ reason: "exited", exitCode: 5 });
  });

  it.each([
    ["a child is alive", "import subprocess\nsubprocess.Popen(['sleep', '60'])\nnotice()\n"],
    [
      "another thread is alive",
      "import threading\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nnotice()\n",
    ],
    ["it has another token", "notice(shift=1)\n"],
  ])("changes nothing while %s", async (_, code) => {
    const { exit, stdout } = await peer.run(
      "python",
      `${NOTICE}${code}time.sleep(0.3)\nprint("after", flush=True)\nos._exit(6)`,
    );
    expect(exit).toMatchObject({ reason: "exited", exitCode: 6 });
    expect(stdout).toBe("after\n");
  });

  it("changes nothing where files are to be collected", async () => {
    const { exit, messages } = await peer.run(
      "python",
      `${NOTICE}notice()\ntime.sleep(0.3)\nopen("late.txt", "w").write("late")\nos._exit(6)`,
      { collect: ["*.txt"] },
    );
    expect(exit).toMatchObject({ reason: "exited", exitCode: 6 });
    expect(messages.flatMap((message) => (message.type === "file" ? [message.path] : []))).toEqual(["late.txt"]);
  });

  it("does not keep the runner from its work when it comes as fast as it can", async () => {
    const flood = `${NOTICE}
if os.fork() == 0:
    while True:
        try: notice()
        except AssertionError: pass
time.sleep(60)`;
    const { exit } = await peer.run("python", flood, { timeoutMs: 1_000 });
    expect(exit).toMatchObject({ reason: "timed_out" });
  });

  it.each([
    ["python", "import os\nprint('LD_PRELOAD' in os.environ, os.system('env | grep -c -e LD_PRELOAD -e MATCHBOX'))"],
    ["shell", "env | grep -e LD_PRELOAD -e MATCHBOX || echo none"],
  ])("leaves nothing behind in the variables of a program (%s)", async (lane, code) => {
    const { stdout } = await peer.run(lane, code);
    expect(stdout).toBe(lane === "python" ? "0\nFalse 256\n" : "none\n");
  });

  it.each([
    ["sys.exit", "import sys\nsys.exit(7)", 7],
    ["an exception", "raise ValueError", 1],
    ["sys.exit with a message", "import sys\nsys.exit('no')", 1],
    ["the end", "pass", 0],
    ["os._exit, which sends none", "import os\nos._exit(9)", 9],
    ["an exit function's own exit", "import atexit, os\natexit.register(os._exit, 8)", 8],
  ])("has the exit code of %s", async (_, code, exitCode) => {
    const { exit } = await peer.run("python", code);
    expect(exit).toMatchObject({ reason: "exited", exitCode });
    expect(exit?.usage.maxRssBytes).toBeGreaterThan(5_000_000);
  });

  it("comes after what C code has not written yet", async () => {
    const { stdout } = await peer.run("python", 'import ctypes\nctypes.CDLL(None).printf(b"%s", b"from C")');
    expect(stdout).toBe("from C");
  });

  it("comes after everything that exit functions and finalisers print", async () => {
    const { stdout, stderr } = await peer.run(
      "python",
      `import atexit, sys
class Last:
    def __del__(self): sys.__stderr__.write("finalised\\n")
last = Last()
atexit.register(print, "at exit")
left_open = open("left.txt", "w")
left_open.write("kept")
print("end")
import os
if os.fork() == 0:
    os.execvp("sh", ["sh", "-c", "sleep 0.2; cat left.txt"])`,
    );
    expect(stdout).toBe("end\nat exit\n");
    expect(stderr).toBe("finalised\n");
  });
});
