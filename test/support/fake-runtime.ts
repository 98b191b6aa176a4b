import { setMaxListeners } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../src/clock.js";
import { EngineDownError, EngineRefusedError, ImageMissingError } from "../../src/container/errors.js";
import {
  encodeFrame,
  FrameDecoder,
  FromRunner,
  type Frame,
  type PipeOffer,
  RUNNER_PROTOCOL_VERSION,
  ToRunner,
} from "../../src/container/runner-frames.js";
import type {
  EngineInfo,
  LaunchTimings,
  RunningSandbox,
  SandboxEnd,
  SandboxId,
  SandboxRuntime,
  SandboxSpec,
} from "../../src/container/runtime.js";

/** The image that a new fake engine has. */
export const FAKE_IMAGE = "fake-sandbox:1";

/** What the fake's runner holds back before a writer has to wait, as the pipe of a real one would. */
const PIPE_BYTES = 64 * 1024;
const STDIN_ROOM = 64 * 1024;

/** How long a runtime that closes waits for removals. */
const CLOSE_DEADLINE_MS = 5_000;
/** How long it waits until it asks again for a removal that was refused. */
const REMOVAL_RETRY_MS = 500;

const TIMED_OUT = 1;
const SIGKILL = 9;
const SIGTERM = 15;

/** How each part behaves from now on; a test sets what it wants to see go wrong. */
export interface FakeBehaviour {
  /** What `prepare` and `launch` meet with; `engine_down` is the whole engine's. */
  fault: "none" | "engine_down" | "refused";
  /** Time that a launch takes, on the clock. */
  launchMs: number;
  /** Time from a launch to READY, or how that fails. */
  ready: number | "never" | "wrong_version" | "failed" | "dies";
  /**
   * Time that a removal takes; or it never gets through; or the engine takes the sandbox away and answers with an error, or
   * with nothing; or it answers with an error and takes nothing away.
   */
  removal: number | "never" | "unconfirmed" | "refused";
}

/** A container engine in memory. What it holds outlives the daemons, so two runtimes can be two daemons, or two lives of one. */
export class FakeEngine {
  readonly behaviour: FakeBehaviour = { fault: "none", launchMs: 0, ready: 0, removal: 0 };
  readonly images = new Set([FAKE_IMAGE]);
  /** Everything that has not been removed, oldest first. */
  readonly sandboxes: FakeSandbox[] = [];
  readonly clock: Clock;
  /** When each launch was asked for, those included that failed. */
  readonly launches: number[] = [];
  /** When each `prepare` was asked for. */
  readonly prepares: number[] = [];
  /** Who wants to hear that what sandboxes rely on is undone; a test tells them. */
  readonly watchers: Parameters<SandboxRuntime["watch"]>[1][] = [];
  #nextId = 1;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The engine as one daemon sees it. */
  runtime(instance = "fake"): FakeRuntime {
    return new FakeRuntime(this, instance);
  }

  /** The sandbox with this id. @throws when it is gone */
  find(id: string): FakeSandbox {
    const found = this.sandboxes.find((sandbox) => sandbox.id === id);
    if (found === undefined) throw new Error(`there is no sandbox ${id}`);
    return found;
  }

  newId(): SandboxId {
    const id = String(this.#nextId).padStart(32, "0");
    this.#nextId += 1;
    return id as SandboxId;
  }

  forget(sandbox: FakeSandbox): void {
    const at = this.sandboxes.indexOf(sandbox);
    if (at >= 0) this.sandboxes.splice(at, 1);
  }
}

/** The port, played in memory. */
export class FakeRuntime implements SandboxRuntime {
  readonly #engine: FakeEngine;
  readonly #instance: string;
  readonly #ledger = new Set<SandboxId>();
  readonly #removals = new Set<Promise<void>>();
  readonly #unconfirmed = new Set<FakeSandbox>();
  readonly #closing = new AbortController();

  constructor(engine: FakeEngine, instance: string) {
    this.#engine = engine;
    this.#instance = instance;
  }

  async ping({ signal }: { signal: AbortSignal }): Promise<EngineInfo> {
    this.#requireEngine(signal);
    return Promise.resolve({ name: "fake", version: "1", cgroupVersion: "2", ociRuntimes: [] });
  }

