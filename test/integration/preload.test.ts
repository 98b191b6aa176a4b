import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer, type Outcome } from "../support/peer.js";
import { testImage } from "../support/probes/engine.js";

/** What a program makes of chance: different in every sandbox, or a neighbour could foretell it. */
const CHANCE = [
  "import os, random, uuid",
  "for made in (random.random(), random.SystemRandom().random(), uuid.uuid4(), uuid.uuid1(), os.urandom(8).hex(),",
  "        hash('x'), hash(b'x')): print(made)",
].join("\n");

type File = { path: string; content: string };

describe("a lane that preloads modules", () => {
  let daemon: TestDaemon;
  let peer: Peer;
  beforeAll(async () => {
    daemon = await startDaemon([
      // Lanes that stay degraded make attempts, and each costs the other lanes a start.
      "engine.retryMinMs=60000",
      "engine.retryMaxMs=60000",
      "lanes.python.warm=1",
      // As many as the lane beside it: programs are told how many they have.
      "lanes.python.cpus=2",
      "lanes.shell.warm=0",
      "lanes.pre={language: python, preload: [this, requests, uuid], warm: 1, maxSandboxes: 8, cpus: 2}",
      "lanes.many={language: python, preload: [random, uuid], warm: 0, maxSandboxes: 24, cpus: 2, queueTimeoutMs: 180000}",
      "lanes.missing={language: python, preload: [json, numpy_of_nobody], warm: 1}",
      "lanes.refusing={language: python, preload: [asyncio.windows_events], warm: 1}",
    ]);
    peer = await Peer.connect(daemon.url);
  });
  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  /** Runs a program where modules are preloaded and where they are not. @returns what both times was the same */
  async function same(code: string, files: File[] = []): Promise<Outcome> {
    const [preloaded, plain] = await Promise.all(["pre", "python"].map((lane) => peer.run(lane, code, { files })));
    const told = ({ stdout, stderr, exit }: Outcome) => ({ stdout, stderr, code: exit?.exitCode });
    expect(told(preloaded!)).toEqual(told(plain!));
    return preloaded!;
  }

  it("has them imported before a program begins, and what they print is not the program's", async () => {
    const code = "import this, requests, uuid\nprint(requests.__name__, uuid.__name__)";
    expect(await peer.run("pre", code)).toMatchObject({ stdout: "requests uuid\n", stderr: "" });
    expect((await peer.run("python", code)).stdout).toMatch(/^The Zen of Python/);
  });

  it("shows none of them to a program that has not imported them", async () => {
    const { stdout } = await same("import sys\nprint(list(sys.modules), sys.meta_path, list(sys.path_importer_cache))");
    expect(stdout).not.toContain("uuid");
  });

  it("loads in the order of a plain start what a program imports", async () => {
    await same("import sys, uuid, decimal\nprint(list(sys.modules), list(sys.path_importer_cache))");
  });

  it.each([
    ["the module", "uuid.py", "import uuid; print(uuid.word)"],
    ["a package of its name", "uuid/__init__.py", "import uuid; print(uuid.word)"],
    ["a module that it imports", "platform.py", "import uuid, platform; print(platform.word)"],
  ])("takes a file that the program itself writes: %s", async (_what, path, code) => {
    const { stdout } = await same(
      [
        "import os",
        `os.makedirs(os.path.dirname('app/${path}'), exist_ok=True)`,
        `open('app/${path}', 'w').write('word = "own"; system = lambda: "Linux"')`,
        `import sys; sys.path.insert(0, 'app'); ${code}`,
      ].join("\n"),
    );
    expect(stdout).toBe("own\n");
  });

  it("gives a program that imports them the surroundings of a plain start", async () => {
    const code = [
      "import requests, uuid",
      "import gc, locale, logging, os, signal, sys, threading, warnings",
      "print(sys.path, sys.argv, sys.orig_argv, sys.flags, os.getcwd(), os.listdir('/proc/self/fd'))",
      "print(sorted(os.environ.items()), locale.setlocale(locale.LC_ALL), type(os.environ))",
      "print(warnings.filters, logging.root.handlers, threading.enumerate()[1:], len(os.listdir('/proc/self/task')))",
      "print([signal.getsignal(number) for number in signal.valid_signals()], gc.isenabled(), gc.get_threshold())",
      "print(__name__, __file__, sys.getrecursionlimit(), sys.stdout.line_buffering, type(gc))",
      "def deep(n): return deep(n + 1)",
      "deep(0)",
    ].join("\n");
    const { stderr, exit } = await same(code);
    expect(stderr).toContain("RecursionError");
    expect(exit).toMatchObject({ exitCode: 1 });
  });

  it("may fork, and its children work", async () => {
    const code = [
      "import os, requests, multiprocessing",
      "with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(len, ['a', 'bb']))",
      "print(os.waitstatus_to_exitcode(os.waitpid(os.fork() or os._exit(7), 0)[1]))",
    ].join("\n");
    expect(await peer.run("pre", code)).toMatchObject({ stdout: "[1, 2]\n7\n", stderr: "" });
  });

  const own: [string, string, File[]][] = [
    [
      "a module that a preloaded one cannot do without",
      "import random; print(random.word)\nimport requests",
      [{ path: "random.py", content: "word = 'own'" }],
    ],
    ["a preloaded module", "import requests; print(requests.word)", [{ path: "requests.py", content: "word = 'own'" }]],
    [
      "a package",
      "import email, sys; print(email.word, 'requests' in sys.modules)",
      [{ path: "email/__init__.py", content: "word = 'own'" }],
    ],
  ];
  it.each(own)("lets a program's own file win as it does in a plain start: %s", async (_what, code, files) => {
    expect((await same(code, files)).stdout).toMatch(/^own/);
  });

  it("does not take files for modules that Python would not: data by the same name keeps what is preloaded", async () => {
    const files = ["random.csv", "requests.txt", "email/letter.txt", "json"].map((path) => ({ path, content: "" }));
    const code = "import this, requests, email.message; print(email.__file__.startswith('/usr'))";
    expect((await peer.run("pre", code, { files })).stdout).toBe("True\n");
  });

  it("imports anew where a run sets a variable that an import consults", async () => {
    const code = "import this\nimport os; print(os.environ['X'])";
    const seen = (variable: string) => peer.run("pre", code, { env: { X: "1", [variable]: "1" } });
    expect((await seen("MY_KEY")).stdout).toBe("1\n");
    expect((await seen("OMP_NUM_THREADS")).stdout).toMatch(/^The Zen of Python[^]*\n1\n$/);
  });

  it.each([
    ["a program's own module", {}, [{ path: "random.py", content: "" }]],
    ["a variable that Python reads at its start", { LC_ALL: "C" }, []],
  ])(
    "streams, shows nothing of the hook and leaves nothing behind when %s starts it over",
    async (_what, env, files) => {
      const code = [
        "import os, sys, time",
        "print(os.environ.get('PYTHONPATH'), [name for name in os.environ if 'MATCHBOX' in name], sys.argv)",
        "print([entry for entry in sys.path if 'matchbox' in entry], 'requests' in sys.modules)",
        "print(sys.modules['sitecustomize'].__file__ if 'sitecustomize' in sys.modules else None)",
        "time.sleep(30)",
      ].join("\n");
      const id = peer.start("pre", code, { env, files, args: ["a b"] });
      // All of them, while the program sleeps.
      await peer.until(() => {
        const { stdout, error } = peer.outcome(id);
        return error !== undefined || stdout.split("\n").length > 3;
      }, "three lines of a program that goes on");
      peer.send({ type: "cancel", id });
      const { stdout, error } = await peer.ending(id);
      expect(error).toBeUndefined();
      const [first, second, third] = stdout.split("\n");
      expect(first).toBe("None [] ['main.py', 'a b']");
      expect(second).toBe("[] False");
      expect(third).not.toContain("matchbox");
    },
  );

  it("makes chance anew in each of 8 sandboxes", { timeout: 180_000 }, async () => {
    const ids = Array.from({ length: 8 }, () => peer.start("many", CHANCE));
    const outcomes: Outcome[] = [];
    for (const id of ids) outcomes.push(await peer.ending(id));
    expect(outcomes.map(({ exit }) => exit?.exitCode)).toEqual(outcomes.map(() => 0));
    const rows = outcomes.map(({ stdout }) => stdout.trimEnd().split("\n"));
    for (let column = 0; column < 7; column += 1) {
      expect(new Set(rows.map((row) => row[column])).size, `${column}: ${rows[0]?.[column] ?? ""}`).toBe(8);
    }
  });

  it.each([
    ["missing", "preload: numpy_of_nobody: No module named 'numpy_of_nobody'"],
    ["refusing", "preload: asyncio.windows_events: win32 only"],
  ])("is degraded, and names module and reason, where one cannot be imported: %s", async (lane, words) => {
    const reason = `${words} (lane ${lane}, image ${testImage()})`;
    expect(daemon.daemon.report().lanes.find(({ name }) => name === lane)).toMatchObject({ state: "degraded", reason });
    expect((await peer.run(lane, "print(1)")).error).toMatchObject({ code: "lane_degraded", message: reason });
  });
});
