import type { Duplex, Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Container, ContainerInspectInfo } from "dockerode";
import type { Clock } from "../clock.js";
import { withDeadline } from "../deadline.js";
import type { DaemonError } from "../errors.js";
import type { Log } from "../log.js";
import { Demux } from "./demux.js";
import { type DirectPipes, type DirectPipesChoice, openDirectPipes } from "./direct-pipes.js";
import type { PipeOffer } from "./runner-frames.js";
import type { LaunchTimings, RunningSandbox, SandboxEnd, SandboxId } from "./runtime.js";

/** How long a look at one container may take that nothing depends on, in ms. */
const INSPECT_DEADLINE_MS = 1_000;

/** A container that has been started, with its two ways in and out: the engine's stream, and the runner's own pipes. */
export class DockerSandbox implements RunningSandbox {
  readonly id: SandboxId;
  readonly timings: LaunchTimings;
  readonly input: Writable;
  readonly output: Readable;
  readonly closed: Promise<void>;
  readonly #container: Container;
  readonly #socket: Duplex;
  readonly #directPipes: DirectPipesChoice;
  readonly #remove: () => Promise<void>;
  readonly #clock: Clock;
  readonly #removalFault: () => DaemonError | undefined;
  #pipes: DirectPipes | undefined;
  #isClosed = false;
  #removal: Promise<void> | undefined;

  constructor(options: {
    id: SandboxId;
    container: Container;
    socket: Duplex;
    timings: LaunchTimings;
    directPipes: DirectPipesChoice;
    remove: () => Promise<void>;
    clock: Clock;
    removalFault: () => DaemonError | undefined;
    log: Log;
  }) {
    const { id, socket, log } = options;
    this.id = id;
    this.timings = options.timings;
    this.#container = options.container;
    this.#socket = socket;
    this.#directPipes = options.directPipes;
    this.#remove = options.remove;
    this.#clock = options.clock;
    this.#removalFault = options.removalFault;
    const demux = new Demux((bytes) => {
      log.warn({ sandbox: id, text: bytes.toString("utf8", 0, 1024) }, "the runner complained");
    });
    this.input = socket;
    this.output = demux;
    socket.pipe(demux);
    demux.on("error", (error) => {
      log.error({ sandbox: id, err: error }, "the engine's stream cannot be read");
      socket.destroy();
    });
    socket.once("close", () => {
      // A socket that is destroyed does not end what it was piped into.
      demux.end();
      // The container has ended, or the engine has lost it. A runner that still lives takes this for its daemon's end.
      this.#pipes?.input.destroy();
    });
    this.closed = this.#untilClosed(demux);
  }

  /** The end of what was read, not of what has arrived: a run's last words may still wait for a slow client. */
  async #untilClosed(demux: Demux): Promise<void> {
    await finished(demux, { writable: false }).catch(() => undefined);
    if (this.#pipes !== undefined) await finished(this.#pipes.output, { writable: false }).catch(() => undefined);
    this.#isClosed = true;
  }

  async openPipes(offer: PipeOffer): Promise<DirectPipes | undefined> {
    if (!this.#directPipes.isOpen) return undefined;
    const container = await this.#inspect();
    if (container === undefined) return undefined;
    try {
      const pipes = await openDirectPipes(container.State.Pid, offer, this.#directPipes.buffer);
      if (this.#isClosed || this.#removal !== undefined) {
        destroyPipes(pipes);
        return undefined;
      }
      this.#directPipes.worked();
      return (this.#pipes = pipes);
    } catch (error) {
      if (!this.#isClosed && this.#removal === undefined) this.#directPipes.failed(error);
      return undefined;
    }
  }

  async inspectEnd(): Promise<SandboxEnd> {
    const container = await this.#inspect();
    if (container === undefined) return { exitCode: undefined, oomKilled: false };
    const { State: state } = container;
    return { exitCode: state.Running ? undefined : state.ExitCode, oomKilled: state.OOMKilled };
  }

  /** What the engine says of the container; undefined when that, or the engine, is gone already. */
  async #inspect(): Promise<ContainerInspectInfo | undefined> {
    return withDeadline({ clock: this.#clock, ms: INSPECT_DEADLINE_MS }, (abortSignal) =>
      this.#container.inspect({ abortSignal }),
    ).catch(() => undefined);
  }

  get removalFault(): DaemonError | undefined {
    return this.#removalFault();
  }

  async remove(): Promise<void> {
    return (this.#removal ??= this.#evict());
  }

  async #evict(): Promise<void> {
    // First of all: a reader with much unread holds the container's lock, and the kill waits for it.
    this.#socket.destroy();
    this.output.destroy();
    if (this.#pipes !== undefined) destroyPipes(this.#pipes);
    await this.#remove();
  }
}

function destroyPipes({ input, output }: DirectPipes): void {
  input.destroy();
  output.destroy();
}