  async prepare(spec: SandboxSpec, { signal }: { signal: AbortSignal }): Promise<void> {
    this.#engine.prepares.push(this.#engine.clock.now());
    await Promise.resolve();
    this.#requireEngine(signal);
    if (!this.#engine.images.has(spec.image)) throw new ImageMissingError(spec.image);
  }

  watch(_spec: SandboxSpec, options: Parameters<SandboxRuntime["watch"]>[1]): void {
    this.#engine.watchers.push(options);
  }

  async launch(spec: SandboxSpec, { signal }: { signal: AbortSignal }): Promise<RunningSandbox> {
    const { behaviour, clock, launches, images } = this.#engine;
    launches.push(clock.now());
    await Promise.resolve();
    this.#requireEngine(signal);
    if (behaviour.fault === "refused") throw new EngineRefusedError("The engine says no.");
    if (!images.has(spec.image)) throw new ImageMissingError(spec.image);
    const { launchMs } = behaviour;
    if (launchMs > 0) await clock.sleep(launchMs, { signal }).catch(() => undefined);
    signal.throwIfAborted();
    const sandbox = new FakeSandbox(this.#engine, {
      id: this.#engine.newId(),
      lane: spec.lane,
      instance: this.#instance,
      timings: { createMs: launchMs, attachMs: 0, startMs: 0 },
      given: this.#closing.signal,
      onRemoval: (removal) => {
        this.#removals.add(removal);
        void removal.then(() => this.#removals.delete(removal));
      },
      onGone: (id) => this.#ledger.delete(id),
      onUnconfirmed: (unconfirmed) => this.#unconfirmed.add(unconfirmed),
    });
    this.#ledger.add(sandbox.id);
    this.#engine.sandboxes.push(sandbox);
    return sandbox;
  }

  async reap({ signal }: { signal: AbortSignal }): Promise<number> {
    await Promise.resolve();
    this.#requireEngine(signal);
    for (const sandbox of this.#unconfirmed) if (!this.#engine.sandboxes.includes(sandbox)) sandbox.confirmGone();
    this.#unconfirmed.clear();
    const leftovers = this.#engine.sandboxes.filter(
      ({ instance, id }) => instance === this.#instance && !this.#ledger.has(id),
    );
    await Promise.all(leftovers.map((sandbox) => sandbox.remove()));
    return leftovers.length;
  }

  async count({ signal }: { signal: AbortSignal }): Promise<number> {
    await Promise.resolve();
    this.#requireEngine(signal);
    return this.#engine.sandboxes.filter(({ instance }) => instance === this.#instance).length;
  }

  /** Waits for removals under way, and gives up those that do not get through in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    const done = new AbortController();
    const deadline = this.#engine.clock.sleep(CLOSE_DEADLINE_MS, { signal: done.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#removals), deadline]);
    done.abort();
    this.#closing.abort(new Error("the runtime is closing"));
  }

  #requireEngine(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#engine.behaviour.fault === "engine_down") throw new EngineDownError("The engine does not answer.");
  }
}

/** One sandbox of the fake: two real streams, and at their other end a runner that follows `sandbox/README.md`. */
export class FakeSandbox implements RunningSandbox {
  readonly id: SandboxId;
  readonly lane: string;
  readonly instance: string;
  readonly timings: LaunchTimings;
  readonly input: Writable;
  readonly output = new PassThrough({ highWaterMark: PIPE_BYTES });
  readonly closed: Promise<void>;
  /** Causes of the KILL frames that arrived, whether or not they were heeded. */
  readonly kills: number[] = [];
  readonly #engine: FakeEngine;
  readonly #given: AbortSignal;
  readonly #onRemoval: (removal: Promise<void>) => void;
  readonly #onGone: (id: SandboxId) => void;
  readonly #onUnconfirmed: (sandbox: FakeSandbox) => void;
  removalFault: EngineRefusedError | undefined;
  /** Ends a removal that the engine does not confirm. */
  confirmGone: () => void = () => undefined;
  readonly #runner: FakeRunner;
  #end: SandboxEnd = { exitCode: undefined, oomKilled: false };
  #removal: Promise<void> | undefined;
  #vanishing: Promise<void> | undefined;

  constructor(
    engine: FakeEngine,
    options: {
      id: SandboxId;
      lane: string;
      instance: string;
      timings: LaunchTimings;
      given: AbortSignal;
      onRemoval: (removal: Promise<void>) => void;
      onGone: (id: SandboxId) => void;
      onUnconfirmed: (sandbox: FakeSandbox) => void;
    },
  ) {
    this.#engine = engine;
    this.id = options.id;
    this.lane = options.lane;
    this.instance = options.instance;
    this.timings = options.timings;
    this.#given = options.given;
    this.#onRemoval = options.onRemoval;
    this.#onGone = options.onGone;
    this.#onUnconfirmed = options.onUnconfirmed;
    const runner = new FakeRunner({
      clock: engine.clock,
      output: this.output,
      onKill: (cause) => this.kills.push(cause),
      // The runner has ended, so the engine takes the sandbox away by itself.
      onEnd: (exitCode) => {
        this.#stop({ exitCode, oomKilled: false });
      },
    });
    this.#runner = runner;
    const decoder = new FrameDecoder();
    this.input = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        // Later: an answer never comes within the call that it answers.
        queueMicrotask(() => {
          decoder.push(chunk, ({ type, payload }) => {
            runner.onFrame({ type, payload: Buffer.from(payload) });
          });
          done();
        });
      },
      final: (done) => {
        runner.abandon();
        done();
      },
      destroy: (error, done) => {
        runner.abandon();
        done(error);
      },
    });
    this.input.on("error", () => undefined);
    this.output.on("error", () => undefined);
    this.closed = finished(this.output, { writable: false }).catch(() => undefined);
    runner.start(engine.behaviour.ready);
  }

