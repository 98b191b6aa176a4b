import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLI, type DaemonProcess, startDaemonProcess } from "../support/daemon.js";

/** As a shell has it for a program that SIGPIPE ended. */
const EXIT_SIGPIPE = 141;

let daemon: DaemonProcess;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "matchbox-outputs-"));
  daemon = await startDaemonProcess(["log.level=error"]);
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a line of shell in which `matchbox` is the command. @returns its exit code and what it wrote */
async function shell(line: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn("bash", ["-c", `matchbox() { "${process.execPath}" "${CLI}" "$@"; }; ${line}`], {
    env: { PATH: process.env["PATH"], MATCHBOX_URL: daemon.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => (texts[name] += text));
  await once(child, "close");
  return { code: child.exitCode, ...texts };
}

/** Gives the reader time to go: the command itself has no such time, its start-up is all there is. */
const AFTER_A_MOMENT = "exec 3> >(exec true); while kill -0 $! 2>/dev/null; do :; done; ";

describe("commands whose reader has gone", () => {
  it.each([
    "--help",
    "help run",
    "--version",
    ...["serve", "run", "status", "doctor", "build", "bench", "advise"].map((name) => `${name} --help`),
    "status",
    "status --json",
    "doctor --set lanes.shell.network=none",
    "doctor --json",
    "bench --list",
    "run python 'print(1)'",
    "run python 'print(1)' --json",
  ])("end quietly, and say by their exit code that their output broke: %s", async (command) => {
    expect(await shell(`${AFTER_A_MOMENT} matchbox ${command} >&3`)).toEqual({
      code: EXIT_SIGPIPE,
      stdout: "",
      stderr: "",
    });
  });

  it("the reader of the watch goes after a while: it ends", async () => {
    const { code, stdout, stderr } = await shell("matchbox status --watch | head -4; echo ${PIPESTATUS[0]}");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe(String(EXIT_SIGPIPE));
  });

  it.each([
    ["an unknown command", "frobnicate", 125],
    ["a lane that is not there", "run nowhere 'print(1)'", 125],
    ["no daemon", "status --url unix:/nonexistent.sock", 125],
    ["a program that succeeds", "run python 'print(1)' >/dev/null", 0],
    ["a file that is not there", "advise --trace /nonexistent", 125],
  ])("nobody hears what goes wrong: the exit code is as ever (%s)", async (_what, command, code) => {
    expect(await shell(`${AFTER_A_MOMENT} matchbox ${command} 2>&3`)).toEqual({ code, stdout: "", stderr: "" });
  });

  it.each(["status", "doctor --help", "run python 'print(1)'", "run python 'print(1)' --json"])(
    "a full disk is told, in one line: %s",
    async (command) => {
      const { code, stderr } = await shell(`matchbox ${command} >/dev/full`);
      expect(code).toBe(125);
      expect(stderr).toMatch(/^matchbox: The output cannot be written: ENOSPC[^\n]*\n$/);
    },
  );

  it("both are closed: the exit code is the program's", async () => {
    expect(await shell("matchbox run python 'raise SystemExit(7)' >&- 2>&-")).toMatchObject({ code: 7 });
  });
});
