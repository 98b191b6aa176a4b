import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerCreateOptions } from "dockerode";
import { Demux } from "../../src/container/demux.js";
import { FrameDecoder, FromRunner } from "../../src/container/runner-frames.js";
import { messageOf } from "../../src/errors.js";
import { StdoutCounter } from "./attach-frames.js";
import { type Expected, isExpected, type Latency } from "./process-timing.js";

/** No call to the engine, and no container's start until its runner is ready, takes longer; one that does is stuck. */
const DEADLINE_MS = 30_000;
/** A program that streams may take longer than that. */
const PROGRAM_DEADLINE_MS = 600_000;
/** Between looks at a container that the engine says it is removing already. */
const REMOVAL_POLL_MS = 10;

/** How long each stage of one container's life took, in ms, from the end of the stage before. */
export interface LifeTimes {
  readonly createMs: number;
  readonly attachMs: number;
  readonly startMs: number;
  readonly readyMs: number;
  readonly removeMs: number;
}

/** The engine of this machine, over its unix socket: the bench measures the engine, not a client library. */
export class Engine {
  readonly #socketPath: string;

  constructor(socketPath = "/var/run/docker.sock") {
    this.#socketPath = socketPath;
  }

  /** @returns undefined when no engine answers */
  async version(): Promise<string | undefined> {
    try {
      const answer = await this.#call("GET", "/version");
      return stringField(answer, "Version");
    } catch {
      return undefined; // Described as unknown.
    }
  }

  /** Names of the OCI runtimes that the engine has. */
  async ociRuntimes(): Promise<string[]> {
    const answer = await this.#call("GET", "/info");
    const found: unknown = typeof answer === "object" && answer !== null ? Reflect.get(answer, "Runtimes") : undefined;
    return typeof found === "object" && found !== null ? Object.keys(found) : [];
  }