  /** Its runner has none to offer. */
  async openPipes(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** The sandbox is gone from one moment to the next, as if the kernel or somebody at the engine had killed it. */
  die(end: SandboxEnd = { exitCode: 137, oomKilled: false }): void {
    this.#runner.silence();
    this.#stop(end);
  }

  /** The runner hears and says nothing any more, while the sandbox stays. */
  freeze(): void {
    this.#runner.silence();
  }

  /** The runner says something that no program made it say. */
  say(type: number, payload: Buffer = Buffer.alloc(0)): void {
    this.output.write(encodeFrame(type, payload));
  }

  async inspectEnd(): Promise<SandboxEnd> {
    return Promise.resolve(this.#end);
  }

  remove(): Promise<void> {
    if (this.#removal === undefined) {
      this.#removal = this.#remove();
      this.#onRemoval(this.#removal);
    }
    return this.#removal;
  }

  async #remove(): Promise<void> {
    this.input.destroy();
    this.output.destroy();
    await Promise.race([this.#vanish(), aborted(this.#given)]);
  }

  #stop(end: SandboxEnd): void {
    this.#end = end;
    this.output.end();
    this.input.destroy();
    void this.#vanish();
  }

  /** The engine takes the sandbox away, by itself after its end or because it was told to: once, and in its own time. */
  #vanish(): Promise<void> {
    return (this.#vanishing ??= this.#wait(this.#engine.behaviour.removal).then(() => {
      this.removalFault = undefined;
      this.#engine.forget(this);
      this.#onGone(this.id);
    }));
  }

  async #wait(removal: FakeBehaviour["removal"]): Promise<void> {
    if (removal === "unconfirmed") {
      this.#engine.forget(this);
      this.removalFault = new EngineRefusedError("The container engine refused to remove a container: fake");
      this.#onUnconfirmed(this);
      await new Promise<void>((resolve) => (this.confirmGone = resolve));
    } else if (removal === "refused") {
      this.removalFault = new EngineRefusedError("The container engine refused to remove a container: fake");
      // Asked again and again, as long as the runtime is there.
      while (this.#engine.behaviour.removal === "refused" && !this.#given.aborted)
        await this.#engine.clock.sleep(REMOVAL_RETRY_MS, { signal: this.#given }).catch(() => undefined);
      if (this.#given.aborted) await new Promise<never>(() => undefined);
      await this.#wait(this.#engine.behaviour.removal);
    } else if (removal === "never") await new Promise<never>(() => undefined);
    else if (removal > 0) await this.#engine.clock.sleep(removal);
  }
}

/** Settles when the signal is aborted. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  // One for each sandbox in removal.
  setMaxListeners(0, signal);
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

interface FakeRunnerOptions {
  readonly clock: Clock;
  readonly output: PassThrough;
  readonly onKill: (cause: number) => void;
  readonly onEnd: (exitCode: number) => void;
}

/** How a program of the fake ended. */
interface FakeEnd {
  readonly signal?: number;
  readonly code?: number;
  readonly foreign?: boolean;
}

