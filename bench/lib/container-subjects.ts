import { execFile } from "node:child_process";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import type Docker from "dockerode";
import { isExpected, type Latency, timeProcess } from "./process-timing.js";
import { type Described, hasDockerProgram, type Task } from "./subjects.js";

/**
 * What a program does that starts a container for each request through the library that most use: create, attach, start,
 * read, wait, remove.
 */
export function dockerodeRun(image: string, task: Task, rounds: number): Described {
  return {
    name: "dockerode",
    description: `a container of the same image made, started, read and removed with dockerode, python3 -c '${task.code}'`,
    rounds,
    measure: async () => timeDockerode(await connect(), image, task),
  };
}

/** Loaded when it is measured, and not before: the daemon's own client leaves parts of it out. */
async function connect(): Promise<Docker> {
  const { default: Client } = await import("dockerode");
  return new Client();
}

async function timeDockerode(docker: Docker, image: string, { code, expected }: Task): Promise<Latency> {
  const begin = performance.now();
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: ["python3"],
    Cmd: ["-c", code],
    HostConfig: { NetworkMode: "none" },
  });
  try {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    let firstByteMs: number | undefined;
    let output = "";
    const stdout = new PassThrough().on("data", (chunk: Buffer) => {
      firstByteMs ??= performance.now() - begin;
      output += chunk.toString("utf8");
    });
    docker.modem.demuxStream(stream, stdout, stdout);
    const read = new Promise<void>((resolve, reject) => stream.on("end", resolve).on("error", reject));
    const waited = container.wait({ condition: "next-exit" });
    await container.start();
    await Promise.all([read, waited]);
    await container.remove({ v: true });
    const exitMs = performance.now() - begin;
    if (!isExpected(output, expected) || firstByteMs === undefined) {
      throw new Error(`dockerode: the container printed ${JSON.stringify(output)}`);
    }
    return { firstByteMs, exitMs, output };
  } catch (error) {
    await container.remove({ force: true, v: true }).catch(() => undefined); // Gone already, or told below.
    throw error;
  }
}

/**
 * `docker exec` into one container that runs already: no start of a container, but not a fresh one for each run either.
 * Disposing removes the container.
 * @returns undefined where there is no docker program
 */
export async function dockerExec(
  image: string,
  task: Task,
  rounds: number,
): Promise<(Described & AsyncDisposable) | undefined> {
  if (!(await hasDockerProgram())) return undefined;
  const run = promisify(execFile);
  const start = ["run", "--detach", "--rm", "--network", "none", "--entrypoint", "sleep", image, "infinity"];
  const container = (await run("docker", start)).stdout.trim();
  return {
    name: "docker exec",
    description: `docker exec CONTAINER python3 -c '${task.code}' in one container of the same image that runs already, and is used again and again`,
    rounds,
    measure: () => timeProcess("docker", ["exec", container, "python3", "-c", task.code], task.expected),
    async [Symbol.asyncDispose]() {
      await run("docker", ["rm", "--force", "--volumes", container]);
    },
  };
}
