import { request } from "node:http";
import type { Socket } from "node:net";
import { type Expected, isExpected, type Latency } from "./process-timing.js";

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

  #call(method: string, path: string, body?: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      const headers =
        body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
      request({ socketPath: this.#socketPath, path, method, headers }, (response) => {
        let answer = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (answer += chunk));
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(answer === "" ? undefined : JSON.parse(answer));
          else reject(new Error(`the engine answered ${status} to ${method} ${path}: ${answer.trim()}`));
        });
      })
        .on("error", reject)
        .end(text);
    });
  }
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