  /**
   * What `docker run --rm --network none` does, without the docker program: create, attach, start, wait, remove.
   * @throws Error when the output is not what is expected
   */
  async timeRun(image: string, command: readonly string[], expected: Expected): Promise<Latency> {
    const begin = performance.now();
    const created = await this.#call("POST", "/containers/create", {
      Image: image,
      Entrypoint: command.slice(0, 1),
      Cmd: command.slice(1),
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: { NetworkMode: "none" },
    });
    const container = `/containers/${stringField(created, "Id") ?? ""}`;
    try {
      const stream = await this.#attach(`${container}/attach?stream=1&stdout=1&stderr=1`);
      const waited = this.#call("POST", `${container}/wait?condition=next-exit`);
      const output = readFirstAndAll(stream, begin);
      await this.#call("POST", `${container}/start`);
      const [{ firstByteMs, text }] = await Promise.all([output, waited]);
      await this.#call("DELETE", `${container}?v=1`);
      const exitMs = performance.now() - begin;
      if (!isExpected(text, expected) || firstByteMs === undefined)
        throw new Error(`the container printed ${JSON.stringify(text)}`);
      return { firstByteMs, exitMs, output: text };
    } catch (error) {
      await this.#call("DELETE", `${container}?force=1&v=1`).catch(() => undefined); // Gone already, or told below.
      throw error;
    }
  }

  /**
   * The life of one container that runs the runner and is not used: create, attach, start, ready, remove. Ready is when
   * the runner has said so.
   * @param options of the engine's create call; the name among them goes where the engine wants it
   * @throws Error when it is not ready within 30 s; nothing of it is left then
   */
  async timeLife({ name, ...options }: ContainerCreateOptions): Promise<LifeTimes> {
    const began = performance.now();
    const query = name === undefined ? "" : `?name=${encodeURIComponent(name)}`;
    const made = await this.#call("POST", `/containers/create${query}`, options);
    const created = performance.now();
    const id = stringField(made, "Id") ?? "";
    const container = `/containers/${id}`;
    try {
      const stream = await this.#attach(`${container}/attach?stream=1&stdin=1&stdout=1&stderr=1`);
      const attached = performance.now();
      try {
        const hasReady = untilReady(stream);
        hasReady.catch(() => undefined); // Awaited below, unless the start fails first.
        await this.#call("POST", `${container}/start`);
        const started = performance.now();
        await hasReady;
        const ready = performance.now();
        await this.remove(id);
        return {
          createMs: created - began,
          attachMs: attached - created,
          startMs: started - attached,
          // The word may have come before the engine's answer to the start.
          readyMs: ready - started,
          removeMs: performance.now() - ready,
        };
      } finally {
        stream.destroy();
      }
    } catch (error) {
      await this.remove(id).catch(() => undefined); // Gone already, or told below.
      throw error;
    }
  }

  /**
   * Runs a container without network and without a log to its end, and reads its stdout from the attach stream as fast as
   * it comes, to throw it away.
   * @throws Error when it does not exit with 0
   */
  async stream(
    image: string,
    command: readonly string[],
    { cpus, onStdout }: { cpus: number; onStdout: (bytes: number) => void },
  ): Promise<void> {
    const id = await this.#create(image, command, {
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: {
        NetworkMode: "none",
        NanoCpus: Math.round(cpus * 1e9),
        LogConfig: { Type: "none" },
        AutoRemove: true,
      },
    });
    try {
      const stream = await this.#attach(`/containers/${id}/attach?stream=1&stdout=1&stderr=1`);
      const counter = new StdoutCounter();
      stream.on("data", (piece: Buffer) => {
        onStdout(counter.count(piece));
      });
      const ended = once(stream, "end");
      // Not `next-exit`: when this one settles, the container has left nothing to do.
      const removed = this.#call("POST", `/containers/${id}/wait?condition=removed`, undefined, PROGRAM_DEADLINE_MS);
      await this.#call("POST", `/containers/${id}/start`);
      const [answer] = await Promise.all([removed, ended]);
      stream.destroy();
      const status = numberField(answer, "StatusCode");
      if (status !== 0) throw new Error(`the container exited with ${status ?? "no code"}`);
    } catch (error) {
      await this.remove(id).catch(() => undefined); // Gone already, or told below.
      throw error;
    }
  }

  /** Starts a container with the engine's defaults, that is gone when its program ends. @returns its id */
  async start(image: string, command: readonly string[], labels: Readonly<Record<string, string>>): Promise<string> {
    const id = await this.#create(image, command, { Labels: labels, HostConfig: { AutoRemove: true } });
    await this.#call("POST", `/containers/${id}/start`);
    return id;
  }

  /** Ids of all containers with this label, whatever they do. */
  async labelled(label: string, value: string): Promise<string[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: [`${label}=${value}`] }));
    const answer = await this.#call("GET", `/containers/json?all=1&filters=${filters}`);
    if (!Array.isArray(answer)) throw new Error("the engine did not answer with a list of containers");
    return answer.flatMap((entry: unknown) => stringField(entry, "Id") ?? []);
  }

  /** The first process of a running container, as the engine's host numbers it. @throws Error when it does not run */
  async mainPid(id: string): Promise<number> {
    const answer = await this.#call("GET", `/containers/${id}/json`);
    const state: unknown = typeof answer === "object" && answer !== null ? Reflect.get(answer, "State") : undefined;
    const pid = numberField(state, "Pid");
    if (pid === undefined || pid === 0) throw new Error(`container ${id} does not run`);
    return pid;
  }

  /** Kills and removes a container; settles when the container is gone, also when it was on its way already. */
  async remove(id: string): Promise<void> {
    const container = `/containers/${id}`;
    const isGone = (error: unknown): boolean => error instanceof EngineAnswer && error.status === 404;
    try {
      await this.#call("DELETE", `${container}?force=1&v=1`);
    } catch (error) {
      if (isGone(error)) return;
      if (!(error instanceof EngineAnswer) || error.status !== 409) throw error;
      const end = performance.now() + DEADLINE_MS;
      while (performance.now() < end) {
        try {
          await this.#call("GET", `${container}/json`);
        } catch (look) {
          if (isGone(look)) return;
          throw look;
        }
        await sleep(REMOVAL_POLL_MS);
      }
      throw error;
    }
  }

  async #create(image: string, command: readonly string[], options: object): Promise<string> {
    const answer = await this.#call("POST", "/containers/create", {
      Image: image,
      Entrypoint: command.slice(0, 1),
      Cmd: command.slice(1),
      ...options,
    });
    const id = stringField(answer, "Id");
    if (id === undefined) throw new Error("the engine gave the container no id");
    return id;
  }

  #attach(path: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
      request({
        socketPath: this.#socketPath,
        path,
        method: "POST",
        headers: { Connection: "Upgrade", Upgrade: "tcp" },
      })
        .on("upgrade", (_response, socket: Socket, head: Buffer) => {
          if (head.length > 0) socket.unshift(head);
          resolve(socket);
        })
        .on("response", (response) => {
          reject(new Error(`the engine answered ${response.statusCode ?? 0} to an attach`));
          response.resume();
        })
        .on("error", reject)
        .end();
    });
  }

  #call(method: string, path: string, body?: object, deadlineMs: number = DEADLINE_MS): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      const headers =
        body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
      const signal = AbortSignal.timeout(deadlineMs);
      request({ socketPath: this.#socketPath, path, method, headers, signal }, (response) => {
        let answer = "";
        response.on("error", reject);
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (answer += chunk));
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(answer === "" ? undefined : JSON.parse(answer));
          else reject(new EngineAnswer(status, `${method} ${path}: ${answer.trim()}`));
        });
      })
        .on("error", (error) => {
          reject(new Error(`the engine did not answer ${method} ${path}: ${error.message}`, { cause: error }));
        })
        .end(text);
    });
  }
}

