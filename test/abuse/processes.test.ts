import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Arena } from "../support/abuse/arena.js";
import { startDaemonProcess } from "../support/daemon.js";
import { processesWith } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { callEngine } from "../support/probes/engine.js";
import { waitFor } from "../support/wait.js";

/** Every exit code and signal through the daemon, where somebody has the time; the runner's own tests have them all. */
const ALL_CODES = process.env["MATCHBOX_TEST_ALL_CODES"] !== undefined;
/** All at once, and a few a second are served. */
const QUEUE_MS = 300_000;
const CODES = ALL_CODES ? Array.from({ length: 256 }, (_, code) => code) : [3, 126, 128, 143, 254];
/** SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU stop; SIGCHLD, SIGCONT, SIGURG and SIGWINCH do nothing; bash always ignores SIGQUIT. */
const NOT_DEADLY = [3, 17, 18, 19, 20, 21, 22, 23, 28];
const SIGNALS = Array.from({ length: 31 }, (_, index) => index + 1)
  .filter((number) => !NOT_DEADLY.includes(number))
  .filter((number) => ALL_CODES || [1, 6, 13, 29, 31].includes(number));

describe("programs that are hostile to processes and signals", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await Arena.open([
      "lanes.shell.warm=3",
      "lanes.shell.maxQueued=400",
      "server.maxRunsPerConnection=400",
      "lanes.shell.killGraceMs=500",
      "lanes.python.killGraceMs=500",
      "lanes.python.cpus=1",
    ]);
  });
  afterAll(() => arena[Symbol.asyncDispose]());

  it("B3.34 B3.35 a run ends with its main process, whatever its descendants hold on to", () =>
    arena.withstands(async ({ peer, mark }) => {
      const daemonise = `
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if len(sys.argv) > 1: os.closerange(0, 256)
        os.execvp("sleep", ["sleep", "${mark}"])
    os._exit(0)
os.wait()
while not any(b"${mark}" in open(f"/proc/{pid}/cmdline", "rb").read() for pid in os.listdir("/proc") if pid.isdigit() and pid not in ("1", str(os.getpid()))): pass
print("parent is done")`;
      const ids = [peer.start("python", daemonise), peer.start("python", daemonise, { args: ["close"] })];
      for (const id of ids) {
        const { stdout, exit } = await peer.ending(id);
        expect(stdout).toBe("parent is done\n");
        expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
        expect(exit?.timings.runMs).toBeLessThan(10_000);
      }
    }));

  it("B3.36 what ignores signals, replaces itself or forks without an end is killed all the same", () =>
    arena.withstands(async ({ peer, newMark }) => {
      const marks = [newMark(), newMark(), newMark()] as const;
      // Long enough to be seen on a busy machine.
      const timeoutMs = 4_000;
      const ids = [
        peer.start("shell", `trap '' TERM INT HUP QUIT USR1 USR2 ALRM\nsleep ${marks[0]} &\nexec bash "$0"`, {
          timeoutMs,
        }),
        peer.start(
          "python",
          [
            "import os, signal, subprocess",
            "for number in set(range(1, 32)) - {9, 19}: signal.signal(number, signal.SIG_IGN)",
            `subprocess.Popen(["sleep", "${marks[1]}"])`,
            // posix_spawn is vfork and exec.
            "while True: os.posix_spawn('/bin/true', ['true'], {})",
          ].join("\n"),
          { timeoutMs },
        ),
        peer.start(
          "shell",
          `sleep ${marks[2]} & until [[ $(</proc/$!/comm) == sleep ]]; do :; done; kill -STOP $! $$`,
          { timeoutMs },
        ),
      ];
      await Promise.all(
        marks.map((mark) =>
          waitFor(async () => (await processesWith(mark)).length > 0, {
            timeoutMs: 30_000,
            what: "the program to be there",
          }),
        ),
      );
      for (const id of ids) {
        expect((await peer.ending(id)).exit).toMatchObject({ reason: "timed_out", exitCode: null, signal: "SIGKILL" });
      }
    }));

  it("B3.37 a program that kills, stops and signals all that it can neither ends PID 1 nor forges its own ending", () =>
    arena.withstands(async ({ peer }) => {
      const everybody = peer.start(
        "shell",
        "for s in KILL STOP TERM; do kill -$s -1; kill -$s 1; done; sleep 0.2; echo alive; exit 5",
      );
      const nameless = peer.start(
        "python",
        `
import ctypes, os, signal, time
libc = ctypes.CDLL(None)
libc.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
# Once the queue of this user is full, the kernel forgets who sent a signal: it looks like the engine's.
while libc.sigqueue(os.getpid(), 40, None) == 0: pass
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD): libc.syscall(234, 1, 1, int(number))
time.sleep(0.5)
print("alive")
raise SystemExit(5)`,
      );
      for (const id of [everybody, nameless]) {
        const { stdout, exit } = await peer.ending(id);
        expect(stdout).toBe("alive\n");
        expect(exit).toMatchObject({ reason: "exited", exitCode: 5 });
      }
    }));

  it("B3.37 a runner that is stopped, frozen or killed from outside does not keep its run from ending", () =>
    arena.withstands(async ({ peer, newMark }) => {
      const fates = ["kill?signal=STOP", "pause", "kill?signal=KILL"];
      const ids = await Promise.all(
        fates.map(async (fate) => {
          const mark = newMark();
          const id = peer.start("shell", `echo up; sleep ${mark}`, { timeoutMs: 2_500 });
          await peer.heard(id, "stdout");
          const { sandbox } = await peer.heard(id, "started");
          await callEngine("POST", `/containers/matchbox-${sandbox}/${fate}`);
          return id;
        }),
      );
      const [stopped, frozen, killed] = await Promise.all(ids.map(async (id) => (await peer.ending(id)).exit));
      for (const exit of [stopped, frozen]) {
        // No signal and no usage: nobody was there to say.
        expect(exit).toMatchObject({ reason: "timed_out", exitCode: null, signal: null, usage: { cpuMs: null } });
      }
      expect(killed).toMatchObject({ reason: "lost", exitCode: null, signal: null });
    }));

  it(
    "B3.38 exit codes, signals and all the ways out of Python are told as they were",
    () =>
      arena.withstands(async ({ peer }) => {
        const codes = CODES.map((code) => [peer.start("shell", `exit ${code}`, { queueMs: QUEUE_MS }), code] as const);
        const signals = SIGNALS.map(
          (number) => [peer.start("shell", `kill -${number} $$`, { queueMs: QUEUE_MS }), number] as const,
        );
        const waysOut = [
          ["raise SystemExit('last words')", 1, /^last words\n$/],
          ["import os\nprint('lost', end='')\nos._exit(9)", 9, /^$/],
          ["import atexit, os\natexit.register(os._exit, 4)", 4, /^$/],
          ["1 / 0", 1, /ZeroDivisionError/],
          ["def broken(:", 1, /SyntaxError/],
          ["import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()", 0, /^$/],
          ["import threading, sys\nthreading.Thread(target=sys.exit, args=(3,)).start()", 0, /^$/],
          ["import signal\nsignal.raise_signal(signal.SIGINT)", 130, /KeyboardInterrupt/],
        ].map(
          ([code, exitCode, stderr]) =>
            [
              peer.start("python", code as string, { queueMs: QUEUE_MS }),
              exitCode as number,
              stderr as RegExp,
            ] as const,
        );
        for (const [id, code] of codes) {
          expect((await peer.ending(id)).exit).toMatchObject({ reason: "exited", exitCode: code, signal: null });
        }
        for (const [id, number] of signals) {
          const { constants } = await import("node:os");
          const { exit } = await peer.ending(id);
          expect(exit).toMatchObject({ reason: "signaled", exitCode: null });
          expect(constants.signals[exit!.signal as NodeJS.Signals]).toBe(number);
        }
        for (const [id, exitCode, stderr] of waysOut) {
          const told = await peer.ending(id);
          expect(told.stderr).toMatch(stderr);
          if (exitCode === 130)
            // Python dies of the signal itself, as the plain command does.
            expect(told.exit).toMatchObject({ reason: "signaled", signal: "SIGINT" });
          else expect(told.exit).toMatchObject({ reason: "exited", exitCode });
        }
      }),
    60_000 + CODES.length * 1_000,
  );

  it("B3.39 an input that never ends is waited for until the time-out; one that was never opened is at its end", () =>
    arena.withstands(async ({ peer }) => {
      const read = "import sys\nprint('reads', flush=True)\nprint(len(sys.stdin.read()))";
      const waiting = peer.start("python", read, { stdin: true, timeoutMs: 700 });
      const closed = peer.start("python", read);
      expect(await peer.ending(closed)).toMatchObject({ stdout: "reads\n0\n", exit: { reason: "exited" } });
      expect(await peer.ending(waiting)).toMatchObject({ stdout: "reads\n", exit: { reason: "timed_out" } });
    }));

  it("B3.40 terminal sequences pass as bytes", () =>
    arena.withstands(async ({ peer }) => {
      const tricks = "\0\r\b\u001b[2J\u001b]0;title\u0007\u001b]52;c;aGk=\u0007\u001bc\u009b31m\n";
      const { messages } = await peer.run(
        "python",
        `import sys\nsys.stdout.buffer.write(${JSON.stringify(tricks)}.encode())`,
        {
          encoding: "base64",
        },
      );
      const bytes = messages.flatMap((message) =>
        message.type === "stdout" ? [Buffer.from(message.data, "base64")] : [],
      );
      expect(Buffer.concat(bytes).toString()).toBe(tricks);
    }));

  it("B3.40 nothing that a program or its client says can write a line or a control character into the log", async () => {
    await using daemon = await startDaemonProcess(["log.level=trace", "lanes.python.warm=1", "lanes.shell.warm=0"]);
    const forged = '{"level":30,"msg":"forged"}';
    const tricks = `\n${forged}\n\r\u001b[2J\u001b]0;title\u0007\u007f\u009b31m\u2028`;
    await using peer = await Peer.connect(daemon.url);
    for (const part of [{ id: `id${tricks}` }, { lane: `lane${tricks}` }]) {
      peer.sendRaw(JSON.stringify({ type: "run", id: "named", lane: "python", code: "print(1)", ...part }));
    }
    await peer.until(() => peer.messages.filter(({ type }) => type === "error").length === 2, "two refusals");
    expect(peer.messages.filter(({ type }) => type === "error")).toMatchObject([
      { code: "bad_message" },
      { code: "bad_message" },
    ]);
    const quoted = JSON.stringify(tricks);
    const code = `import sys\nfor stream in (sys.stdout, sys.stderr): print(${quoted}, file=stream)\nraise SystemExit(${quoted})`;
    const { exit } = await peer.run("python", code);
    expect(exit).toMatchObject({ reason: "exited", exitCode: 1 });
    await waitFor(() => daemon.output().includes('"msg":"run"'), { timeoutMs: 5_000, what: "the line of the run" });
    // The banner is the one thing that is not in lines of JSON.
    const [, log = ""] = daemon.output().split(`python 'print("hello")'\n`);
    const lines = log.trim().split("\n");
    for (const line of lines) {
      expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect(JSON.parse(line)).not.toMatchObject({ msg: "forged" });
    }
    expect(lines.some((line) => line.includes('"outcome":"exited"'))).toBe(true);
  });
});
