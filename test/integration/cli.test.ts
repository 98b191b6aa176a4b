import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLI, type DaemonProcess, startDaemonProcess } from "../support/daemon.js";
import { waitFor } from "../support/wait.js";

/** The compiled command, exactly as people run it. */

let daemon: DaemonProcess;
let url: string;
let folder: string;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What has come on stdout so far. */
  stdout(): string;
}

function start(
  args: readonly string[],
  options: { input?: string | Buffer; env?: Record<string, string> } = {},
): Running {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"], MATCHBOX_URL: url, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  // A program that does not read its input closes it.
  child.stdin.on("error", () => undefined);
  if (options.input !== undefined) child.stdin.end(options.input);
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString("latin1");
  const ended = once(child, "close").then(() => ({ code: child.exitCode, stdout: text(out), stderr: text(err) }));
  return { child, ended, stdout: () => text(out) };
}

const until = (isSo: () => boolean) => waitFor(isSo, { timeoutMs: 30_000, what: "output" });

const matchbox = (args: readonly string[], options?: { input?: string | Buffer; env?: Record<string, string> }) =>
  start(args, options).ended;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "matchbox-cli-"));
  daemon = await startDaemonProcess(["log.level=error", "lanes.shell.warm=2"]);
  url = daemon.url;
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