/**
 * The runner's side of the frames. Its programs are text in which every line is one of these, each of them also what it
 * says to a shell, so that the contract suite runs the same text on a real sandbox:
 *
 * `echo TEXT`, `echo TEXT >&2`, `cat` (its stdin), `cat FILE`, `head -c N /dev/zero`, `sleep SECONDS`, `exit N`,
 * `kill -KILL $$`, `trap 'exit N' TERM`, `trap '' TERM`, `:`.
 */
class FakeRunner {
  readonly #options: FakeRunnerOptions;
  readonly #files = new Map<string, Buffer[]>();
  readonly #over = new AbortController();
  readonly #stdin: Buffer[] = [];
  #phase: "starting" | "waiting" | "running" | "ended" = "starting";
  #lastFile: Buffer[] | undefined;
  #collect: readonly string[] = [];
  #stdinOpen = false;
  #stdinRoom = 0;
  #onStdin: () => void = () => undefined;
  #written = { stdout: 0, stderr: 0 };
  #began = 0;
  #cause = 0;
  #wasAsked = false;
  /** What SIGTERM does: its default, an exit, or nothing. */
  #trap: FakeEnd | "" | undefined;

  constructor(options: FakeRunnerOptions) {
    this.#options = options;
  }

  start(ready: FakeBehaviour["ready"]): void {
    if (typeof ready === "number" && ready > 0) {
      this.#options.clock.sleep(ready, { signal: this.#over.signal }).then(
        () => this.#getReady(),
        () => undefined,
      );
    } else {
      // Never before whoever launched it has it in hand.
      queueMicrotask(() => this.#getReady(ready));
    }
  }

  #getReady(ready: FakeBehaviour["ready"] = 0): void {
    if (this.#phase !== "starting" || ready === "never") return;
    if (ready === "failed") {
      this.#fail(3, "the interpreter could not be started");
    } else if (ready === "dies") {
      this.#leave(1);
    } else {
      this.#phase = "waiting";
      this.#options.output.write(encodeReady(ready === "wrong_version" ? { version: 9 } : {}));
    }
  }

  /** Says and does nothing from here on. */
  silence(): void {
    this.#phase = "ended";
    this.#over.abort(new Error("silenced"));
  }

  /** The dead man's switch. */
  abandon(): void {
    if (this.#phase !== "ended") this.#leave(72);
  }

  onFrame({ type, payload }: Frame): void {
    if (type === ToRunner.kill) this.#options.onKill(payload.readUInt8(0));
    if (this.#phase === "ended") return;
    switch (type) {
      case ToRunner.file:
        this.#createFile(payload.toString("utf8", 2));
        return;
      case ToRunner.data:
        if (this.#lastFile === undefined) this.#fail(1, "DATA without FILE");
        else this.#lastFile.push(payload);
        return;
      case ToRunner.collect:
        this.#collect = payload.toString("utf8", 14).split("\0").slice(0, -1);
        return;
      case ToRunner.run:
        this.#begin(payload);
        return;
      case ToRunner.stdin:
        this.#takeStdin(payload);
        return;
      case ToRunner.stdinEnd:
        if (!this.#stdinOpen) this.#fail(1, "STDIN_END of a stdin that is not open");
        this.#stdinOpen = false;
        this.#onStdin();
        return;
      case ToRunner.kill:
        this.#end(payload.readUInt8(0), payload.readUInt32BE(1));
        return;
      default:
        this.#fail(1, `a frame of type ${type}`);
    }
  }

  #createFile(path: string): void {
    const isTaken = [...this.#files.keys()].some((other) => other === path || path.startsWith(`${other}/`));
    if (isTaken) {
      this.#fail(2, `create ${path}: File exists`);
      return;
    }
    this.#lastFile = [];
    this.#files.set(path, this.#lastFile);
  }

  #begin(payload: Buffer): void {
    if (this.#phase !== "waiting") {
      this.#fail(1, "RUN before READY");
      return;
    }
    const { clock, output } = this.#options;
    this.#phase = "running";
    this.#began = clock.now();
    const timeoutMs = payload.readUInt32BE(0);
    const graceMs = payload.readUInt32BE(4);
    if ((payload.readUInt8(8) & 1) === 1) {
      this.#stdinOpen = true;
      this.#grant(STDIN_ROOM);
    }
    if (timeoutMs > 0) {
      clock.sleep(timeoutMs, { signal: this.#over.signal }).then(
        () => {
          this.#end(TIMED_OUT, graceMs);
        },
        () => undefined,
      );
    }
    const [program] = this.#files.values();
    const text = Buffer.concat(program ?? []).toString();
    this.#perform(text).then(
      (end) => {
        this.#finish(end, output);
      },
      // Killed: whoever did it has said how it ended.
      () => undefined,
    );
  }

  #grant(bytes: number): void {
    this.#stdinRoom += bytes;
    const room = Buffer.alloc(4);
    room.writeUInt32BE(bytes);
    this.#options.output.write(encodeFrame(FromRunner.stdinRoom, room));
  }

  #takeStdin(bytes: Buffer): void {
    if (!this.#stdinOpen || bytes.length > this.#stdinRoom) {
      this.#fail(1, this.#stdinOpen ? "STDIN over the room granted" : "STDIN that is not open");
      return;
    }
    this.#stdinRoom -= bytes.length;
    this.#stdin.push(bytes);
    this.#onStdin();
  }

  async #perform(text: string): Promise<FakeEnd> {
    for (const line of text.split("\n")) {
      const end = await this.#step(line.trim());
      if (end !== undefined) return end;
    }
    return { code: 0 };
  }

