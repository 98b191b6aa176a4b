import { readFile } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.js";
import type { RunRequest } from "../../src/protocol/messages.js";
import { Arena, type Stand } from "../support/abuse/arena.js";
import { HostCgroup } from "../support/abuse/host-cgroup.js";
import { containersOf } from "../support/engine-view.js";
import type { Outcome, Peer } from "../support/peer.js";
import { askEngine } from "../support/probes/engine.js";
import { waitFor } from "../support/wait.js";

const MIB = 1024 * 1024;
const MEMORY_MIB = 160;
const TMPFS_MIB = 16;
const PIDS = 64;

/** Runs near the time-out, 200 and more where somebody has the time. */
const NEAR_MISSES = Number(process.env["MATCHBOX_TEST_NEAR_MISSES"] ?? 20);

/** How long all of these may take together, on a machine that is busy with something else too. */
const PATIENCE_MS = 60_000 + NEAR_MISSES * 3_000;

/** Tight limits, so that hitting them costs little. */
const TIGHT = [
  ...["python", "shell"].flatMap((lane) => [
    `lanes.${lane}.memoryMiB=${MEMORY_MIB}`,
    `lanes.${lane}.workspaceMiB=${TMPFS_MIB}`,
    `lanes.${lane}.tmpMiB=${TMPFS_MIB}`,
    `lanes.${lane}.homeMiB=${TMPFS_MIB}`,
    `lanes.${lane}.pids=${PIDS}`,
    `lanes.${lane}.warm=3`,
    `lanes.${lane}.maxSandboxes=9`,
  ]),
  "lanes.python.cpus=1",
  "lanes.near.language=shell",
  "lanes.near.memoryMiB=32",
  "lanes.near.pids=16",
  "lanes.near.maxQueued=256",
  "lanes.near.warm=2",
  "lanes.near.maxSandboxes=12",
];

type RunOptions = Partial<Omit<RunRequest, "lane" | "code">>;

/** Holds on to memory of one kind until it may not have any more, then says how much it got. */
function hold(what: string, setUp: string): string {
  return `
import ctypes, fcntl, os, socket
libc = ctypes.CDLL(None, use_errno=True)
held, kept = 0, []
def fill(write, piece=1 << 14):
    global held
    try:
        while True: held += write(bytes(piece))
    except BlockingIOError: pass
try:
${setUp.replaceAll(/^/gm, "    ")}
except (OSError, MemoryError) as error: print(type(error).__name__, error)
print("${what}", held >> 20, flush=True)
`;
}

const HOARDS = {
  memfd: `
fd = os.memfd_create("hoard")
while True: held += os.write(fd, bytes(1 << 20))`,
  "System V shared memory": `
libc.shmat.restype = ctypes.c_void_p
size = 1234 << 20
at = libc.shmat(libc.shmget(0, size, 0o1600), None, 0)
for page in range(0, size, 1 << 20):
    ctypes.memset(at + page, 1, 1 << 20)
    held += 1 << 20`,
  "unix sockets": `
for _ in range(500):
    pair = socket.socketpair()
    kept.append(pair)
    for end in pair:
        end.setblocking(False)
        fill(end.send)`,
  pipes: `
for _ in range(500):
    reader, writer = os.pipe()
    try: fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
    except PermissionError: pass
    os.set_blocking(writer, False)
    fill(lambda piece: os.write(writer, piece))`,
  "POSIX message queues": `
for number in range(500):
    queue = libc.mq_open(b"/hoard%d" % number, os.O_CREAT | os.O_RDWR | os.O_NONBLOCK, 0o600, None)
    if queue < 0: raise OSError(ctypes.get_errno(), "mq_open")
    while libc.mq_send(queue, bytes(8192), 8192, 0) == 0: held += 8192`,
};

/** Uses up what the kernel counts by user, then waits for the end of its input. */
const GREEDY = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def most(take, limit=200_000):
    for count in range(limit):
        if take() < 0: return count, ctypes.get_errno()
    return limit, 0
