import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Readable } from "node:stream";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { DirectPipesChoice, openDirectPipes, ReadBuffer } from "../../../src/container/direct-pipes.js";
import type { PipeOffer } from "../../../src/container/runner-frames.js";
import { waitFor } from "../../support/wait.js";
import { failureOf } from "../../support/promises.js";

/** A process that offers a pipe to write to and one to read from, as a runner does; on "go" it lets go of their other ends. */
async function holder(program = 'read -r line <&6; echo "got $line" >&9') {
  const folder = await mkdtemp(join(tmpdir(), "matchbox-pipes-"));
  const script = `cd ${folder}; mkfifo a b; exec 5<>a 6<a 7<>c 8<>b 9>b; echo ready; read -r go; exec 5>&- 8>&-; ${program}`;
  const child = spawn("bash", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true });
  });
  await once(child.stdout, "data");
  const pid = child.pid!;
  const inode = async (fd: number): Promise<bigint> => (await stat(`/proc/${pid}/fd/${fd}`, { bigint: true })).ino;
  const offer: PipeOffer = { input: { fd: 6, inode: await inode(6) }, output: { fd: 9, inode: await inode(9) } };
  const go = (): void => void child.stdin.write("go\n");
  return { child, ended, pid, offer, go };
}

const BUFFER = new ReadBuffer();

/** All that comes, to the end. */
async function textOf(output: Readable): Promise<string> {
  let text = "";
  output.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  output.resume();
  await once(output, "close");
  return text;
}

const openDescriptors = async (): Promise<string[]> => readdir("/proc/self/fd");

describe("the pipes of another process", () => {
  it("carry bytes both ways, and end when the other end does", async () => {
    const { pid, offer, go } = await holder();
    const { input, output } = await openDirectPipes(pid, offer, BUFFER);
    go();
    input.write("hello\n");
    expect(await textOf(output)).toBe("got hello\n");
    input.destroy();
  });

  it("hold the writer back as long as nobody reads", async () => {
    const { child, pid, offer, go } = await holder("head -c 4000000 /dev/zero >&9; echo done");
    const said: string[] = [];
    child.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()));
    const { input, output } = await openDirectPipes(pid, offer, BUFFER);
    output.pause();
    go();
    await sleep(200);
    expect(said).toEqual([]);
    expect(await textOf(output)).toHaveLength(4_000_000);
    input.destroy();
  });

  it("close without an error when the other end is gone", async () => {
    const { child, ended, pid, offer } = await holder();
    const { input, output } = await openDirectPipes(pid, offer, BUFFER);
    const closed = [input, output].map((pipe) => new Promise((resolve) => pipe.once("close", resolve)));
    output.resume();
    child.kill("SIGKILL");
    await closed[1];
    // The kernel closes a dead process's descriptors one after the other.
    await ended;
    input.write("to nobody");
    await closed[0];
    expect([input.destroyed, output.destroyed]).toEqual([true, true]);
  });

  it.each<[string, (offer: PipeOffer) => PipeOffer, RegExp]>([
    [
      "are other pipes",
      ({ input, output }) => ({ input, output: { ...output, inode: output.inode + 1n } }),
      /is not the runner's pipe/,
    ],
    [
      "are no pipes",
      ({ input, output }) => ({ input: { ...input, fd: 2 }, output }),
      /is not the runner's pipe|EACCES|ENXIO/,
    ],
    ["are not there", ({ input, output }) => ({ input, output: { ...output, fd: 900 } }), /ENOENT/],
  ])("are refused, and nothing stays open, where they %s", async (_what, twist, message) => {
    const { pid, offer } = await holder();
    const before = await openDescriptors();
    expect(await failureOf(openDirectPipes(pid, twist(offer), BUFFER))).toMatchObject({
      message: expect.stringMatching(message),
    });
    await waitFor(async () => (await openDescriptors()).length <= before.length, {
      timeoutMs: 5_000,
      what: "what was opened to be closed",
    });
  });

  it("are refused where there is no such process", async () => {
    const { offer } = await holder();
    expect(await failureOf(openDirectPipes(2 ** 30, offer, BUFFER))).toMatchObject({ code: "ENOENT" });
  });
});

describe("whether to go past the engine", () => {
  function choice(wanted = true) {
    const lines: string[] = [];
    const log = pino(
      { level: "debug" },
      { write: (line: string) => lines.push((JSON.parse(line) as { msg: string }).msg) },
    );
    return { choice: new DirectPipesChoice({ wanted, log }), lines };
  }

  it("is not tried where it is not wanted", () => {
    expect(choice(false).choice.isOpen).toBe(false);
  });

  it("is given up after three failures, and said once", () => {
    const { choice: pipes, lines } = choice();
    for (let failure = 0; failure < 3; failure += 1) {
      expect([pipes.isOpen, lines]).toEqual([true, []]);
      pipes.failed(new Error("EACCES"));
    }
    pipes.failed(new Error("EACCES"));
    expect(pipes.isOpen).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/out of reach/)]);
  });

  it("stays once it has worked, whatever goes wrong with one sandbox", () => {
    const { choice: pipes, lines } = choice();
    pipes.worked();
    pipes.worked();
    pipes.failed(new Error("ENOENT"));
    expect(pipes.isOpen).toBe(true);
    expect(lines).toEqual([expect.stringMatching(/past the engine/)]);
  });
});
