import { access, readFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Arena } from "../support/abuse/arena.js";
import { newCanary } from "../support/abuse/canaries.js";
import { HostCgroup } from "../support/abuse/host-cgroup.js";
import { containersOf, processesWith } from "../support/engine-view.js";
import { askEngine, callEngine } from "../support/probes/engine.js";
import { waitFor } from "../support/wait.js";

const HUNT = readFileSync(new URL("../support/abuse/hunt.py", import.meta.url), "utf8");

const MAX_SANDBOXES = 10;
const MAX_QUEUED = 12;
const MAX_STARTS = 2;

/** Longer forms: sandboxes whose chance is compared, and runs of the soak. */
const SAMPLES = Number(process.env["MATCHBOX_TEST_SAMPLES"] ?? 10);
/** A container lives for longer than this, so that each is seen. */
const LOOK_MS = 100;
const SOAK_RUNS = Number(process.env["MATCHBOX_TEST_SOAK_RUNS"] ?? 12);

/** Leaves its first argument wherever a program can leave something, and a process that lives on. */
const LEAVE = `
import ctypes, os, socket, sys
mark, left = sys.argv[1], sys.argv[2].encode()
for folder in ["/workspace", "/tmp", "/dev/shm", os.path.expanduser("~"), "/dev/mqueue", "/var/tmp", "/run", "/opt/matchbox"]:
    for name in ["left", left.decode()]:
        try:
            with open(f"{folder}/{name}", "wb") as file: file.write(left)
        except OSError: pass
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
ctypes.memmove(libc.shmat(libc.shmget(0x1EF7, 4096, 0o1666), None, 0), left, len(left))
libc.mq_open(b"/" + left, os.O_CREAT | os.O_RDWR, 0o666, None)
listener = socket.socket(socket.AF_UNIX)
listener.bind(b"\\0" + left)
if os.fork() == 0:
    os.setsid()
    os.execvpe("sleep", ["sleep", mark], {"LEFT": left, "PATH": "/usr/bin:/bin"})
print("left")
`;

/** Numbers that no two sandboxes may share, and what must be right however long a sandbox has waited. */
const CHANCE = `
import os, random, secrets, ssl, sys, tempfile, time, uuid
print(random.random(), uuid.uuid4(), uuid.uuid1(), os.urandom(16).hex(), hash("x"), id(object()), secrets.token_hex(), next(tempfile._get_candidate_names()))
print(time.time(), time.strftime("%Z"), len(ssl.create_default_context().get_ca_certs()) > 50, os.uname().nodename)
`;

