import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer } from "../support/peer.js";

/**
 * Tells of an exit with code 5 by hand, in every way there is, and does not exit. The token is no secret: the start of the
 * main process, which all of its processes may read, shows it.
 */
const NOTICE = `
import ctypes, os, re, struct, time
MAIN = int(os.environ.get("MAIN_PID") or os.getpid())
os.environ["MAIN_PID"] = str(MAIN)
libc = ctypes.CDLL(None, use_errno=True)
def notice(shift=0, rss_kib=77_776, code=5):
    environment = open(f"/proc/{MAIN}/environ", "rb").read()
    token = int(re.search(rb"MATCHBOX_EXIT_NOTICE=([0-9a-f]+)", environment)[1], 16) + shift & 0xffffff
    claim = f"{token:06x}{rss_kib >> 2:07x}{code:02x}".encode()
    libc.prctl(15, claim, 0, 0, 0)
    if os.getpid() != MAIN:
        for path in f"/proc/{MAIN}/comm", f"/proc/{MAIN}/task/{MAIN}/comm":
            try:
                os.write(os.open(path, os.O_WRONLY), claim)
            except OSError:
                pass
    # A signal with a value and a sender of one's own choice, and one with which the kernel names the sender.
    info = struct.pack("=iiiiiiQ80x", 64, 0, -1, 0, MAIN, os.getuid(), token << 40 | rss_kib << 8 | code)
    libc.syscall(129 if os.uname().machine == "x86_64" else 138, 1, 64, info)
    os.kill(1, 64)
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
    expect(exit).toMatchObject({ reason: "exited", exitCode: 5, usage: { maxRssBytes: 77_776 * 1024 } });
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

  const late = "time.sleep(0.3)\nprint('after', flush=True)\nos._exit(42)";
  const forkAndForge = "if os.fork() == 0:\n    notice()\n    os._exit(0)\n";
  it.each([
    [
      "children that are gone",
      `for _ in range(40):\n    if os.fork() == 0:\n        notice()\n        os._exit(0)\n    os.wait()\n`,
    ],
    [
      "a child that nobody waits for",
      `import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nfor _ in range(20):\n    if os.fork() == 0:\n        notice()\n        os._exit(0)\n`,
    ],
    [
      "grandchildren that lost their parent",
      `for _ in range(25):\n    if os.fork() == 0:\n        if os.fork() == 0:\n            notice()\n        os._exit(0)\n    os.wait()\n`,
    ],
    [
      "another program",
      `import subprocess, sys\nfor _ in range(10):\n    subprocess.run([sys.executable, "-c", NOTICE + "notice()"])\n`,
    ],
    [
      "a thread that is gone",
      "import threading\nfor _ in range(60):\n    thread = threading.Thread(target=notice)\n    thread.start()\n    thread.join()\n",
    ],
    [
      "a child, to the program that the main process becomes",
      `${forkAndForge}os.execvp("python3", ["python3", "-c", 'import os, time\\nos.wait()\\n' + ${JSON.stringify(late)}])\n`,
    ],
  ])("is not believed of %s", async (_, code) => {
    const { exit, stdout } = await peer.run(
      "python",
      `NOTICE = ${JSON.stringify(NOTICE)}\nexec(NOTICE)\n${code}${late}`,
    );
    expect(stdout).toBe("after\n");
    expect(exit).toMatchObject({ reason: "exited", exitCode: 42 });
  });

  it("is not believed of a child of a shell", async () => {
    const code = `export MAIN_PID=$$
for _ in 1 2 3 4 5; do python3 forge.py; done
sleep 0.3; echo after; kill -KILL $$`;
    const files = [{ path: "forge.py", content: `${NOTICE}notice()\n` }];
    const { exit, stdout } = await peer.run("shell", code, { files });
    expect(stdout).toBe("after\n");
    expect(exit).toMatchObject({ reason: "signaled", signal: "SIGKILL" });
  });

  it("keeps its own code among forged ones, whichever comes first", async () => {
    const flood = `exec(NOTICE)
import atexit
if os.fork() == 0:
    while os.getppid() == MAIN: notice()
    os._exit(0)
atexit.register(time.sleep, 0.05)
exit(42)`;
    for (let count = 0; count < 5; count++) {
      const { exit } = await peer.run("python", `NOTICE = ${JSON.stringify(NOTICE)}\n${flood}`);
      expect(exit).toMatchObject({ reason: "exited", exitCode: 42 });
    }
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
    while True: notice()
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