  async #step(line: string): Promise<FakeEnd | undefined> {
    const [word = "", ...rest] = line.split(" ");
    const argument = rest.join(" ");
    switch (word) {
      case "":
      case ":":
        return undefined;
      case "echo":
        if (argument.endsWith(" >&2")) await this.#write("stderr", Buffer.from(`${argument.slice(0, -4)}\n`));
        else await this.#write("stdout", Buffer.from(`${argument}\n`));
        return undefined;
      case "cat":
        if (argument === "") await this.#echoStdin();
        else await this.#write("stdout", Buffer.concat(this.#files.get(argument) ?? []));
        return undefined;
      case "head":
        await this.#write("stdout", Buffer.alloc(Number(rest[1])));
        return undefined;
      case "sleep":
        await this.#options.clock.sleep(Number(argument) * 1000, { signal: this.#over.signal });
        return undefined;
      case "exit":
        return { code: Number(argument) };
      case "trap":
        this.#trap = rest[0] === "''" ? "" : { code: Number(/exit (\d+)/.exec(argument)?.[1]) };
        return undefined;
      case "kill":
        return { signal: SIGKILL, foreign: true };
      default:
        await this.#write("stderr", Buffer.from(`${word}: command not found\n`));
        return { code: 127 };
    }
  }

  /** Writes as a program does: where the pipe is full, it waits. */
  async #write(stream: "stdout" | "stderr", bytes: Buffer): Promise<void> {
    const { output } = this.#options;
    for (let at = 0; at < bytes.length; at += PIPE_BYTES) {
      const part = bytes.subarray(at, at + PIPE_BYTES);
      const hasRoom = output.write(encodeFrame(FromRunner[stream], part));
      this.#written[stream] += part.length;
      if (!hasRoom) await this.#untilDrained();
      // Others come to their turn in between, as they do beside a process of its own.
      if (at + PIPE_BYTES < bytes.length) await nextTurn();
      this.#over.signal.throwIfAborted();
    }
  }

  async #untilDrained(): Promise<void> {
    const { output } = this.#options;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        output.off("drain", done);
        this.#over.signal.removeEventListener("abort", done);
        resolve();
      };
      output.once("drain", done);
      this.#over.signal.addEventListener("abort", done, { once: true });
    });
  }

  async #echoStdin(): Promise<void> {
    for (;;) {
      this.#over.signal.throwIfAborted();
      const part = this.#stdin.shift();
      if (part !== undefined) {
        await this.#write("stdout", part);
        if (this.#stdinOpen) this.#grant(part.length);
      } else if (!this.#stdinOpen) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          const { signal } = this.#over;
          const goOn = (): void => {
            signal.removeEventListener("abort", goOn);
            resolve();
          };
          this.#onStdin = goOn;
          signal.addEventListener("abort", goOn);
        });
      }
    }
  }

  /** Kills the program, or asks it to end first: then its trap decides, or the question itself ends it. */
  #end(cause: number, graceMs: number): void {
    const { clock, output } = this.#options;
    if (this.#phase === "ended" || (this.#cause !== 0 && !this.#wasAsked)) return;
    if (this.#cause === 0) {
      this.#cause = cause;
      this.#wasAsked = graceMs > 0 && this.#phase === "running";
      if (this.#wasAsked && this.#trap !== "") {
        this.#finish(this.#trap ?? { signal: SIGTERM }, output);
        return;
      }
    }
    if (this.#phase !== "running") return;
    if (graceMs === 0) this.#finish({ signal: SIGKILL }, output);
    else
      clock.sleep(graceMs, { signal: this.#over.signal }).then(
        () => {
          this.#finish({ signal: SIGKILL }, output);
        },
        () => undefined,
      );
  }

  #finish(end: FakeEnd, output: PassThrough): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#over.abort(new Error("ended"));
    for (const path of this.#collect) {
      const content = this.#files.get(path);
      if (content !== undefined) for (const frame of collectedFrames(path, Buffer.concat(content))) output.write(frame);
    }
    const runMs = this.#options.clock.now() - this.#began;
    output.write(
      encodeFrame(
        FromRunner.exit,
        encodeExit(end, { cause: this.#cause, wasAsked: this.#wasAsked, runMs, written: this.#written }),
      ),
    );
    this.#options.onEnd(0);
  }

  #fail(code: number, text: string): void {
    if (this.#phase === "ended") return;
    this.#options.output.write(encodeFrame(FromRunner.failed, Buffer.concat([Buffer.of(code), Buffer.from(text)])));
    this.#leave(70);
  }

  #leave(exitCode: number): void {
    this.silence();
    this.#options.onEnd(exitCode);
  }
}

function collectedFrames(path: string, content: Buffer): Buffer[] {
  const header = Buffer.alloc(10);
  header.writeBigUInt64BE(BigInt(content.length), 0);
  header.writeUInt16BE(0o644, 8);
  const frames = [encodeFrame(FromRunner.collected, Buffer.concat([header, Buffer.from(path)]))];
  for (let at = 0; at < content.length; at += PIPE_BYTES) {
    frames.push(encodeFrame(FromRunner.data, content.subarray(at, at + PIPE_BYTES)));
  }
  return frames;
}

/** READY as a runner sends it; without an offer, as one that has no pipes of its own. */
export function encodeReady({
  version = RUNNER_PROTOCOL_VERSION,
  offer,
}: { version?: number; offer?: PipeOffer | undefined } = {}): Buffer {
  const payload = Buffer.alloc(25);
  payload.writeUInt8(version, 0);
  if (offer !== undefined) {
    payload.writeUInt32BE(offer.input.fd, 1);
    payload.writeBigUInt64BE(offer.input.inode, 5);
    payload.writeUInt32BE(offer.output.fd, 13);
    payload.writeBigUInt64BE(offer.output.inode, 17);
  }
  return encodeFrame(FromRunner.ready, payload);
}

/** EXIT's 60 bytes, as `sandbox/README.md` lays them out; also for tests that play the runner themselves. */
export function encodeExit(
  end: FakeEnd,
  about: {
    cause?: number;
    wasAsked?: boolean;
    runMs?: number;
    oomKills?: number;
    written?: { stdout: number; stderr: number };
  } = {},
): Buffer {
  const { cause = 0, wasAsked = false, runMs = 0, oomKills = 0, written = { stdout: 0, stderr: 0 } } = about;
  const payload = Buffer.alloc(60);
  payload.writeUInt8(end.signal === undefined ? 0 : 1, 0);
  payload.writeUInt8(end.signal ?? end.code ?? 0, 1);
  payload.writeUInt8(cause, 2);
  payload.writeUInt8((end.foreign === true ? 1 : 0) | (wasAsked ? 2 : 0), 3);
  payload.writeUInt32BE(oomKills, 4);
  payload.writeBigUInt64BE(1_000n, 8);
  payload.writeBigUInt64BE(1_048_576n, 16);
  payload.writeBigUInt64BE(2_097_152n, 24);
  payload.writeBigUInt64BE(BigInt(Math.round(runMs * 1000)), 32);
  payload.writeBigUInt64BE(BigInt(written.stdout), 40);
  payload.writeBigUInt64BE(BigInt(written.stderr), 48);
  return payload;
}