describe("matchbox run", () => {
  it("keeps stdout and stderr apart and adds nothing of its own", async () => {
    const code = 'import sys; print("out"); print("err", file=sys.stderr)';
    expect(await matchbox(["run", "python", code])).toEqual({ code: 0, stdout: "out\n", stderr: "err\n" });
  });

  it("passes every byte through as it is", async () => {
    const { stdout } = await matchbox([
      "run",
      "python",
      "import sys; sys.stdout.buffer.write(bytes(range(256)) * 1000)",
    ]);
    expect(
      Buffer.from(stdout, "latin1").equals(Buffer.from(Array.from({ length: 256_000 }, (_, index) => index % 256))),
    ).toBe(true);
  });

  it("shows output while the program still runs", async () => {
    const running = start(["run", "python", 'print("first", flush=True)\nimport time; time.sleep(20)']);
    await until(() => running.stdout() === "first\n");
    expect(running.child.exitCode).toBeNull();
    running.child.kill("SIGINT");
    await running.ended;
  });

  it.each([
    ["the program's own", "python", "import sys; sys.exit(3)", [], 3],
    ["1 for an exception that nobody caught", "python", "raise ValueError('x')", [], 1],
    ["the shell's last command's", "shell", "false; (exit 42)", [], 42],
    ["124 when it timed out", "python", "while True: pass", ["--timeout", "500ms"], 124],
    ["128+n for a signal", "python", "import os; os.kill(os.getpid(), 15)", [], 143],
    ["128+n for another signal", "shell", "kill -SEGV $$", [], 139],
  ])("exits with %s", async (_title, lane, code, options, expected) => {
    expect((await matchbox(["run", lane, code, ...options])).code).toBe(expected);
  });

  it("says why a program that it killed is gone", async () => {
    const { stderr } = await matchbox(["run", "shell", "sleep 60", "--timeout", "300ms"]);
    expect(stderr).toBe("matchbox: timed out after 300 ms; the program was killed\n");
  });

  it("exits with 137 and a reason when memory runs out", async () => {
    const { code, stderr } = await matchbox([
      "run",
      "python",
      "x = bytearray(2_000_000_000)\nfor i in range(0, len(x), 4096): x[i] = 1",
    ]);
    expect(stderr).toMatch(/^matchbox: out of memory \(the lane "python" has \d+ MiB/m);
    expect(code).toBe(137);
  });

  it("exits with 125 for what Matchbox refuses, with the daemon's words", async () => {
    const unknown = await matchbox(["run", "cobol", "x"]);
    expect(unknown.code).toBe(125);
    expect(unknown.stdout).toBe("");
    expect(unknown.stderr).toMatch(/^matchbox: .*cobol.*\(unknown_lane\)\n$/);
    expect((await matchbox(["run", "python", "x", "--timeout", "10"])).stderr).toContain("did you mean 10s or 10ms?");
    expect((await matchbox(["run", "python"])).code).toBe(125);
    expect((await matchbox(["run", "python", "1", "--nonsense"])).code).toBe(125);
  });

  it("exits with 125 and one line that helps when no daemon answers", async () => {
    const result = await matchbox(["run", "python", "1"], { env: { MATCHBOX_URL: "http://127.0.0.1:1" } });
    expect(result).toMatchObject({ code: 125, stdout: "" });
    expect(result.stderr).toMatch(/^matchbox: Cannot connect to http:\/\/127\.0\.0\.1:1: .*npm start\n$/);
  });

  it("reads the program from a file with -f, and gives it what comes after --", async () => {
    await writeFile(join(folder, "program.py"), "import sys; print(sys.argv[1:])");
    const { stdout } = await matchbox(["run", "python", "-f", "program.py", "--", "a b", "--json", "--"]);
    expect(stdout).toBe("['a b', '--json', '--']\n");
  });

  it('reads the program from stdin with "-"', async () => {
    expect(await matchbox(["run", "shell", "-"], { input: "echo från stdin" })).toMatchObject({
      code: 0,
      stdout: Buffer.from("från stdin\n").toString("latin1"),
    });
  });

  it("sets environment variables", async () => {
    const { stdout } = await matchbox(["run", "shell", 'echo "$A-$B"', "-e", "A=1", "--env", "B=x=y"]);
    expect(stdout).toBe("1-x=y\n");
  });

  it("passes its own stdin to the program as it comes, to its end", async () => {
    const running = start([
      "run",
      "python",
      "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)",
      "--stdin",
    ]);
    running.child.stdin?.write("one\n");
    await until(() => running.stdout() === "ONE\n");
    running.child.stdin?.end("two\n");
    expect(await running.ended).toMatchObject({ code: 0, stdout: "ONE\nTWO\n" });
  });

  it("ends with the program although its stdin stays open", async () => {
    expect(await start(["run", "python", "print(1)", "--stdin"]).ended).toMatchObject({ code: 0, stdout: "1\n" });
  });

  it.each([
    ["each byte", Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    [
      "a mebibyte of all of them",
      Buffer.from(Array.from({ length: 1024 * 1024 }, (_, at) => (at * 31 + (at >> 8)) % 256)),
    ],
    ["nothing", Buffer.alloc(0)],
  ])("passes %s of its input on as it is", async (_what, input) => {
    const { code, stdout } = await matchbox(["run", "shell", "cat", "--stdin"], { input });
    expect(code).toBe(0);
    expect(Buffer.from(stdout, "latin1").equals(input)).toBe(true);
  });

  it("cancels the run on Ctrl-C, waits for its ending, and exits with 130", async () => {
    const running = start(["run", "shell", "echo ready; sleep 60"]);
    await until(() => running.stdout() === "ready\n");
    running.child.kill("SIGINT");
    expect(await running.ended).toEqual({
      code: 130,
      stdout: "ready\n",
      stderr: "matchbox: cancelled; the program was killed\n",
    });
  });

  it("ends quietly when its reader has enough", async () => {
    const running = start(["run", "shell", "yes"]);
    await until(() => running.stdout() !== "");
    running.child.stdout?.destroy();
    expect(await running.ended).toMatchObject({ code: 141, stderr: "" });
  });
});

describe("files", () => {
  it("go in and come back exactly, and stay out of each other's way", async () => {
    await writeFile(join(folder, "in.bin"), Buffer.from([0, 255, 10, 13]));
    const args = ["run", "shell", "mkdir -p made/deep; cat sub/in.bin sub/in.bin > made/deep/out.bin; echo x > other"];
    const { code, stderr } = await matchbox([
      ...args,
      "--file",
      "in.bin:sub/in.bin",
      "--collect",
      "made/**",
      "--out",
      "results",
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect([...(await readFile(join(folder, "results/made/deep/out.bin")))]).toEqual([0, 255, 10, 13, 0, 255, 10, 13]);
    expect(await readdir(join(folder, "results"))).toEqual(["made"]);
  });

  it("replace nothing without --force, and say so", async () => {
    await writeFile(join(folder, "kept.txt"), "mine");
    const args = ["run", "shell", "echo theirs > kept.txt", "--collect", "kept.txt"];
    const refused = await matchbox(args);
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain("--force");
    expect(await readFile(join(folder, "kept.txt"), "utf8")).toBe("mine");
    expect((await matchbox([...args, "--force"])).code).toBe(0);
    expect(await readFile(join(folder, "kept.txt"), "utf8")).toBe("theirs\n");
  });

  it("that are hidden do not come into the current folder", async () => {
    const { stderr } = await matchbox([
      "run",
      "shell",
      "mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit",
      "--collect",
      ".git/**",
    ]);
    expect(stderr).toContain("--out");
    expect(await readdir(folder)).not.toContain(".git");
  });
});

describe("--json", () => {
  it("prints one object with everything, and keeps the exit code", async () => {
    const code = 'import sys; print("out"); print("err", file=sys.stderr); open("f.txt", "w").write("x"); sys.exit(4)';
    const result = await matchbox(["run", "python", code, "--json", "--collect", "f.txt", "--out", "json-out"]);
    expect(result).toMatchObject({ code: 4, stderr: "" });
    expect(result.stdout.split("\n")).toHaveLength(2);
    expect(JSON.parse(result.stdout)).toMatchObject({
      lane: "python",
      reason: "exited",
      exitCode: 4,
      signal: null,
      stdout: "out\n",
      stderr: "err\n",
      files: [{ path: "f.txt", size: 1, savedAs: "json-out/f.txt" }],
      output: { stdout: { bytes: 4, truncated: false } },
    });
  });

  it("gives bytes that are no text as base64 too", async () => {
    const { stdout } = await matchbox(["run", "python", 'import sys; sys.stdout.buffer.write(b"a\\xff")', "--json"]);
    expect(JSON.parse(Buffer.from(stdout, "latin1").toString("utf8"))).toMatchObject({
      stdout: "a\ufffd",
      stdoutBase64: "Yf8=",
    });
  });

  it("tells a failure of Matchbox as an object as well", async () => {
    const result = await matchbox(["run", "cobol", "x", "--json"]);
    expect(result.code).toBe(125);
    expect(JSON.parse(result.stdout)).toMatchObject({
      lane: "cobol",
      error: { code: "unknown_lane", retryable: false },
    });
  });
});

describe("matchbox status", () => {
  it("shows every lane", async () => {
    const { code, stdout, stderr } = await matchbox(["status"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^LANE +STATE +STOCK/m);
    expect(stdout).toMatch(/^python +ready +\d\/2 /m);
    expect(stdout).toMatch(/^shell +ready +\d\/2 /m);
  });

  it("prints the daemon's report with --json", async () => {
    const { stdout } = await matchbox(["status", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ lanes: [{ name: "python" }, { name: "shell" }] });
  });

  it("goes on with --watch until it is told to stop", async () => {
    const running = start(["status", "--watch"]);
    await until(() => running.stdout().split("LANE").length > 2);
    running.child.kill("SIGINT");
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  });

  it("says how to start a daemon when there is none", async () => {
    expect(await matchbox(["status", "--url", "unix:/nonexistent.sock"])).toMatchObject({
      code: 125,
      stdout: "",
      stderr: expect.stringContaining("npm start"),
    });
  });
});

describe("matchbox bench", () => {
  it("tells in the daemon's own words what is wrong with its settings", async () => {
    const { code, stdout, stderr } = await matchbox(["bench", "warm-hit", "--set", "lanes.python.wram=8"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^matchbox: The daemon did not start:\nmatchbox: .*lanes\.python.*wram.*\n$/);
  });

  it("refuses settings that have no form, and those for a daemon that runs already", async () => {
    expect((await matchbox(["bench", "--set", "wram"])).stderr).toContain('"wram" must look like lanes.python.warm=8');
    const { code, stderr } = await matchbox(["bench", "--url", url, "--set", "server.rehearsalMs=0"]);
    expect(code).toBe(1);
    expect(stderr).toContain("--set and --url do not go together");
  });
});

describe("help", () => {
  it.each([["serve"], ["run"], ["status"], ["build"], ["bench"]])(
    "of %s has an example and exits with 0",
    async (name) => {
      const { code, stdout, stderr } = await matchbox([name, "--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain(`Usage: matchbox ${name}`);
      expect(stdout).toMatch(/Examples:\n {2}\$ /);
      expect((await matchbox(["help", name])).stdout).toBe(stdout);
    },
  );

  it("lists the commands, and knows what was meant by one that does not exist", async () => {
    expect((await matchbox([])).stdout).toContain("status");
    const { code, stderr } = await matchbox(["rum"]);
    expect(code).toBe(125);
    expect(stderr).toMatch(/Did you mean run\?/);
  });
});
