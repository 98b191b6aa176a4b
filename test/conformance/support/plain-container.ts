import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import path from "node:path";
import { z } from "zod";
import { loadConfig } from "../../../src/config/load.js";
import { attach } from "../../../src/container/attach.js";
import { Demux } from "../../../src/container/demux.js";
import { createOptions } from "../../../src/container/docker-create-options.js";
import { engineAddress } from "../../../src/container/engine-address.js";
import { newSandboxId } from "../../../src/container/labels.js";
import { packageRoot } from "../../../src/package-root.js";
import { sandboxSpec } from "../../../src/pool/spec.js";
import { newInstance } from "../../support/daemon.js";
import { callEngine, testImage } from "../../support/probes/engine.js";
import { type Ending, showBytes } from "./ending.js";
import type { Language, Program } from "./programs.js";

/** What a user would type. */
const COMMANDS: Readonly<Record<Language, readonly [command: string, mainFile: string]>> = {
  python: ["python3", "main.py"],
  shell: ["bash", "main.sh"],
};
/** No speeds are compared, so the plain side may be faster than a lane: it is as fast as one processor. */
const CPUS = 1;
/** A program that runs for so long is broken; its ending is that of a SIGKILL. */
const PROGRAM_TIMEOUT_MS = 60_000;

const answerLine = z.strictObject({ status: z.int(), stdout: z.base64(), stderr: z.base64() });

/**
 * A container of the sandbox image with a lane's user, limits, filters and file systems, in which programs run as in any
 * container: no runner, no hook, no daemon. One after the other, because what one leaves behind is not what is compared.
 */
export class PlainContainer implements AsyncDisposable {
  readonly #id: string;
  readonly #stream: Duplex;
  readonly #answers: AsyncIterator<string>;
  readonly #stderr: () => string;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: { id: string; stream: Duplex; answers: AsyncIterator<string>; stderr: () => string }) {
    this.#id = parts.id;
    this.#stream = parts.stream;
    this.#answers = parts.answers;
    this.#stderr = parts.stderr;
  }

  static async start(language: Language): Promise<PlainContainer> {
    const lane = (await loadConfig({ overrides: [] })).lanes[language]!;
    const seccomp = await readFile(path.join(packageRoot(), "sandbox", "seccomp.json"), "utf8");
    const spec = sandboxSpec(
      language,
      { ...lane, network: "none", cpus: CPUS },
      { image: testImage(), ociRuntime: null, seccompProfile: JSON.stringify(JSON.parse(seccomp)) },
    );
    const instance = newInstance();
    const options = createOptions(
      spec,
      { sandbox: newSandboxId(), instance, daemon: instance, network: undefined },
      {
        imageId: spec.image,
        resolvesLocalhost: true,
        hasIPv6: true,
        imageVolumes: [],
        imageVariables: [],
        runnerVolume: undefined,
      },
    );
    const driver = await readFile(path.join(import.meta.dirname, "plain.py"), "utf8");
    const created = await callEngine("POST", `/containers/create`, {
      ...options,
      Entrypoint: ["python3", "-I", "-S", "-c", driver],
      Cmd: [],
      HostConfig: { ...options.HostConfig, AutoRemove: false },
    });
    const { Id: id } = JSON.parse(created.toString()) as { Id: string };
    try {
      const stream = await attach(engineAddress(process.env["DOCKER_HOST"] ?? null), id, AbortSignal.timeout(20_000));
      let stderr = "";
      const demux = new Demux((bytes) => (stderr += bytes.toString()));
      const answers = createInterface({ input: stream.pipe(demux) })[Symbol.asyncIterator]();
      await callEngine("POST", `/containers/${id}/start`);
      return new PlainContainer({ id, stream, answers, stderr: () => stderr });
    } catch (error) {
      await callEngine("DELETE", `/containers/${id}?force=1&v=1`);
      throw error;
    }
  }

  /** Runs a program when those before it are done. */
  run(program: Program): Promise<Ending> {
    const ending = this.#turn.then(() => this.#run(program));
    this.#turn = ending.catch(() => undefined); // The caller's to handle; the next one does not care.
    return ending;
  }

  async #run(program: Program): Promise<Ending> {
    const [command, mainFile] = COMMANDS[program.language];
    const files = { ...program.files, [mainFile]: program.code };
    const request = {
      command: [command, mainFile, ...program.args],
      env: program.env,
      stdin: base64(program.stdin),
      files: Object.fromEntries(Object.entries(files).map(([name, text]) => [name, base64(text)])),
      timeoutMs: PROGRAM_TIMEOUT_MS,
    };
    this.#stream.write(`${JSON.stringify(request)}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`the plain container ended at ${program.name}: ${this.#stderr()}`);
    const { status, stdout, stderr } = answerLine.parse(JSON.parse(answer.value));
    return {
      exit: status >= 0 ? `exited ${status}` : `signaled ${signalName(-status)}`,
      stdout: showBytes(Buffer.from(stdout, "base64")),
      stderr: showBytes(Buffer.from(stderr, "base64")),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.destroy();
    await callEngine("DELETE", `/containers/${this.#id}?force=1&v=1`);
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? String(number);
}
