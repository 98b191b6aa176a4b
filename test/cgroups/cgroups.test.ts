import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configSchema, type Language } from "../../src/config/schema.js";
import {
  decodeExit,
  encodeProgram,
  type Frame,
  FrameDecoder,
  FromRunner,
  type RunnerExit,
} from "../../src/container/runner-frames.js";
import { sandboxSpec } from "../../src/pool/spec.js";
import { decide } from "../../src/run/outcome.js";
import { type Case, type CgroupVersion, VirtualMachine } from "./virtual-machine.js";

/** Boots three machines in emulation, some minutes: `npm run test:cgroups`. What they have in common is in `usage_test.c`. */
const isAsked = process.env["MATCHBOX_TEST_CGROUPS"] === "1";
const VERSIONS: readonly CgroupVersion[] = ["v1", "v2", "hybrid"];
const BOOT_TIMEOUT_MS = 900_000;
const MEMORY_BYTES = 96 * 1024 * 1024;
const GREEDY = "x = bytearray(1 << 30)";

const config = configSchema.parse({ lanes: { python: { language: "python" }, shell: { language: "shell" } } });

function caseOf(name: string, language: Language, code: string, timeoutMs = 120_000): Case {
  const lane = config.lanes[language]!;
  const { command, pids } = sandboxSpec(language, lane, { image: "", ociRuntime: null, seccompProfile: "{}" });
  const main = language === "python" ? "main.py" : "main.sh";
  const input = encodeProgram({
    files: [{ path: main, mode: 0o644, content: Buffer.from(code) }],
    ...{
      args: [],
      env: {},
      timeoutMs,
      graceMs: 0,
      stdinOpen: false,
      collect: [],
      maxCollectBytes: 0,
      maxCollectFiles: 0,
    },
  });
  return { name, command, pids, memoryBytes: MEMORY_BYTES, input };
}

const CASES: readonly Case[] = [
  caseOf("plain", "python", "print(sum(range(2_000_000)))"),
  caseOf("main over its memory", "python", GREEDY),
  caseOf(
    "child over its memory",
    "python",
    `import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', '${GREEDY}']).returncode)`,
  ),
  caseOf("two children over their memory", "shell", `for _ in 1 2; do python3 -c '${GREEDY}'; echo $?; done`),
  caseOf("a failed allocation", "python", "try: bytearray(1 << 62)\nexcept MemoryError: print('refused')"),
  caseOf("SIGKILL of its own", "python", "import os; os.kill(os.getpid(), 9)"),
  caseOf("exit code 137", "python", "raise SystemExit(137)"),
  caseOf("time-out", "python", "while True: pass", 1_000),
  caseOf("many processes", "shell", "for _ in $(seq 30); do (exit 0); done; echo done"),
];

const EXPECTED: Readonly<Record<string, object>> = {
  plain: { reason: "exited", exitCode: 0, oomKills: 0, stdout: "1999999000000\n" },
  "main over its memory": { reason: "out_of_memory", signal: "SIGKILL", oomKills: 1, stdout: "" },
  "child over its memory": { reason: "exited", exitCode: 0, oomKills: 1, stdout: "-9\n" },
  "two children over their memory": { reason: "exited", exitCode: 0, oomKills: 2, stdout: "137\n137\n" },
  "a failed allocation": { reason: "exited", exitCode: 0, oomKills: 0, stdout: "refused\n" },
  "SIGKILL of its own": { reason: "signaled", signal: "SIGKILL", oomKills: 0, stdout: "" },
  "exit code 137": { reason: "exited", exitCode: 137, oomKills: 0, stdout: "" },
  "time-out": { reason: "timed_out", oomKills: 0, stdout: "" },
  "many processes": { reason: "exited", exitCode: 0, oomKills: 0, stdout: "done\n" },
};

interface Told {
  readonly exit: RunnerExit;
  readonly stdout: string;
}

function read(said: Buffer): Told {
  const frames: Frame[] = [];
  new FrameDecoder().push(said, (frame) => frames.push(frame));
  const exit = frames.find(({ type }) => type === FromRunner.exit);
  if (exit === undefined) throw new Error(`no ending in ${said.toString("latin1")}`);
  const output = frames.filter(({ type }) => type === FromRunner.stdout).map(({ payload }) => payload);
  return { exit: decodeExit(exit.payload), stdout: Buffer.concat(output).toString() };
}

describe.skipIf(!isAsked)("a sandbox on a host of another kind", () => {
  let machine: VirtualMachine;
  beforeAll(async () => {
    machine = await VirtualMachine.prepare();
  }, BOOT_TIMEOUT_MS);
  afterAll(() => machine[Symbol.asyncDispose]());

  describe.each(VERSIONS)("with control groups %s", (version) => {
    let told: ReadonlyMap<string, Told>;
    beforeAll(async () => {
      const said = await machine.boot(version, CASES);
      told = new Map([...said].map(([name, bytes]) => [name, read(bytes)]));
    }, BOOT_TIMEOUT_MS);

    it.each(CASES.map(({ name }) => name))("tells the ending as it was: %s", (name) => {
      const { exit, stdout } = told.get(name)!;
      const verdict = decide({ kind: "reported", exit }, undefined);
      expect({ ...verdict, oomKills: exit.oomKills, stdout }).toMatchObject(EXPECTED[name]!);
    });

    it("counts processor time and memory", () => {
      const { exit } = told.get("plain")!;
      expect(exit.cpuMs).toBeGreaterThan(1);
      expect(exit.cpuMs).toBeLessThan(exit.runMs * 2 + 50);
      expect(exit.maxRssBytes).toBeGreaterThan(4 * 1024 * 1024);
      expect(exit.maxRssBytes).toBeLessThan(MEMORY_BYTES);
    });
  });
});
