import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { PassThrough, Transform } from "node:stream";
import { tmpdir } from "node:os";
import { randomBytes } from "node:crypto";
import { engineAddress } from "../../src/container/engine-address.js";

type Replacement = readonly [text: string, by: string];

/** What becomes of requests to remove a container; the engine gets those that are not refused. */
type Removals = "answered" | "done, told as failed" | "done, not answered" | "refused";

interface Rewrite {
  readonly toEngine?: Replacement;
  readonly fromEngine?: Replacement;
}

/**
 * The real engine behind a door of its own: a unix socket that can be closed, opened, or made to swallow everything, so
 * that an engine can die and hang without the one that others use being touched.
 */
export class EngineProxy implements AsyncDisposable {
  readonly path = join(tmpdir(), `matchbox-proxy-${randomBytes(6).toString("hex")}.sock`);
  readonly #sockets = new Set<Socket>();
  readonly #rewrite: Rewrite;
  #server: Server | undefined;
  #silent = false;
  /** From now on. */
  removals: Removals = "answered";
  /** How late answers to questions for a list of containers come, in ms. */
  listDelayMs = 0;

  /** @param rewrite replaces text of what passes, in each direction, by text of the same length */
  constructor(rewrite: Rewrite = {}) {
    this.#rewrite = rewrite;
  }

  /** Begins to answer. */
  async open(): Promise<void> {
    const address = engineAddress(process.env["DOCKER_HOST"] ?? null);
    const server = createServer({ allowHalfOpen: true }, (client) => {
      this.#track(client);
      if (this.#silent) return;
      const engine = this.#track(
        address.kind === "socket"
          ? connect({ path: address.socketPath, allowHalfOpen: true })
          : connect(address.port, address.host),
      );
      const { toEngine, fromEngine } = this.#misbehaving(client);
      client.pipe(replacing(this.#rewrite.toEngine)).pipe(toEngine).pipe(engine);
      engine.pipe(replacing(this.#rewrite.fromEngine)).pipe(fromEngine).pipe(client);
      client.on("close", () => engine.destroy());
      engine.on("close", () => client.destroy());
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
  }

  /** From now on accepts connections and answers nothing; those that are open stay silent too. */
  hang(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause().unpipe();
  }

  /** As if the engine had been killed: every connection is cut, and nobody listens. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#silent = false;
    const closed = server === undefined ? undefined : new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await rm(this.path, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
  }

  /** One connection's requests come one after the other, each in one chunk. */
  #misbehaving(client: Socket): { toEngine: Transform; fromEngine: Transform } {
    let asked: "removal" | "list" | "other" = "other";
    const toEngine = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const line = chunk.toString("latin1", 0, 200).split("\r\n", 1)[0] ?? "";
        if (/^DELETE \S*\/containers\//.test(line)) asked = "removal";
        else if (/^GET \S*\/containers\/json/.test(line)) asked = "list";
        else asked = "other";
        if (asked === "removal" && this.removals === "refused") {
          client.write(REFUSAL);
          done();
        } else {
          done(null, chunk);
        }
      },
    });
    const fromEngine = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        if (asked === "removal" && this.removals === "done, told as failed") done(null, REFUSAL);
        else if (asked === "removal" && this.removals === "done, not answered") done();
        else if (asked === "list" && this.listDelayMs > 0) setTimeout(done, this.listDelayMs, null, chunk);
        else done(null, chunk);
      },
    });
    return { toEngine, fromEngine };
  }

  #track(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    return socket;
  }
}

const WORDS = JSON.stringify({ message: "the disk is broken" });
const REFUSAL = Buffer.from(
  `HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: ${WORDS.length}\r\n\r\n${WORDS}`,
);

/** Sees one chunk at a time, which a request of the daemon's is. */
function replacing(replacement: Replacement | undefined): Transform {
  if (replacement === undefined) return new PassThrough();
  const [text, by] = replacement;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      done(null, Buffer.from(chunk.toString("latin1").replaceAll(text, by), "latin1"));
    },
  });
}