inotify = most(lambda: libc.inotify_init1(0))
print("inotify", *inotify)
timer = ctypes.c_void_p()
print("timers", *most(lambda: libc.timer_create(1, None, ctypes.byref(timer))))
print("queues", *most(iter(lambda n=iter(range(10**6)): libc.mq_open(b"/q%d" % next(n), 66, 0o600, None), None).__next__))
print("key", libc.syscall(248, b"user", b"k", b"v", 1, -3), ctypes.get_errno())
print("descriptors", *most(lambda: libc.dup(0)))
sys.stdout.flush()
sys.stdin.read()
`;

/** What any program may want to do. */
const ORDINARY = `
import os, select, signal, socket, subprocess, tempfile, threading
files = [tempfile.TemporaryFile() for _ in range(100)]
pipes = [os.pipe() for _ in range(50)]
pair = socket.socketpair()
pair[0].send(b"x")
epoll = select.epoll()
epoll.register(pair[1], select.EPOLLIN)
assert epoll.poll(1)
threads = [threading.Thread(target=int) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
rang = []
signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01)
signal.pause()
print(subprocess.run(["echo", "served"], capture_output=True, text=True).stdout.strip(), len(rang))
`;

describe("programs that are hostile to resources", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await Arena.open(TIGHT);
  });
  afterAll(() => arena[Symbol.asyncDispose]());

  /** The cgroup of a run that has started. */
  const cgroupOf = async (peer: Peer, id: string) => HostCgroup.of((await peer.heard(id, "started")).sandbox);

  /** Runs several programs at once. @returns their outcomes by name */
  const runAll = async <Name extends string>(
    { peer }: Stand,
    programs: Record<Name, readonly [lane: string, code: string, options?: RunOptions]>,
  ): Promise<Record<Name, Outcome>> => {
    const ids = Object.entries<readonly [string, string, RunOptions?]>(programs).map(
      ([name, [lane, code, options]]) => [name, peer.start(lane, code, options)] as const,
    );
    const outcomes = await Promise.all(ids.map(async ([name, id]) => [name, await peer.ending(id)] as const));
    return Object.fromEntries(outcomes) as Record<Name, Outcome>;
  };

  it("B1.1 B1.2 bombs of processes and threads meet the limit and end with the time-out; orphans are reaped", () =>
    arena.withstands(async ({ peer }) => {
      const timeoutMs = 3_000;
      const bombs = [
        peer.start("shell", "bomb() { bomb | bomb & }\nbomb\nwhile :; do :; done", { timeoutMs }),
        peer.start("python", "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", { timeoutMs }),
        peer.start(
          "python",
          [
            "import threading, time",
            "try:",
            "  while True: threading.Thread(target=time.sleep, args=(60,)).start()",
            "except RuntimeError as error: print(error, threading.active_count())",
          ].join("\n"),
          { timeoutMs },
        ),
      ];
      const farm = peer.start(
        "shell",
        // More than the limit many times over: without a parent that reaps them they could not all be born.
        "for i in {1..300}; do (: &); done; sleep 0.1; cat /proc/[0-9]*/stat 2>/dev/null | grep -c ' Z '; exit 0",
      );
      const cgroups = await Promise.all(bombs.map((id) => cgroupOf(peer, id)));
      const seen = bombs.map(() => 0);
      const refused = bombs.map(() => 0);
      await waitFor(
        async () => {
          for (const [index, cgroup] of cgroups.entries()) {
            // Gone with its container.
            seen[index] = Math.max(seen[index]!, await cgroup.processes().catch(() => 0));
            refused[index] = Math.max(refused[index]!, await cgroup.refusedProcesses().catch(() => 0));
          }
          return bombs.every((id) => peer.outcome(id).exit !== undefined);
        },
        { timeoutMs: 30_000, what: "the bombs to end" },
      );
      for (const most of seen) expect(most).toBeLessThanOrEqual(PIDS);
      // The shell is slow with it: it waits for seconds where it cannot fork.
      for (const times of refused.slice(1)) expect(times).toBeGreaterThan(0);
      const [, , threads] = bombs.map((id) => peer.outcome(id));
      for (const id of bombs) expect(peer.outcome(id).exit).toMatchObject({ reason: "timed_out", exitCode: null });
      expect(threads?.stdout).toMatch(/^can't start new thread \d\d\n$/);
      const { stdout, stderr, exit } = await peer.ending(farm);
      expect(stderr).not.toContain("fork");
      expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
      expect(Number(stdout)).toBeLessThan(PIDS / 2);
    }));

  it("B1.3 B1.4 B1.5 B1.6 too much memory, a failed allocation, a child's death, a SIGKILL of one's own and 137 are told apart", () =>
    arena.withstands(async (stand) => {
      const { peer } = stand;
      const eat = "kept = []\nwhile True: kept.append(bytearray(8 << 20))";
      const hungry = peer.start("python", `input()\n${eat}`, { stdin: true });
      expect(await (await cgroupOf(peer, hungry)).swapBytes()).toBe(0);
      peer.send({ type: "stdin", id: hungry, data: "\n" });
      const told = await runAll(stand, {
        shell: ["shell", "x=x; while :; do x=$x$x; done"],
        huge: ["python", "bytearray(10 ** 12)"],
        child: [
          "python",
          `import subprocess, sys\nprint(subprocess.run([sys.executable, "-c", ${JSON.stringify(eat)}]).returncode)`,
        ],
        suicide: ["shell", "kill -KILL $$"],
        code137: ["shell", "exit 137"],
        grandchild: ["shell", "sh -c 'kill -KILL $$'; echo $?"],
        late: ["shell", "sleep 60", { timeoutMs: 300 }],
      });
      const outOfMemory = { reason: "out_of_memory", exitCode: null, signal: "SIGKILL" };
      expect((await peer.ending(hungry)).exit).toMatchObject({ ...outOfMemory, usage: { oomKills: 1 } });
      expect(told.shell.exit).toMatchObject({ ...outOfMemory, usage: { oomKills: 1 } });
      expect(told.huge.exit).toMatchObject({ reason: "exited", exitCode: 1, usage: { oomKills: 0 } });
      expect(told.huge.stderr).toContain("MemoryError");
      expect(told.child).toMatchObject({ stdout: "-9\n", exit: { reason: "exited", exitCode: 0 } });
      expect(told.child.exit?.usage.oomKills).toBeGreaterThan(0);
      const noKills = { usage: { oomKills: 0 } };
      expect(told.suicide.exit).toMatchObject({ reason: "signaled", exitCode: null, signal: "SIGKILL", ...noKills });
      expect(told.code137.exit).toMatchObject({ reason: "exited", exitCode: 137, signal: null, ...noKills });
      expect(told.grandchild).toMatchObject({ stdout: "137\n", exit: { reason: "exited", exitCode: 0, ...noKills } });
      expect(told.late.exit).toMatchObject({ reason: "timed_out", exitCode: null, ...noKills });
    }));

  it("B1.7 memory is counted or capped whatever holds it, and nothing of it outlives the container", () =>
    arena.withstands(async (stand) => {
      const told = await runAll(
        stand,
        Object.fromEntries(
          Object.entries(HOARDS).map(([what, setUp]) => [what, ["python", hold(what, setUp.trim())] as const]),
        ),
      );
      for (const [what, { stdout, stderr, exit }] of Object.entries(told)) {
        expect(stderr, what).toBe("");
        if (exit?.reason === "out_of_memory") continue;
        expect(exit, what).toMatchObject({ reason: "exited", exitCode: 0 });
        const [, mib] = new RegExp(`^${what} (\\d+)$`, "m").exec(stdout) ?? [];
        expect(Number(mib), what).toBeLessThanOrEqual(MEMORY_MIB);
      }
      for (const charged of ["memfd", "System V shared memory"])
        expect(told[charged]?.exit, charged).toMatchObject({ reason: "out_of_memory" });
      expect(await readFile("/proc/sysvipc/shm", "utf8")).not.toContain(String(1234 * MIB));
    }));

  it("B1.8 PID 1 cannot be made the victim of the out-of-memory killer", () =>
    arena.withstands(async ({ peer }) => {
      const { stdout, exit } = await peer.run(
        "python",
        [
          "import ctypes, os",
          "for path, value in (('/proc/1/oom_score_adj', b'1000'), ('/proc/1/oom_adj', b'15'), ('/proc/self/oom_score_adj', b'-1000')):",
          "  try: open(path, 'wb', buffering=0).write(value); print('allowed', path)",
          "  except PermissionError: print('refused')",
          // As far down as the kernel lets it, so that nothing but its size speaks against it.
          "for value in range(0, 1001, 100):",
          "  try: open('/proc/self/oom_score_adj', 'wb', buffering=0).write(b'%d' % value); break",
          "  except PermissionError: pass",
          // In segments that nobody is attached to: killing a process frees none of them.
          "libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p",
          "for _ in range(3): os.fork()",
          "while True:",
          "  at = libc.shmat(libc.shmget(0, 1 << 20, 0o1600), None, 0)",
          "  ctypes.memset(at, 1, 1 << 20); libc.shmdt(ctypes.c_void_p(at))",
        ].join("\n"),
      );
      expect(stdout).toBe("refused\nrefused\nrefused\n");
      expect(exit).toMatchObject({ reason: "out_of_memory", exitCode: null });
    }));

  it("B1.9 B1.10 B1.11 full, crowded, sparse and deep file systems end at their own limits, without the host's disk", () =>
    arena.withstands(async ({ peer }) => {
      const id = peer.start(
        "python",
        `
