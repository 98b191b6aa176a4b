import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, startDaemonProcess, type TestDaemon } from "../support/daemon.js";
import { containerOf, containersOf, volumesOf } from "../support/engine-view.js";
import { ensureOwnImage } from "../support/own-image.js";
import { Peer } from "../support/peer.js";
import { askEngine, callEngine, testImage } from "../support/probes/engine.js";
import { waitFor } from "../support/wait.js";

const BUILD_DEADLINE_MS = 600_000;

let daemon: TestDaemon;
let peer: Peer;
let images: { python: string; preloading: string; customized: string; busybox: string };
beforeAll(async () => {
  images = {
    python: await ensureOwnImage("python"),
    preloading: await ensureOwnImage("preloading"),
    customized: await ensureOwnImage("customized"),
    busybox: await ensureOwnImage("busybox"),
  };
  const own = `image: "${images.python}"`;
  daemon = await startDaemon([
    "lanes.python.warm=0",
    "lanes.shell.warm=0",
    `lanes.own={language: python, ${own}, user: "4242:4343", env: {WORD: "a b", TZ: Asia/Tokyo}, warm: 1, tmpMiB: 8}`,
    `lanes.customized={language: python, image: "${images.customized}", warm: 0}`,
    `lanes.plain={language: other, command: [python3], mainFile: main.py, ${own}, user: "4242:4343", warm: 0}`,
    `lanes.bash={language: shell, ${own}, ociRuntime: runc, warm: 0}`,
    `lanes.preloading={language: python, image: "${images.preloading}", warm: 0}`,
    `lanes.static={language: other, command: [/busybox, sh], mainFile: main.sh, image: "${images.busybox}", warm: 1}`,
    `lanes.words={language: other, command: [sh, -c, 'echo "$@"; cat "$1"', x], mainFile: text.txt, ${own}, warm: 0}`,
    // Degraded, each for its own reason.
    `lanes.no-node={language: node, image: "${images.busybox}", warm: 1}`,
    `lanes.no-ruby={language: other, command: [/usr/bin/ruby], ${own}, warm: 1}`,
    "lanes.no-image={language: python, image: 'nobody/nothing:1', warm: 1}",
    `lanes.no-runtime={language: python, ${own}, ociRuntime: nosuchruntime, warm: 1}`,
  ]);
  peer = await Peer.connect(daemon.url);
}, BUILD_DEADLINE_MS);
afterAll(async () => {
  await peer[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

interface Inspection {
  readonly Config: { readonly Healthcheck: unknown; readonly User: string; readonly Labels: Record<string, string> };
  readonly HostConfig: { readonly Runtime: string };
  readonly Mounts: readonly { Type: string; Name: string; Destination: string; RW: boolean }[];
}

/** The container of a program that sleeps, as the engine has it. */
async function inspectDuring(lane: string, code: string): Promise<Inspection> {
  const id = peer.start(lane, code);
  const { sandbox } = await peer.heard(id, "started");
  const container = await containerOf(sandbox);
  const inspection = (await askEngine(`/containers/${container!.Id}/json`)) as Inspection;
  peer.send({ type: "cancel", id });
  await peer.ending(id);
  return inspection;
}

describe("a lane with an image that knows nothing of Matchbox", () => {
  it("has its Python waiting, and hands it out warm", async () => {
    const { started, stdout, stderr, exit } = await peer.run("own", "import ours; print(ours.word)");
    expect([started?.launch, stdout, stderr, exit?.exitCode]).toEqual(["warm", "from the image\n", "", 0]);
  });

  it("runs as the lane's user, whom the image does not know, in folders of that user", async () => {
    const code = [
      "import os, pathlib",
      "print(os.getuid(), os.getgid(), os.getgroups(), os.getcwd(), pathlib.Path.home())",
      "for path in (os.getcwd(), pathlib.Path.home(), '/tmp'): open(f'{path}/new', 'w').write('x'); print(path)",
      "print(oct(os.stat('.').st_mode), os.stat('.').st_uid, os.access('/image', os.W_OK))",
    ].join("\n");
    expect((await peer.run("own", code)).stdout).toBe(
      "4242 4343 [4343] /workspace /home/sandboxuser\n/workspace\n/home/sandboxuser\n/tmp\n0o40700 4242 False\n",
    );
  });

  it("has the lane's variables on top of the image's, and a run's on top of both", async () => {
    const code =
      "import os, time; print(os.environ['WORD'], os.environ['PYTHONPATH'], time.tzname[0], os.environ['HOME'])\n" +
      "print([name for name in os.environ if name.startswith('MATCHBOX') or name == 'LD_PRELOAD'])";
    expect((await peer.run("own", code)).stdout).toBe("a b /image JST /home/sandboxuser\n[]\n");
    expect((await peer.run("own", code, { env: { WORD: "c" } })).stdout).toMatch(/^c \/image JST/);
  });

  it.each([
    ["output and an exit code", "import sys; print(sys.argv); sys.exit(7)"],
    ["an exception", "def f(): 1 / 0\nf()"],
    ["no program", "print("],
    ["a signal", "import os; os.kill(os.getpid(), 9)"],
    ["input", "import sys; print(len(sys.stdin.read()))"],
  ])("ends and speaks as a plain start in the same image does: %s", async (_what, code) => {
    const told = async (lane: string) => {
      const { stdout, stderr, exit } = await peer.run(lane, code, { args: ["a b", ""], stdin: "é\n" });
      return { stdout, stderr, reason: exit?.reason, exitCode: exit?.exitCode, signal: exit?.signal };
    };
    expect(await told("own")).toEqual(await told("plain"));
  });

  it("has its usercustomize find what the run brings, and its output among the program's", async () => {
    const { stdout, exit } = await peer.run("customized", "print('program')", { env: { WORD: "c" }, args: ["x"] });
    expect([stdout, exit?.exitCode]).toEqual(["custom c ['main.py', 'x']\nprogram\n", 0]);
  });

  it("streams lines as they are printed, though nothing in the image asks for it", async () => {
    const id = peer.start("own", "import time; print('first'); time.sleep(30)");
    expect(await peer.heard(id, "stdout")).toMatchObject({ data: "first\n" });
    peer.send({ type: "cancel", id });
    await peer.ending(id);
  });

  it("sees the runner and the hooks, cannot write them, and finds the rest of the root read-only", async () => {
    const code = [
      "import os",
      "print(sorted(os.listdir('/opt/matchbox')))",
      "for path in ('/opt/matchbox/runner', '/opt/matchbox/new', '/usr/new', '/image/new'):",
      "    try: open(path, 'a'); print('wrote', path)",
      "    except OSError as error: print(error.errno in (1, 13, 30))",
    ].join("\n");
    expect((await peer.run("own", code)).stdout).toBe(
      "['exit-notice.so', 'prewarm', 'runner']\nTrue\nTrue\nTrue\nTrue\n",
    );
  });

  it("gains nothing by a setuid program of the image", async () => {
    const { stdout } = await peer.run(
      "bash",
      "stat -c %A /usr/local/bin/rootly; rootly -u; grep CapEff /proc/self/status",
    );
    expect(stdout).toBe("-rwsr-xr-x\n10001\nCapEff:\t0000000000000000\n");
  });

  it("has memory with a limit in the place of the image's volumes, and nothing on the host's disk", async () => {
    const code = [
      "for folder in /data /srv/state; do ls -A $folder; touch $folder/x && stat -f -c %T $folder; done",
      "head -c 100M /dev/zero >/data/big; stat -c %s /data/big",
    ].join("\n");
    const { stdout, stderr } = await peer.run("bash", code);
    expect(stdout).toBe(`tmpfs\ntmpfs\n${64 * 1024 * 1024}\n`);
    expect(stderr).toContain("No space left on device");
  });

  it("heeds neither entry point, user, health check nor labels of the image, and mounts one volume, read-only", async () => {
    const { Config, Mounts, HostConfig } = await inspectDuring("bash", "sleep 30");
    expect(Config.User).toBe("10001:10001");
    expect(Config.Healthcheck).toMatchObject({ Test: ["NONE"] });
    expect(Config.Labels).toMatchObject({ matchbox: daemon.instance, "matchbox.lane": "bash" });
    expect(HostConfig.Runtime).toBe("runc");
    expect(Mounts).toEqual([expect.objectContaining({ Type: "volume", Destination: "/opt/matchbox", RW: false })]);
    expect(await volumesOf(daemon.instance)).toEqual([Mounts[0]?.Name]);
  });

  it("finds localhost by name, as in our own image", async () => {
    const code = "import socket; print(socket.gethostbyname('localhost'), sorted(socket.if_nameindex()))";
    expect((await peer.run("own", code)).stdout).toBe("127.0.0.1 [(1, 'lo')]\n");
  });

  it("may preload a library of its own: ours stays away, and the ending is told all the same", async () => {
    const code = "import os; print(os.environ['LD_PRELOAD'], 'exit-notice' in open('/proc/self/maps').read()); exit(4)";
    const { stdout, exit } = await peer.run("preloading", code);
    expect([stdout, exit?.reason, exit?.exitCode]).toEqual(["/usr/local/lib/own.so False\n", "exited", 4]);
    const ours = await peer.run("own", "print('exit-notice' in open('/proc/self/maps').read())");
    expect(ours.stdout).toBe("True\n");
  });

  it("needs no C library, no user and no folder in the image: a single file is enough", async () => {
    const code = '/busybox echo "$0 $*"; /busybox ls -A / | /busybox tr "\\n" " "; /busybox id -u; exit 3';
    const { started, stdout, stderr, exit } = await peer.run("static", code, { args: ["a b"] });
    expect([started?.launch, stderr, exit?.exitCode]).toEqual(["warm", "", 3]);
    expect(stdout).toMatch(/^main\.sh a b\n.*\bbusybox dev etc home opt proc sys tmp var workspace 10001\n$/);
    expect((await peer.run("static", "/busybox env")).stdout).not.toMatch(/LD_PRELOAD|MATCHBOX/);
  });

  it("starts any command with the code's file, then the run's arguments", async () => {
    const { stdout } = await peer.run("words", "the text", { args: ["one", "two"] });
    expect(stdout).toBe("text.txt one two\nthe text");
  });

  it("collects files and never the code's own, whatever its name", async () => {
    const { messages } = await peer.run("static", "echo x >made.txt", { collect: ["*"] });
    expect(messages.flatMap((message) => (message.type === "file" ? [message.path] : []))).toEqual(["made.txt"]);
  });

  it("ends at its time-out where the command starts only with the run", async () => {
    const { exit } = await peer.run("static", "while :; do :; done", { timeoutMs: 300 });
    expect(exit).toMatchObject({ reason: "timed_out" });
  });
});

describe("a lane whose image does not do", () => {
  it.each([
    ["no-node", () => `The image ${images.busybox} has no node, which lane no-node starts`],
    ["no-ruby", () => `The image ${images.python} has no /usr/bin/ruby, which lane no-ruby starts`],
    ["no-image", () => "The image nobody/nothing:1 is not there. Pull it with: docker pull nobody/nothing:1"],
    ["no-runtime", () => "nosuchruntime"],
  ])("is degraded, with what is missing and what to do: %s", async (lane, words) => {
    const report = daemon.daemon.report().lanes.find(({ name }) => name === lane);
    expect(report).toMatchObject({ state: "degraded", reason: expect.stringContaining(words()) });
    expect((await peer.run(lane, "")).error).toMatchObject({ code: "lane_degraded" });
  });
});

describe("the name of a lane's image", () => {
  it("looks again at an image whose name has come to mean another one", { timeout: 120_000 }, async () => {
    const [repo, tag] = ["matchbox-test-moved", `${process.pid}`];
    const call = async (image: string) =>
      callEngine("POST", `/images/${encodeURIComponent(image)}/tag?repo=${repo}&tag=${tag}`);
    await call(images.preloading);
    try {
      await using other = await startDaemon([
        "lanes.python.warm=0",
        "lanes.shell.warm=0",
        `lanes.own={language: shell, image: "${repo}:${tag}", warm: 0}`,
      ]);
      await using client = await Peer.connect(other.url);
      const code = "stat -f -c %T /data 2>&1";
      expect((await client.run("own", code)).stdout).toContain("No such file");
      // This one asks for volumes.
      await call(images.python);
      expect((await client.run("own", code)).stdout).toBe("tmpfs\n");
    } finally {
      await callEngine("DELETE", `/images/${repo}:${tag}?noprune=1`);
    }
  });
});

describe("the volume with the runner", () => {
  it("is made anew when somebody has removed it, and none is left at the end", { timeout: 120_000 }, async () => {
    await using other = await startDaemon([
      "lanes.python.warm=0",
      "lanes.shell.warm=0",
      `lanes.own={language: python, image: "${images.python}", warm: 0}`,
    ]);
    await using client = await Peer.connect(other.url);
    const id = client.start("own", "print(1)");
    expect((await client.ending(id)).stdout).toBe("1\n");
    await client.destroyed(id);
    const [volume] = await volumesOf(other.instance);
    await waitFor(
      async () => {
        await callEngine("DELETE", `/volumes/${volume}`).catch(() => undefined);
        return (await volumesOf(other.instance)).length === 0;
      },
      { timeoutMs: 10_000, what: "the volume to be gone" },
    );
    expect((await client.run("own", "print(2)")).stdout).toBe("2\n");
    expect((await volumesOf(other.instance)).filter((name) => name !== volume)).toHaveLength(1);
  });

  it("goes with a daemon that is killed", { timeout: 120_000 }, async () => {
    await using other = await startDaemonProcess([
      "lanes.python.warm=0",
      "lanes.shell.warm=0",
      `lanes.own={language: python, image: "${images.python}", warm: 1}`,
    ]);
    expect(await volumesOf(other.instance)).toHaveLength(1);
    other.kill("SIGKILL");
    const isGone = async () => (await volumesOf(other.instance)).length === 0;
    await waitFor(isGone, { timeoutMs: 10_000, what: "the volume to be gone" });
    expect(await containersOf(other.instance)).toEqual([]);
  });

  it("is made for nobody whose lanes all have images of ours", async () => {
    await using other = await startDaemon([
      "lanes.shell.warm=0",
      "lanes.python.warm=1",
      `lanes.named={language: python, image: "${testImage()}", warm: 1}`,
    ]);
    expect(await volumesOf(other.instance)).toEqual([]);
  });
});
