import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Arena } from "../support/abuse/arena.js";
import { Peer } from "../support/peer.js";

describe("what a program does to its interpreter, and a client to its program", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await Arena.open(["lanes.python.warm=3", "lanes.shell.warm=2"]);
  });
  afterAll(() => arena[Symbol.asyncDispose]());

  /** Sends runs that must be refused, and asserts that each is. @returns what was said */
  async function refused(peer: Peer, runs: readonly Record<string, unknown>[], code: string): Promise<string[]> {
    const words: string[] = [];
    for (const run of runs) {
      const id = `refused-${peer.messages.length}`;
      peer.send({ type: "run", lane: "python", code: "print(1)", ...run, id });
      const { error, started } = await peer.ending(id);
      expect({ ...run, code: error?.code }).toEqual({ ...run, code });
      expect(started).toBeUndefined();
      words.push(error!.message);
    }
    return words;
  }

  it("B4.48 a program that bends everything it can reach cannot bend the verdict", () =>
    arena.withstands(async ({ peer }) => {
      const shadows = ["json", "random", "os", "traceback", "sitecustomize", "usercustomize"].map((name) => ({
        path: `${name}.py`,
        content: `print("${name} of the workspace")\n`,
      }));
      const bent = [
        "import atexit, builtins, os, signal, sys, threading",
        "quiet = lambda *a, **k: None",
        "sys.exit = os._exit = builtins.exit = builtins.quit = os.abort = quiet",
        "os.write = sys.stdout.write = quiet",
        "sys.excepthook = threading.excepthook = sys.unraisablehook = quiet",
        "atexit.register(lambda: sys.stderr.flush())",
        "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)",
        "builtins.print = builtins.open = builtins.__import__ = quiet",
      ].join("\n");
      const shell = [
        "exit() { builtin exit 0; }; kill() { :; }; echo() { :; }; printf() { :; }",
        "shopt -s expand_aliases; alias true=false; PROMPT_COMMAND='builtin exit 0'; BASH_ENV=/workspace/evil; ENV=$BASH_ENV",
        "builtin echo 'builtin exit 0' > evil; export BASH_ENV ENV PROMPT_COMMAND",
        "trap 'builtin echo bye' EXIT; trap '' TERM HUP INT",
        "bash -c 'exit 3'; builtin echo child $?",
        "builtin exit 5",
      ].join("\n");
      const outcomes = await Promise.all([
        peer.run("python", `${bent}\nraise SystemExit(3)`),
        peer.run("python", `${bent}\nraise ValueError`),
        peer.run("python", `${bent}\nwhile True: pass`, { timeoutMs: 1_000 }),
        peer.run("python", "import json, random, datetime\nprint(json.__file__)", { files: shadows }),
        peer.run("shell", shell),
      ]);
      const [exits, raises, spins, shadowed, inShell] = outcomes.map(({ exit, stdout }) => ({
        reason: exit?.reason,
        exitCode: exit?.exitCode,
        stdout,
      }));
      expect(exits).toMatchObject({ reason: "exited", exitCode: 3 });
      expect(raises).toMatchObject({ reason: "exited", exitCode: 1 });
      expect(spins).toMatchObject({ reason: "timed_out", exitCode: null });
      // As a plain `python3 main.py` has it: the program's folder comes first, but not for what runs before the program.
      expect(shadowed?.stdout).toContain("json of the workspace\nrandom of the workspace\n");
      expect(shadowed?.stdout).not.toMatch(/sitecustomize|usercustomize|os of/);
      expect(shadowed).toMatchObject({ reason: "exited", exitCode: 0 });
      expect(inShell).toMatchObject({ reason: "exited", exitCode: 5, stdout: "child 0\nbye\n" });
    }));

  it("B4.49 B4.50 variables that the harness, loader or interpreter reads, broken text and odd lanes are refused before any sandbox is taken", async () => {
    const names = [
      ...["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GLIBC_TUNABLES", "GCONV_PATH", "MALLOC_TRACE"],
      ...["PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PYTHONINSPECT", "PYTHONUNBUFFERED"],
      ...["BASH_ENV", "BASH_FUNC_x%%", "BASHOPTS", "SHELLOPTS", "ENV", "IFS", "PS4", "PROMPT_COMMAND"],
      ...["MATCHBOX_CONTROL_FD", "MATCHBOX_STARTED_OVER", "MATCHBOX_X", "__matchbox_item", "UID", "_", ""],
      ...["A=B", "A\nB", "A\0B", "A B", "1A", "É", "a.b", "x".repeat(129)],
    ];
    const broken = [
      ...names.map((name) => ({ env: { [name]: "x" } })),
      { env: JSON.parse('{"__proto__":"x"}') as object },
      ...[{ env: { A: "x\0y" } }, { env: { A: "\ud800" } }, { args: ["\ud800"] }, { args: ["\0"] }],
      ...[
        { code: "\ud800" },
        { code: 1 },
        { code: null },
        { lane: "" },
        { lane: "x".repeat(65) },
        { lane: "python\0" },
      ],
    ];
    const lanes = ["../x", "__proto__", "constructor", "toString", "Python", "python/../shell"];
    const large = "x".repeat(100_000);

    await using peer = await Peer.connect(arena.daemon.url, { headers: arena.headers });
    const before = await arena.sandboxes();
    await refused(peer, broken, "bad_message");
    await refused(peer, [{ env: { A: large } }, { args: [large] }, { code: "x".repeat(1_048_577) }], "too_large");
    const words = await refused(
      peer,
      lanes.map((lane) => ({ lane })),
      "unknown_lane",
    );
    for (const text of words) expect(text).toMatch(/^There is no lane /);
    // So large that nobody reads whose it is.
    peer.messages.length = 0;
    peer.send({ type: "run", id: "vast", lane: "python", code: "", env: { A: "x".repeat(10_000_000) } });
    expect((await peer.error("too_large")).message).toMatch(/bytes; 8388608 is the most/);
    expect(await arena.sandboxes()).toEqual(before);
  });

  it("B4.49 other variables reach the program and nothing else, whatever they say", () =>
    arena.withstands(async ({ peer }) => {
      const env = {
        HOME: "/nowhere",
        LANG: "xx_XX",
        LC_ALL: "../../etc",
        TZ: ":/proc/1/environ",
        TMPDIR: "/proc/1/root",
        A: "line\nbreak=1; $(exit 9) `exit 9` 'x' \"y\"",
        http_proxy: "http://127.0.0.1:1",
        OPENSSL_CONF: "/workspace/evil",
      };
      const fake = { path: "bash", content: "#!/bin/sh\necho false; exit 0\n", mode: 0o755 };
      const withPath = { ...env, PATH: "/workspace" };
      const names = JSON.stringify(Object.keys(withPath));
      const python = await peer.run(
        "python",
        // Not flushed: a second start of the interpreter must leave a stream a stream.
        `import os, json\nprint(json.dumps({k: os.environ[k] for k in ${names}}))\nos._exit(4)`,
        { env: withPath },
      );
      expect(JSON.parse(python.stdout)).toEqual(withPath);
      expect(python.exit).toMatchObject({ reason: "exited", exitCode: 4 });
      const shell = await peer.run("shell", `printf %s "$A" "$TMPDIR"; exit 4`, { env, files: [fake] });
      expect(shell.stdout).toBe(`${env.A}${env.TMPDIR}`);
      expect(shell.exit).toMatchObject({ reason: "exited", exitCode: 4 });
      // A PATH is the program's: it leads it to another bash, and not the lane.
      const led = await peer.run("shell", "bash; exit 4", { env: { PATH: "/workspace", LANG: "C" }, files: [fake] });
      expect(led.exit).toMatchObject({ reason: "exited", exitCode: 4 });
      expect(led.stdout).toBe("false\n");
    }));

  it("B4.50 code is a text that nothing interpolates, of any content and up to its limit", () =>
    arena.withstands(async ({ peer }) => {
      const hostile = "''' \"\"\" \\ $(exit 9) `exit 9` ${HOME} %s {} EOF\n#EOF\n# \u2028 \ufeff é 😀 \x01\x1b[31m";
      const digest = (code: string) => createHash("sha256").update(code).digest("hex");
      const own = "import hashlib; print(hashlib.sha256(open(__file__, 'rb').read()).hexdigest())";
      const python = [
        `${own}\n# ${hostile}`,
        `${own}\r\nx = 1\r\n# ${hostile}\r\n`,
        `\ufeff${own}\n`,
        `${own}\n#${"x".repeat(1_000_000)}`,
      ];
      const shell = [`sha256sum "$0" | cut -c1-64\nexit 0\n${hostile}`, `sha256sum "$0" | cut -c1-64;exit 0 #\r\n\r\n`];
      for (const [lane, codes] of [
        ["python", python],
        ["shell", shell],
      ] as const) {
        const outcomes = await Promise.all(codes.map((code) => peer.run(lane, code)));
        outcomes.forEach(({ stdout, exit }, index) => {
          expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
          expect(stdout).toBe(`${digest(codes[index]!)}\n`);
        });
      }
      // NUL is no source text for Python, which says so itself.
      const nul = await peer.run("python", "print(1)\0print(2)");
      expect(nul.exit).toMatchObject({ reason: "exited", exitCode: 1 });
      expect(nul.stderr).toMatch(/null bytes/);
    }));
});
