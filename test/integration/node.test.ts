import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunRequest } from "../../src/protocol/messages.js";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { ensureOwnImage } from "../support/own-image.js";
import { type Outcome, Peer } from "../support/peer.js";

const BUILD_DEADLINE_MS = 600_000;

let daemon: TestDaemon;
let peer: Peer;
beforeAll(async () => {
  const image = await ensureOwnImage("node");
  daemon = await startDaemon([
    "lanes.python.warm=0",
    "lanes.shell.warm=0",
    `lanes.node={language: node, image: "${image}", warm: 2, maxSandboxes: 8}`,
    `lanes.modules={language: node, image: "${image}", mainFile: main.mjs, warm: 0}`,
    // A plain start of the same program, in the same image.
    `lanes.plain={language: other, command: [node], mainFile: main.js, image: "${image}", warm: 1, maxSandboxes: 8}`,
  ]);
  peer = await Peer.connect(daemon.url);
}, BUILD_DEADLINE_MS);
afterAll(async () => {
  await peer[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

type More = Partial<Omit<RunRequest, "lane" | "code">>;

const told = ({ stdout, stderr, exit, error }: Outcome) => ({
  stdout,
  // Where things are in memory is new in every process.
  stderr: stderr.replaceAll(/\b0x[0-9a-f]+/g, "ADDRESS"),
  ...{ reason: exit?.reason, code: exit?.exitCode, signal: exit?.signal },
  error,
});

/** What a program does in the lane, after a check that it is what a plain start of it does. */
async function same(code: string, more: More = {}): Promise<ReturnType<typeof told>> {
  const [waited, plain] = await Promise.all([peer.run("node", code, more), peer.run("plain", code, more)]);
  expect(told(waited)).toEqual(told(plain));
  return told(waited);
}

describe("a lane for Node in an image that knows nothing of Matchbox", () => {
  it("has a Node waiting, whose first output comes sooner than a plain start's", async () => {
    const warm = await peer.run("node", "console.log(process.version)");
    expect(warm.started?.launch).toBe("warm");
    expect(warm.stdout).toMatch(/^v\d+\.\d+\.\d+\n$/);
    const plain = await peer.run("plain", "console.log(process.version)");
    expect(warm.exit!.timings.firstByteMs!).toBeLessThan(plain.exit!.timings.firstByteMs!);
  });

  it("shows a program the arguments, the options and the environment of a plain start", async () => {
    const code = [
      "console.log(process.argv, process.execArgv, process.title, process.stdin.isTTY, process.stdout.isTTY)",
      "console.log(JSON.stringify(Object.entries(process.env).sort()))",
      "console.log(require.main === module, module.children.length, Object.keys(require.cache), __filename)",
      "console.log(process.cwd(), process.exitCode, process.getActiveResourcesInfo(), process.listenerCount('exit'))",
      "console.log(Object.keys(require('module')._pathCache), process._preload_modules, process.eventNames())",
    ].join("\n");
    const { stdout } = await same(code, { args: ["a b", "", "--c", "é"], env: { A: "1=2", TZ: "Asia/Tokyo" } });
    expect(stdout).toContain("'a b', '', '--c', 'é'");
    expect(stdout).toContain('["NODE_OPTIONS","--max-old-space-size=300 --no-deprecation"]');
    expect(stdout).not.toMatch(/MATCHBOX|matchbox/);
  });

  it.each([
    ["an error that nobody catches", "function f() { throw new TypeError('x'); }\nf();"],
    ["a rejection that nobody catches", "Promise.reject(new Error('late'));"],
    ["text that is no program", "let x = ;"],
    ["a module that is not there", "require('./nothing-here');"],
    ["an exit in the middle", "console.log('before'); process.exit(3); console.log('after');"],
    ["a signal to itself", "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 10000);"],
    ["a crash", "process.abort();"],
    [
      "handlers of the exit",
      "process.on('exit', (code) => console.error('bye', code)); setTimeout(() => (process.exitCode = 7), 5);",
    ],
    ["a lot of output", "for (let i = 0; i < 20000; i += 1) console.log(i);"],
  ])("ends and speaks as a plain start does: %s", async (_what, code) => {
    const { error } = await same(code);
    expect(error).toBeUndefined();
  });

  it("leaves no frame of its own in a trace, down to the last", async () => {
    const { stderr } = await same("Error.stackTraceLimit = 100; null.x");
    expect(stderr).toMatch(/at Object\.<anonymous> \(\/workspace\/main\.js:1:/);
    expect(stderr).not.toMatch(/matchbox|wait\.cjs/);
  });

  it("reads its input, all at once and as it comes", async () => {
    const { stdout } = await same("console.log(require('fs').readFileSync(0, 'utf8').length)", {
      stdin: "é".repeat(100_000),
    });
    expect(stdout).toBe("100000\n");
    const lines =
      "require('readline').createInterface({ input: process.stdin }).on('line', (l) => console.log('<' + l))";
    expect((await same(lines, { stdin: "one\ntwo\n" })).stdout).toBe("<one\n<two\n");
    expect((await same("process.stdin.on('end', () => console.log('end')).resume()")).stdout).toBe("end\n");
  });

  it("lets the workspace decide what a program is and imports", async () => {
    const files = [
      { path: "package.json", content: '{"type":"module"}' },
      { path: "lib/x.js", content: "export default 42;" },
      { path: "fs.js", content: "export default 'own';" },
    ];
    const code = "import x from './lib/x.js'; import own from './fs.js'; console.log(x, own, import.meta.url);";
    expect((await same(code, { files })).stdout).toBe("42 own file:///workspace/main.js\n");
    const module = "import { readFileSync } from 'fs'; console.log(await Promise.resolve(1), readFileSync.length);";
    expect((await peer.run("modules", module)).stdout).toMatch(/^1 \d\n$/);
  });

  it("has workers and children that wait for nothing", async () => {
    const worker =
      "const { Worker, isMainThread } = require('worker_threads');\n" +
      "if (isMainThread) new Worker(__filename).on('exit', (code) => console.log('worker', code));\n" +
      "else console.log('in', Object.keys(process.env).filter((name) => name.startsWith('MATCHBOX')), Object.keys(require.cache));";
    expect((await same(worker)).stdout).toBe("in [] [ '/workspace/main.js' ]\nworker 0\n");
    const child =
      "const { fork } = require('child_process');\n" +
      "if (process.argv[2]) process.send(process.execArgv.concat(process.argv.slice(2)));\n" +
      "else fork(__filename, ['x']).on('message', (m) => console.log(m)).on('exit', (code) => console.log(code));";
    expect((await same(child)).stdout).toBe("[ 'x' ]\n0\n");
  });

  it("takes variables that Node reads when it starts", async () => {
    const code = [
      "console.log(Error.stackTraceLimit, require('module').globalPaths[0], Intl.NumberFormat().resolvedOptions().locale)",
      "console.log(process.argv, require('fs').readFileSync(0, 'utf8'))",
      "process.exitCode = 5",
    ].join("\n");
    const env = { NODE_OPTIONS: "--stack-trace-limit=2", NODE_PATH: "/workspace/lib", LC_ALL: "de_DE.UTF-8" };
    const { code: exitCode, stdout } = await same(code, { env, args: ["x"], stdin: "input" });
    expect(exitCode).toBe(5);
    expect(stdout).toMatch(/^2 \/workspace\/lib de-DE\n.*'x' \] input\n$/s);
  });

  it("passes on a signal where it had to start anew", async () => {
    const { reason, signal } = await same("process.kill(process.pid, 'SIGKILL')", { env: { NODE_DEBUG: "none" } });
    expect([reason, signal]).toEqual(["signaled", "SIGKILL"]);
  });

  it("leaves its ending to the program where that had to start anew", async () => {
    const code =
      "process.on('SIGTERM', () => { console.log('asked'); process.exit(3); }); setInterval(() => undefined, 1000);";
    const limits = { timeoutMs: 3_000, graceMs: 10_000 };
    const { exit, stdout } = await peer.run("node", code, { env: { NODE_DEBUG: "none" }, ...limits });
    expect(exit).toMatchObject({ reason: "timed_out", exitCode: 3, grace: { ended: "by_itself" } });
    expect(stdout).toBe("asked\n");
  });

  it("ends at its time-out, even in a loop that never yields", async () => {
    const { exit } = await peer.run("node", "console.log('on'); for (;;);", { timeoutMs: 300 });
    expect(exit).toMatchObject({ reason: "timed_out" });
  });

  it("tells clients its language", () => {
    const hello = peer.messages.find((message) => message.type === "hello");
    expect(hello?.lanes.map(({ name, language }) => [name, language])).toContainEqual(["node", "node"]);
  });
});
