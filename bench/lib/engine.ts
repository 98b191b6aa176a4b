import { request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerCreateOptions } from "dockerode";

/** No call to the engine takes longer, unless it says so; one that does is stuck. */
const DEADLINE_MS = 30_000;
/** Between looks at a container that the engine says it is removing already. */
const REMOVAL_POLL_MS = 10;

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
    const found = field(answer, "Runtimes");
    return typeof found === "object" && found !== null ? Object.keys(found) : [];
  }

  /**
   * Makes a container.
   * @param options of the engine's create call; the name among them goes where the engine wants it
   * @returns its id
   */
  async create({ name, ...options }: ContainerCreateOptions): Promise<string> {
    const query = name === undefined ? "" : `?name=${encodeURIComponent(name)}`;
    const answer = await this.#call("POST", `/containers/create${query}`, options);
    const id = stringField(answer, "Id");
    if (id === undefined) throw new Error("the engine gave the container no id");
    return id;
  }

  async start(id: string): Promise<void> {
    await this.#call("POST", `/containers/${id}/start`);
  }

  /**
   * Waits for a container's end, or until it is gone. Asked before the start, so that no end is missed.
   * @returns its exit code
   */
  async wait(id: string, condition: "next-exit" | "removed", deadlineMs: number = DEADLINE_MS): Promise<number> {
    const answer = await this.#call("POST", `/containers/${id}/wait?condition=${condition}`, undefined, deadlineMs);
    const status = numberField(answer, "StatusCode");
    if (status === undefined) throw new Error("the engine told no exit code");
    return status;
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
    const pid = numberField(field(answer, "State"), "Pid");
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

  /** The multiplexed stream of a container's outputs, and its input, on a socket of its own, which the caller destroys. */
  attach(id: string, { stdin = false }: { stdin?: boolean } = {}): Promise<Socket> {
    return new Promise((resolve, reject) => {
      request({
        socketPath: this.#socketPath,
        path: `/containers/${id}/attach?stream=1${stdin ? "&stdin=1" : ""}&stdout=1&stderr=1`,
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

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function stringField(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  return typeof found === "string" ? found : undefined;
}

function numberField(value: unknown, name: string): number | undefined {
  const found = field(value, name);
  return typeof found === "number" ? found : undefined;
}