import errno, os
def until_full(step):
    try:
        while True: step()
    except OSError as error: return errno.errorcode[error.errno]
folders = ["/workspace", "/tmp", "/var/tmp", os.path.expanduser("~"), "/dev/shm"]
for folder in folders:
    with open(folder + "/fill", "wb", buffering=0) as file:
        print(until_full(lambda: file.write(bytes(1 << 20))), round(os.fstat(file.fileno()).st_size / (1 << 20)))
for folder in folders: os.remove(folder + "/fill")
os.chdir("/tmp")
for i in range(1000): open(str(i).zfill(255), "w").close()
print(until_full(lambda: open("x" * 256, "w")))
with open("sparse", "w") as file: file.truncate(1 << 40)
os.chdir(folders[3])
depth = 0
def deeper():
    global depth
    os.mkdir("d"); os.chdir("d"); depth += 1
print(until_full(deeper), depth > 60_000)
for place in ["/", "/etc", "/usr", "/var", "/run", "/opt/matchbox", "/home"]:
    try: open(place + "/x", "w"); print("wrote to", place)
    except OSError: pass
input()`,
        { stdin: true, collect: ["**/*"] },
      );
      await waitFor(() => peer.outcome(id).stdout.split("\n").length > 7, {
        timeoutMs: 30_000,
        what: "everything to be full",
      });
      const { sandbox } = await peer.heard(id, "started");
      const inspected = (await askEngine(`/containers/matchbox-${sandbox}/json?size=1`)) as { SizeRw?: number };
      expect(inspected.SizeRw ?? 0).toBe(0);
      expect(await (await HostCgroup.of(sandbox)).diskBytes()).toBe(0);
      peer.send({ type: "stdin", id, data: "\n" });
      const { stdout, stderr, exit } = await peer.ending(id);
      const full = `ENOSPC ${TMPFS_MIB}\n`;
      expect({ stdout, stderr }).toEqual({
        stdout: `${full.repeat(4)}ENOSPC 64\nENAMETOOLONG\nENOSPC True\n`,
        stderr: "",
      });
      expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
    }));

  it("B1.9 the Python lane's file systems together are smaller than its memory, so a full one is no out_of_memory", async () => {
    const { lanes } = await loadConfig({ overrides: [] });
    const { memoryMiB, workspaceMiB, tmpMiB, homeMiB } = lanes["python"]!;
    expect(workspaceMiB + tmpMiB + homeMiB + 64).toBeLessThan(memoryMiB);
  });

  it("B1.12 what the kernel counts by user is bounded, and a neighbour does its ordinary work without it", () =>
    arena.withstands(async ({ peer, connect }) => {
      const id = peer.start("python", GREEDY, { stdin: true });
      await waitFor(() => peer.outcome(id).stdout.includes("descriptors"), {
        timeoutMs: 30_000,
        what: "everything to be used up",
      });
      const neighbour = await connect();
      const { stdout, stderr, exit } = await neighbour.run("python", ORDINARY);
      expect({ stdout, stderr }).toEqual({ stdout: "served 1\n", stderr: "" });
      expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
      peer.send({ type: "stdin_end", id });
      const greedy = await peer.ending(id);
      expect(greedy.exit).toMatchObject({ reason: "exited", exitCode: 0 });
      const taken = Object.fromEntries(
        greedy.stdout
          .trimEnd()
          .split("\n")
          .map((line) => [line.split(" ")[0], line.split(" ").slice(1).map(Number)] as const),
      ) as Record<string, [count: number, errno: number]>;
      const [EPERM, EAGAIN, EMFILE] = [1, 11, 24];
      const instances = Number(await readFile("/proc/sys/fs/inotify/max_user_instances", "utf8"));
      expect(taken["inotify"]![0]).toBeLessThanOrEqual(instances);
      expect(taken["inotify"]![1]).toBe(EMFILE);
      expect(taken["timers"]![1]).toBe(EAGAIN);
      expect(taken["queues"]).toEqual([expect.any(Number), EMFILE]);
      expect(taken["queues"]![0]).toBeLessThan(20);
      expect(taken["key"]).toEqual([-1, EPERM]);
      expect(taken["descriptors"]![0]).toBeLessThan(1_024);
      expect(taken["descriptors"]![1]).toBe(EMFILE);
    }));

  it("B1.13 spinners take no more than their share, each of them, and the daemon answers meanwhile", () =>
    arena.withstands(async ({ peer }) => {
      const spin = "for i in {1..20}; do while :; do :; done & done; wait";
      const ids = [0, 1, 2].map(() => peer.start("shell", spin, { timeoutMs: 4_000 }));
      const cgroups = await Promise.all(ids.map((id) => cgroupOf(peer, id)));
      const delay = monitorEventLoopDelay({ resolution: 10 });
      delay.enable();
      const began = performance.now();
      const before = await Promise.all(cgroups.map((cgroup) => cgroup.cpuMs()));
      await waitFor(() => performance.now() - began > 1_500, { timeoutMs: 5_000, what: "a while of spinning" });
      const after = await Promise.all(cgroups.map((cgroup) => cgroup.cpuMs()));
      const elapsed = performance.now() - began;
      delay.disable();
      // A period's worth at either end, beside the half processor of the lane.
      for (const [index, cpuMs] of after.entries()) {
        expect(cpuMs - before[index]!).toBeGreaterThan(0);
        expect(cpuMs - before[index]!).toBeLessThan(elapsed * 0.5 + 2 * 100);
      }
      expect(delay.percentile(99) / 1e6).toBeLessThan(500);
      for (const id of ids) {
        expect((await peer.ending(id)).exit).toMatchObject({ reason: "timed_out" });
      }
    }));

  it("B1.14 there is no way to write to a disk, and a storm of sync moves nothing", () =>
    arena.withstands(async ({ peer }) => {
      const id = peer.start(
        "python",
        `
