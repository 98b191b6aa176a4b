import { once } from "node:events";
import type { Socket } from "node:net";
import type { ContainerCreateOptions } from "dockerode";
import { Demux } from "../../src/container/demux.js";
import { FrameDecoder, FromRunner } from "../../src/container/runner-frames.js";
import { messageOf } from "../../src/errors.js";
import type { Engine } from "./engine.js";
import { type Expected, isExpected, type Latency } from "./process-timing.js";
import { StdoutCounter } from "./stream/attach-frames.js";

/** No container takes longer from its start until its runner is ready; one that does is stuck. */
const READY_DEADLINE_MS = 30_000;
/** A program that streams takes no longer. */
const STREAM_DEADLINE_MS = 600_000;

/** How long each stage of one container's life took, in ms, from the end of the stage before. */
export interface LifeTimes {
  readonly createMs: number;
  readonly attachMs: number;
  readonly startMs: number;
  readonly readyMs: number;
  readonly removeMs: number;
}

/**
 * What `docker run --rm --network none` does, without the docker program: create, attach, start, wait, remove.
 * @throws Error when the output is not what is expected
 */
export async function timeRun(
  engine: Engine,
  image: string,
  { command, expected }: { command: readonly string[]; expected: Expected },
): Promise<Latency> {
  const begin = performance.now();
  const id = await engine.create({
    ...running(image, command),
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: { NetworkMode: "none" },
  });
  try {
    const stream = await engine.attach(id);
    const waited = engine.wait(id, "next-exit");
    const read = readFirstAndAll(stream, begin);
    await engine.start(id);
    const [{ firstByteMs, output }] = await Promise.all([read, waited]);
    await engine.remove(id);
    const exitMs = performance.now() - begin;
    if (!isExpected(output, expected) || firstByteMs === undefined) {
      throw new Error(`the container printed ${JSON.stringify(output)}`);
    }
    return { firstByteMs, exitMs, output };
  } catch (error) {
    await engine.remove(id).catch(() => undefined); // Gone already, or told below.
    throw error;
  }
}

/**
 * The life of one container that runs the runner and is not used: create, attach, start, ready, remove. Ready is when the
 * runner has said so.
 * @throws Error when it is not ready within 30 s; nothing of it is left then
 */
export async function timeLife(engine: Engine, options: ContainerCreateOptions): Promise<LifeTimes> {
  const began = performance.now();
  const id = await engine.create(options);
  const created = performance.now();
  try {
    const stream = await engine.attach(id, { stdin: true });
    const attached = performance.now();
    try {
      const hasReady = untilReady(stream);
      hasReady.catch(() => undefined); // Awaited below, unless the start fails first.
      await engine.start(id);
      const started = performance.now();
      await hasReady;
      const ready = performance.now();
      await engine.remove(id);
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
    await engine.remove(id).catch(() => undefined); // Gone already, or told below.
    throw error;
  }
}

/**
 * Runs a container without network and without a log to its end, and reads its stdout from the attach stream as fast as it
 * comes, to throw it away.
 * @throws Error when it does not exit with 0
 */
export async function readStdout(
  engine: Engine,
  image: string,
  { command, cpus, onStdout }: { command: readonly string[]; cpus: number; onStdout: (bytes: number) => void },
): Promise<void> {
  const id = await engine.create({
    ...running(image, command),
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      NetworkMode: "none",
      NanoCpus: Math.round(cpus * 1e9),
      LogConfig: { Type: "none", Config: {} },
      AutoRemove: true,
    },
  });
  try {
    const stream = await engine.attach(id);
    const counter = new StdoutCounter();
    stream.on("data", (piece: Buffer) => {
      onStdout(counter.count(piece));
    });
    const ended = once(stream, "end");
    // Not `next-exit`: when this one settles, the container has left nothing to do.
    const removed = engine.wait(id, "removed", STREAM_DEADLINE_MS);
    await engine.start(id);
    const [exitCode] = await Promise.all([removed, ended]);
    stream.destroy();
    if (exitCode !== 0) throw new Error(`the container exited with ${exitCode}`);
  } catch (error) {
    await engine.remove(id).catch(() => undefined); // Gone already, or told below.
    throw error;
  }
}

/** The part of the engine's create call that says what runs, whatever the image says. */
export function running(image: string, [program = "", ...args]: readonly string[]): ContainerCreateOptions {
  return { Image: image, Entrypoint: [program], Cmd: args };
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
      fail(`was not ready within ${READY_DEADLINE_MS / 1_000} s`);
    }, READY_DEADLINE_MS);
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

/** Reads stdout to its end, and when it began. */
async function readFirstAndAll(
  stream: Socket,
  begin: number,
): Promise<{ firstByteMs: number | undefined; output: string }> {
  let firstByteMs: number | undefined;
  const chunks: Buffer[] = [];
  const demux = new Demux(() => undefined);
  stream.on("error", (error) => demux.destroy(error));
  for await (const chunk of stream.pipe(demux) as AsyncIterable<Buffer>) {
    firstByteMs ??= performance.now() - begin;
    chunks.push(chunk);
  }
  stream.destroy();
  return { firstByteMs, output: Buffer.concat(chunks).toString("utf8") };
}
