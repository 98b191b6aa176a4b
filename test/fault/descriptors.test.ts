import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type DaemonProcess, startDaemonProcess } from "../support/daemon.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

const DESCRIPTORS = 300;
const STRANGERS = 600;

/** Connections that say this and no more. */
class Strangers implements AsyncDisposable {
  readonly #port: number;
  readonly #words: string;
  readonly #sockets = new Set<Socket>();

  constructor(port: number, words: string) {
    this.#port = port;
    this.#words = words;
  }

  /** So many come at once, beside those that are there. */
  async come(): Promise<void> {
    await Promise.all(
      Array.from({ length: STRANGERS }, async () => {
        const socket = connect(this.#port, "127.0.0.1");
        this.#sockets.add(socket);
        socket.on("error", () => undefined);
        await new Promise<void>((resolve) => {
          socket.once("connect", () => {
            if (this.#words !== "") socket.write(this.#words);
            resolve();
          });
          socket.once("close", () => {
            this.#sockets.delete(socket);
            resolve();
          });
        });
      }),
    );
  }

  /** Again and again, until this is done. */
  async comeDuring(work: Promise<void>): Promise<void> {
    const done = work.then(() => "done" as const);
    let outcome: "done" | undefined;
    while (outcome === undefined) {
      await this.come();
      outcome = await Promise.race([done, sleep(500, undefined)]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.#sockets].map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.once("close", () => {
              resolve();
            });
            socket.destroy();
          }),
      ),
    );
  }
}

describe("a daemon that may open few files", () => {
  it.each([
    ["say nothing", ""],
    ["send half a header", "GET /healthz HTTP/1.1\r\nHost: 127.0"],
    ["ask for something and stay", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
  ])(
    "loses no run to strangers who %s, and answers who comes new",
    async (_, words) => {
      await using daemon = await startDaemonProcess([], undefined, { descriptors: DESCRIPTORS });
      const port = Number(new URL(daemon.url).port);
      const peers = await Promise.all([Peer.connect(daemon.url), Peer.connect(daemon.url), Peer.connect(daemon.url)]);
      await runs(peers, 1);
      const before = await open(daemon);
      {
        await using strangers = new Strangers(port, words);
        await strangers.comeDuring(runs(peers, 6));
        // All of them are still there.
        const answer = await fetch(`${daemon.url}/healthz`, { headers: { Connection: "close" } });
        expect(await answer.text()).toBe("ok\n");
        await using newcomer = await Peer.connect(daemon.url);
        await runs([newcomer], 2);
        expect(await open(daemon)).toBeLessThan(DESCRIPTORS);
      }
      await runs(peers, 2);
      await waitFor(async () => (await open(daemon)) <= before + 2, {
        timeoutMs: 20_000,
        what: "as many open files as before",
      });
      expect(await (await fetch(`${daemon.url}/readyz`)).json()).toMatchObject({ ready: true });
      for (const peer of peers) await peer[Symbol.asyncDispose]();
      expect(daemon.output()).not.toMatch(/EMFILE|engine_down|too many open files/i);
    },
    120_000,
  );

  it("answers all who came while it was busy, though they are more than may be silent", async () => {
    await using daemon = await startDaemonProcess(["lanes.python.warm=0", "lanes.shell.warm=0"], undefined, {
      descriptors: DESCRIPTORS,
    });
    daemon.kill("SIGSTOP");
    const answers = Array.from({ length: 100 }, async () => {
      const socket = connect(Number(new URL(daemon.url).port), "127.0.0.1");
      let answer = "";
      socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
      socket.on("error", () => undefined);
      socket.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
      await once(socket, "close");
      return answer.slice(0, 15);
    });
    await sleep(1_000);
    daemon.kill("SIGCONT");
    expect(await Promise.all(answers)).toEqual(answers.map(() => "HTTP/1.1 200 OK"));
  });

  it("has no more clients than leave a place for who asks how it is, and says so to the next", async () => {
    await using daemon = await startDaemonProcess(["lanes.python.warm=0", "lanes.shell.warm=0"], undefined, {
      descriptors: DESCRIPTORS,
    });
    const clients: WebSocket[] = [];
    let refusal: { status: number | undefined; words: string } | undefined;
    while (refusal === undefined && clients.length < DESCRIPTORS) {
      const client = new WebSocket(`${daemon.url.replace("http", "ws")}/v1/ws`);
      client.on("error", () => undefined);
      refusal = await new Promise((resolve) => {
        client.once("open", () => {
          clients.push(client);
          resolve(undefined);
        });
        client.once("close", () => {
          resolve({ status: undefined, words: "" });
        });
        client.once("unexpected-response", (_request, response) => {
          let words = "";
          response.setEncoding("utf8").on("data", (text: string) => (words += text));
          response.once("end", () => {
            resolve({ status: response.statusCode, words });
          });
        });
      });
    }
    const health = await fetch(`${daemon.url}/healthz`).then((answer) => answer.text());
    for (const client of clients) client.terminate();
    expect(health).toBe("ok\n");
    expect(refusal?.words).toMatch(/rate_limited.*ulimit -n/);
    expect(clients.length).toBeGreaterThan(80);
  });
});

/** Each client so many programs, one after the other: all of them exit. */
async function runs(peers: readonly Peer[], each: number): Promise<void> {
  await Promise.all(
    peers.map(async (peer, index) => {
      for (let run = 0; run < each; run += 1) {
        const lane = (index + run) % 3 === 0 ? "shell" : "python";
        const { exit, error, stdout } = await peer.run(lane, lane === "shell" ? "echo fine" : "print('fine')");
        expect(error).toBeUndefined();
        expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
        expect(stdout).toBe("fine\n");
      }
    }),
  );
}

async function open({ pid }: DaemonProcess): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}