import os
memory_only = {"tmpfs", "proc", "devpts", "mqueue", "cgroup", "cgroup2", "sysfs"}
for line in open("/proc/self/mountinfo"):
    before, after = line.split(" - ")
    root, options, kind = before.split()[3], before.split()[5].split(","), after.split()[0]
    # A masked file is the null device, the sandbox's own or, under crun, the host's.
    is_mask = kind == "devtmpfs" and root == "/null"
    if "rw" in options and kind not in memory_only and not is_mask: print("writable", line)
for _ in range(20_000): os.sync()
with open("file", "wb") as file:
    for _ in range(200):
        file.seek(0); file.write(bytes(1 << 16)); file.flush(); os.fsync(file.fileno())
print("done", flush=True)
input()`,
        { stdin: true },
      );
      await peer.heard(id, "stdout");
      expect(await (await cgroupOf(peer, id)).diskBytes()).toBe(0);
      peer.send({ type: "stdin", id, data: "\n" });
      expect(await peer.ending(id)).toMatchObject({ stdout: "done\n", exit: { reason: "exited", exitCode: 0 } });
    }));

  it("B1.15 a program that sleeps or waits in the kernel ends at its time-out, counted from the hand-out", () =>
    arena.withstands(async (stand) => {
      const timeoutMs = 1_000;
      // Older than the limit already: their waiting must not count.
      await waitFor(
        async () => {
          const now = Date.now() / 1_000;
          const waiting = (await containersOf(arena.daemon.instance)) as unknown as { Created: number }[];
          return waiting.every(({ Created }) => now - Created > 2 * (timeoutMs / 1_000));
        },
        { timeoutMs: 20_000, what: "sandboxes that have waited for longer than the limit" },
      );
      const told = await runAll(stand, {
        sleeping: ["shell", "sleep 0.4; echo 'still there'; sleep 1000", { timeoutMs }],
        reading: ["python", "import os\nos.mkfifo('fifo')\nopen('fifo')", { timeoutMs }],
      });
      expect(told.sleeping.stdout).toBe("still there\n");
      for (const { exit, started } of Object.values(told)) {
        expect(started?.launch).toBe("warm");
        expect(exit).toMatchObject({ reason: "timed_out", exitCode: null, signal: "SIGKILL" });
        expect(exit?.timings.runMs).toBeGreaterThanOrEqual(timeoutMs);
        expect(exit?.timings.runMs).toBeLessThan(timeoutMs + 5_000);
      }
    }));

  it(
    `B1.16 ${NEAR_MISSES} programs that end within 50 ms of their time-out each have one ending, and a consistent one`,
    () =>
      arena.withstands(
        async ({ peer }) => {
          const timeoutMs = 400;
          const ids = Array.from({ length: NEAR_MISSES }, (_, index) => {
            const atMs = timeoutMs - 50 + Math.round((100 * index) / (NEAR_MISSES - 1));
            // A builtin that waits: nothing is started that could take its time.
            return peer.start("near", `read -r -t ${atMs / 1_000}; exit 7`, {
              stdin: true,
              timeoutMs,
              queueMs: 600_000,
            });
          });
          const exits = () => ids.map((id) => peer.outcome(id).exit);
          await waitFor(() => exits().every((exit) => exit !== undefined), {
            timeoutMs: PATIENCE_MS,
            what: "all of them to end",
          });
          const endings = exits();
          const reasons = new Set(endings.map((exit) => exit?.reason));
          for (const exit of endings) {
            if (exit?.reason === "exited") {
              expect(exit).toMatchObject({ exitCode: 7, signal: null });
            } else {
              expect(exit).toMatchObject({ reason: "timed_out", exitCode: null, signal: "SIGKILL" });
              expect(exit?.timings.runMs).toBeGreaterThanOrEqual(timeoutMs);
            }
          }
          // Both happened, or it was not near enough.
          expect([...reasons].sort()).toEqual(["exited", "timed_out"]);
        },
        { neighbour: "shell" },
      ),
    2 * PATIENCE_MS,
  );

  it("B1.16 an exit, a time-out, a cancel and a client that leaves at the same moment make one ending", () =>
    arena.withstands(async ({ peer, connect }) => {
      const leaving = await connect();
      const start = (client: Peer) =>
        client.start("near", "read -r -t 0.3; exit 7", { stdin: true, timeoutMs: 300, queueMs: 600_000 });
      const ids = Array.from({ length: 6 }, () => start(peer));
      const left = Array.from({ length: 3 }, () => start(leaving));
      const endAtItsTime = async (client: Peer, id: string, end: () => void): Promise<void> => {
        await client.heard(id, "started");
        const began = performance.now();
        await waitFor(() => performance.now() - began >= 270, { timeoutMs: 5_000, what: "the moment" });
        end();
      };
      await Promise.all([
        ...ids.map((id) => endAtItsTime(peer, id, () => peer.send({ type: "cancel", id }))),
        endAtItsTime(leaving, left.at(-1)!, () => leaving.socket.terminate()),
      ]);
      for (const id of ids) {
        const { exit } = await peer.ending(id);
        if (exit?.reason === "exited") expect(exit.exitCode).toBe(7);
        else expect(["timed_out", "cancelled"]).toContain(exit?.reason);
      }
    }));

  it("B1.17 a crash leaves no core, and is told as the signal that it was", () =>
    arena.withstands(async (stand) => {
      const told = await runAll(stand, {
        loop: [
          "python",
          `
import ctypes, os, resource
print(resource.getrlimit(resource.RLIMIT_CORE))
resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
print(resource.getrlimit(resource.RLIMIT_CORE))
for _ in range(50):
    if (pid := os.fork()) == 0: ctypes.string_at(0)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == 11 and not os.WCOREDUMP(status)
print(sorted(os.listdir(".")), os.listdir("/tmp"))`,
        ],
        main: ["python", "import ctypes\nctypes.string_at(0)"],
        abort: ["python", "import os\nos.abort()"],
      });
      expect(told.loop).toMatchObject({
        // One byte is the limit at which the kernel starts no crash handler either, and asking for more changes nothing.
        stdout: "(1, 1)\n(1, 1)\n['main.py'] []\n",
        stderr: "",
        exit: { exitCode: 0 },
      });
      expect(told.main.exit).toMatchObject({ reason: "signaled", exitCode: null, signal: "SIGSEGV" });
      expect(told.abort.exit).toMatchObject({ reason: "signaled", exitCode: null, signal: "SIGABRT" });
    }));
});