describe("single use, and the stock behind it", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await Arena.open([
      "lanes.python.cpus=1",
      "lanes.python.warm=4",
      `lanes.python.maxSandboxes=${MAX_SANDBOXES}`,
      `lanes.python.maxQueued=${MAX_QUEUED}`,
      `engine.maxConcurrentStarts=${MAX_STARTS}`,
      "lanes.last.language=shell",
      "lanes.last.warm=1",
      "lanes.last.maxSandboxes=1",
      "lanes.last.killGraceMs=300",
    ]);
  });
  afterAll(() => arena[Symbol.asyncDispose]());

  const laneOf = (name: string) => arena.daemon.daemon.report().lanes.find((lane) => lane.name === name)!;
  const warmOf = async (lane: string) =>
    (await containersOf(arena.daemon.instance)).filter(({ Labels }) => Labels["matchbox.lane"] === lane);

  it("the watch over the canaries sees one that comes through, however it is sent", async () => {
    const tell = "import sys\nfor part in sys.argv[1:]: print(part, end='', flush=True)";
    const args = [arena.canaries.token.slice(0, 20), arena.canaries.token.slice(20)];
    for (const encoding of ["utf8", "base64"] as const) {
      const attack = arena.withstands(async ({ peer }) => {
        await peer.run("python", tell, { encoding, args });
      });
      await expect(attack).rejects.toThrow("canaries that a client has heard");
    }
  });

  it("B7.67 what a run leaves in files, memory, queues, sockets and processes is there for nobody after it", () =>
    arena.withstands(async ({ peer, connect, mark }) => {
      const left = arena.canaries.plant("left");
      const leaving = peer.start("python", LEAVE, { args: [mark, left] });
      expect(await peer.ending(leaving)).toMatchObject({ stdout: "left\n", stderr: "", exit: { exitCode: 0 } });
      const sandboxes = new Set([(await peer.heard(leaving, "started")).sandbox]);
      const names = new Set<string>();
      for (const hunter of [peer, await connect()]) {
        const own = newCanary("own");
        const code = `${HUNT}\nprint("name", os.uname().nodename, len(os.listdir("/dev/mqueue")), open("/proc/sysvipc/shm").read().count("\\n"), open("/proc/net/unix").read().count("@"))`;
        const { stdout, exit, started } = await hunter.run("python", code, {
          files: [{ path: "own", content: own }],
          queueMs: 30_000,
        });
        expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
        // It finds what is there to be found.
        expect(stdout).toMatch(new RegExp(`^${own} /workspace/own$`, "m"));
        expect(stdout.match(/canary-[a-z]+-[0-9a-f]{32}/g)?.filter((found) => found !== own)).toEqual([]);
        names.add(/^name .*$/m.exec(stdout)?.[0] ?? "");
        sandboxes.add(started!.sandbox);
      }
      expect([...names]).toEqual(["name sandbox 0 1 0"]);
      expect(sandboxes.size).toBe(3);
    }));

  it(`B7.68 B7.69 ${SAMPLES} sandboxes that waited share no chance, and know the time`, () =>
    arena.withstands(async ({ peer }) => {
      const columns: Set<string>[] = [];
      for (let done = 0; done < SAMPLES; done += 10) {
        const ids = Array.from({ length: Math.min(10, SAMPLES - done) }, () => [
          peer.start("python", CHANCE),
          peer.start("shell", 'echo "$RANDOM$RANDOM$RANDOM" "$SRANDOM$SRANDOM" "$(mktemp -u)"', { queueMs: 30_000 }),
        ]).flat();
        for (const id of ids) {
          const { stdout, stderr, exit } = await peer.ending(id);
          expect(exit, stderr).toMatchObject({ reason: "exited", exitCode: 0 });
          const [chance = "", facts] = stdout.split("\n");
          const offset = facts === "" ? 8 : 0;
          for (const [index, value] of chance.split(" ").entries()) {
            const column = (columns[offset + index] ??= new Set());
            expect(column, `column ${offset + index}`).not.toContain(value);
            column.add(value);
          }
          if (facts === undefined || facts === "") continue;
          const [time, ...rest] = facts.split(" ");
          expect(Math.abs(Number(time) - Date.now() / 1_000)).toBeLessThan(30);
          expect(rest.join(" ")).toBe("UTC True sandbox");
        }
      }
      expect(columns.map(({ size }) => size)).toEqual(Array(11).fill(SAMPLES));
    }));

  it("B7.70 a sandbox that is killed, loses its interpreter or is removed while it waits is never handed out", () =>
    arena.withstands(async ({ peer }) => {
      const victims = (await warmOf("python")).slice(0, 3);
      expect(victims).toHaveLength(3);
      const [killed, orphaned, removed] = victims.map(({ Labels }) => Labels["matchbox.sandbox"]!);
      const { pid } = await HostCgroup.of(orphaned!);
      const interpreter = Number(await readFile(`/proc/${pid}/task/${pid}/children`, "utf8"));
      await callEngine("POST", `/containers/matchbox-${killed}/kill?signal=KILL`);
      process.kill(interpreter, "SIGKILL");
      await callEngine("DELETE", `/containers/matchbox-${removed}?force=1`);
      const lost = async () =>
        (await warmOf("python")).filter(({ Id, State }) => State === "running" && victims.some((v) => v.Id === Id));
      await waitFor(async () => (await lost()).length === 0, { timeoutMs: 10_000, what: "the victims to be gone" });
      const ids = Array.from({ length: 5 }, () => peer.start("python", "print('alive')"));
      for (const id of ids) {
        const { stdout, exit, started } = await peer.ending(id);
        expect(stdout).toBe("alive\n");
        expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
        expect([killed, orphaned, removed]).not.toContain(started?.sandbox);
      }
    }));

  it("B7.70 a sandbox that was frozen while it waited runs nothing: its run is lost, the next one is well", () =>
    arena.withstands(async ({ peer }) => {
      const [only] = await warmOf("last");
      await callEngine("POST", `/containers/${only!.Id}/pause`);
      const { stdout, exit } = await peer.run("last", "echo ran", { timeoutMs: 300 });
      expect(stdout).toBe("");
      expect(exit).toMatchObject({ reason: "lost", exitCode: null, signal: null });
      expect(await peer.run("last", "echo ran")).toMatchObject({ stdout: "ran\n", exit: { reason: "exited" } });
    }));

  it("B7.71 B7.72 a storm meets a bounded line and bounded starts, hears when to come back, and leaves the stock as it was", () =>
    arena.withstands(
      async ({ connect }) => {
        const peers = await Promise.all([connect(), connect(), connect(), connect(), connect()]);
        const seen = { containers: 0, creating: 0, waiting: 0 };
        const over = new AbortController();
        const watch = (async () => {
          while (!over.signal.aborted) {
            const { stock, waiting } = laneOf("python");
            seen.creating = Math.max(seen.creating, stock.creating);
            seen.waiting = Math.max(seen.waiting, waiting);
            seen.containers = Math.max(seen.containers, (await warmOf("python")).length);
          }
        })();
        const asked = peers.flatMap((peer) =>
          Array.from({ length: 100 }, () => [peer, peer.start("python", "print('served')")] as const),
        );
        const outcomes = await Promise.all(asked.map(([peer, id]) => peer.ending(id)));
        over.abort();
        await watch;
        const served = outcomes.filter(({ exit }) => exit !== undefined);
        const refused = outcomes.filter(({ error }) => error !== undefined);
        expect(served.length + refused.length).toBe(500);
        expect(served.length).toBeGreaterThanOrEqual(MAX_QUEUED);
        for (const { stdout, exit } of served) {
          expect(stdout).toBe("served\n");
          expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
        }
        for (const { error, started } of refused) {
          expect(started).toBeUndefined();
          expect(error).toMatchObject({ code: "queue_full", retryable: true });
          expect(error!.retryAfterMs).toBeGreaterThan(0);
        }
        expect(seen.waiting).toBeLessThanOrEqual(MAX_QUEUED + laneOf("python").stock.warmTarget);
        expect(seen.containers).toBeLessThanOrEqual(MAX_SANDBOXES);
        expect(seen.creating).toBeLessThanOrEqual(MAX_STARTS);
      },
      { neighbour: "shell" },
    ));

  it("B7.73 of two clients that race for the last sandbox exactly one gets it", () =>
    arena.withstands(async ({ peer, connect }) => {
      const other = await connect();
      for (let round = 0; round < 5; round += 1) {
        await waitFor(() => laneOf("last").stock.warm === 1, { timeoutMs: 10_000, what: "a last sandbox" });
        const ids = [peer, other].map(
          (client) => [client, client.start("last", "echo got it", { queueMs: 0 })] as const,
        );
        const outcomes = await Promise.all(ids.map(([client, id]) => client.ending(id)));
        expect(outcomes.map(({ stdout }) => stdout).sort()).toEqual(["", "got it\n"]);
        const loser = outcomes.find(({ stdout }) => stdout === "");
        expect(loser?.error).toMatchObject({ code: "queue_timeout", retryable: true });
        expect(loser?.started).toBeUndefined();
      }
    }));

  it(
    `B7.74 ${SOAK_RUNS} runs of all kinds leave no container, cgroup, mount, shim or folder behind`,
    () =>
      arena.withstands(async ({ peer, connect }) => {
        const programs: ((client: typeof peer) => string)[] = [
          (client) => client.start("python", "print(1)"),
          (client) => client.start("shell", "exit 3", { queueMs: 30_000 }),
          (client) => client.start("python", "1 / 0"),
          (client) => client.start("shell", "kill -SEGV $$", { queueMs: 30_000 }),
          (client) => client.start("python", "import time\ntime.sleep(60)", { timeoutMs: 200 }),
          (client) => client.start("shell", "(setsid sleep 86400 &); head -c 100000 /dev/zero", { queueMs: 30_000 }),
        ];
        const ids = new Set<string>();
        const over = new AbortController();
        const watch = (async () => {
          while (!over.signal.aborted) {
            for (const { Id } of await containersOf(arena.daemon.instance)) ids.add(Id);
            await sleep(LOOK_MS);
          }
        })();
        for (let done = 0; done < SOAK_RUNS; done += programs.length) {
          const leaving = await connect();
          const runs = programs.map((start, index) => [index % 5 === 4 ? leaving : peer, start] as const);
          const started = runs.map(([client, start]) => [client, start(client)] as const);
          await Promise.all(started.map(([client, id]) => client.heard(id, "started")));
          leaving.socket.terminate();
          await Promise.all(started.filter(([client]) => client === peer).map(([client, id]) => client.destroyed(id)));
        }
        over.abort();
        await watch;
        const living = new Set((await containersOf(arena.daemon.instance)).map(({ Id }) => Id));
        const { DockerRootDir } = (await askEngine("/info")) as {
          DockerRootDir: string;
        };
        const dead = [...ids].filter((id) => !living.has(id));
        expect(dead.length).toBeGreaterThanOrEqual(SOAK_RUNS / 2);
        for (const id of dead) {
          await waitFor(async () => (await processesWith(id)).length === 0, {
            timeoutMs: 5_000,
            what: "its shim to end",
          });
          await expect(access(join(DockerRootDir, "containers", id))).rejects.toThrow("ENOENT");
          expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(id);
          await expect(access(join("/sys/fs/cgroup/memory/docker", id))).rejects.toThrow("ENOENT");
          await expect(access(join(`/sys/fs/cgroup/system.slice/docker-${id}.scope`))).rejects.toThrow("ENOENT");
        }
      }),
    60_000 + SOAK_RUNS * 1_000,
  );
});
