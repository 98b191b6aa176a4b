import { close, constants, fstat, open } from "node:fs";
import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import type { Log } from "../log.js";
import type { PipeEnd, PipeOffer } from "./runner-frames.js";

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);

/** The daemon's ends of a runner's own pipes: no engine, no shim and no copy in between. */
export interface DirectPipes {
  readonly input: Writable;
  /** Its bytes come as `data`, and are the listener's until it returns: the next are read to the same place. */
  readonly output: Readable;
}

/** What a pipe holds: the most that one read can bring. */
const PIPE_BYTES = 64 * 1024;

/** Where all pipes are read to, one read at a time. A buffer for each read would be garbage at once. */
export class ReadBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(PIPE_BYTES);
}

/**
 * Opens the other ends of pipes that PID 1 of a container holds. That takes the right to look into the process: root, as a
 * rule, on the machine where the container runs.
 * @param pid the runner's number on this machine, if it is this machine
 * @param buffer may serve any number of pipes
 * @throws Error when they are out of reach, or when what is found there is something else
 */
export async function openDirectPipes(pid: number, offer: PipeOffer, buffer: ReadBuffer): Promise<DirectPipes> {
  const { O_RDONLY, O_WRONLY } = constants;
  const input = await openPipe(pid, offer.input, O_WRONLY);
  try {
    const output = await openPipe(pid, offer.output, O_RDONLY);
    return {
      input: asStream(new Socket({ fd: input, readable: false, writable: true })),
      output: asStream(readingTo(buffer, output)),
    };
  } catch (error) {
    await closeFile(input);
    throw error;
  }
}

function readingTo({ bytes }: ReadBuffer, fd: number): Socket {
  const onread: OnReadOpts = { buffer: bytes, callback: (count) => socket.emit("data", bytes.subarray(0, count)) };
  // The types know of it only where a socket connects.
  const options: SocketConstructorOpts & { onread: OnReadOpts } = { fd, readable: true, writable: false, onread };
  const socket = new Socket(options);
  return socket;
}

async function openPipe(pid: number, { fd, inode }: PipeEnd, access: number): Promise<number> {
  const path = `/proc/${pid}/fd/${fd}`;
  // A process of that number on this machine may be another than the engine means on its own; opening must not block.
  const pipe = await openFile(path, access | constants.O_NONBLOCK);
  const found = await statFile(pipe, { bigint: true });
  if (found.isFIFO() && found.ino === inode) return pipe;
  await closeFile(pipe);
  throw new Error(`${path} is not the runner's pipe: the container runs on another machine, or in another one's view`);
}

/** A pipe whose other end is gone says so once as an error; its close is all that anybody needs to know. */
function asStream(socket: Socket): Socket {
  return socket.on("error", () => socket.destroy());
}

/** Sandboxes in a row whose pipes were out of reach, until nobody tries any more: one of them may have died just then. */
const ATTEMPTS = 3;

/** Whether the pipes of runners can be reached from here, as far as it was tried; told once. */
export class DirectPipesChoice {
  #attemptsLeft: number;
  #isKnown = false;
  readonly #log: Log;
  readonly buffer = new ReadBuffer();

  constructor(options: { wanted: boolean; log: Log }) {
    this.#attemptsLeft = options.wanted ? ATTEMPTS : 0;
    this.#log = options.log;
  }

  /** Whether it is worth trying. */
  get isOpen(): boolean {
    return this.#attemptsLeft > 0;
  }

  worked(): void {
    if (!this.#isKnown) this.#log.debug("runs go to their sandboxes directly, past the engine");
    this.#isKnown = true;
  }

  /** Not to be called for a sandbox that has ended: that proves nothing. */
  failed(error: unknown): void {
    // Once they were reached they can be: what went wrong is this one sandbox's.
    if (this.#isKnown || this.#attemptsLeft === 0) return;
    this.#attemptsLeft -= 1;
    if (this.#attemptsLeft > 0) return;
    this.#log.info({ err: error }, "the pipes of sandboxes are out of reach; runs go through the engine");
  }
}
