import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { PassThrough, Transform } from "node:stream";
import { tmpdir } from "node:os";
import { randomBytes } from "node:crypto";
import { engineAddress } from "../../src/container/engine-address.js";

type Replacement = readonly [text: string, by: string];
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
      client.pipe(replacing(this.#rewrite.toEngine)).pipe(engine);
      engine.pipe(replacing(this.#rewrite.fromEngine)).pipe(client);
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

  #track(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    return socket;
  }
}

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