/** The engine has said no. */
class EngineAnswer extends Error {
  readonly status: number;

  constructor(status: number, about: string) {
    super(`the engine answered ${status} to ${about}`);
    this.status = status;
  }
}

/**
 * Settles when the runner at the other end of a container's attached stream has said that it is ready.
 * @throws Error when the stream ends before that, or 30 s are over
 */
function untilReady(stream: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let complaint = "";
    const decoder = new FrameDecoder();
    const demux = new Demux((bytes) => (complaint += bytes.toString("utf8")));
    const fail = (why: string): void => {
      clearTimeout(deadline);
      reject(new Error(`a container ${why} ${complaint.trim()}`.trim()));
    };
    const deadline = setTimeout(() => {
      fail(`was not ready within ${DEADLINE_MS / 1_000} s`);
    }, DEADLINE_MS);
    demux.on("data", (chunk: Buffer) => {
      try {
        decoder.push(chunk, ({ type, payload }) => {
          if (type === FromRunner.ready) {
            clearTimeout(deadline);
            resolve();
          } else complaint += payload.toString("utf8");
        });
      } catch (error) {
        fail(`sent what no runner does (${messageOf(error)})`);
      }
    });
    demux.on("end", () => {
      fail("ended before it was ready");
    });
    for (const part of [stream, demux]) {
      part.on("error", (error) => {
        fail(`lost its stream (${error.message})`);
      });
      part.on("close", () => {
        fail("ended before it was ready");
      });
    }
    stream.pipe(demux);
  });
}

/** Reads the engine's multiplexed stream: frames of an 8-byte header, whose last 4 bytes are the length, and data. */
function readFirstAndAll(stream: Socket, begin: number): Promise<{ firstByteMs: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    let firstByteMs: number | undefined;
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => {
      firstByteMs ??= performance.now() - begin;
      chunks.push(chunk);
    });
    stream.on("error", reject);
    stream.on("end", () => {
      const all = Buffer.concat(chunks);
      let text = "";
      for (let offset = 0; offset + 8 <= all.length;) {
        const length = all.readUInt32BE(offset + 4);
        text += all.toString("utf8", offset + 8, offset + 8 + length);
        offset += 8 + length;
      }
      stream.destroy();
      resolve({ firstByteMs, text });
    });
  });
}

function stringField(value: unknown, name: string): string | undefined {
  const field: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return typeof field === "string" ? field : undefined;
}

function numberField(value: unknown, name: string): number | undefined {
  const field: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return typeof field === "number" ? field : undefined;
}
