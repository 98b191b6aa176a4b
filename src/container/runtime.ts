import type { Readable, Writable } from "node:stream";
import type { DaemonError } from "../errors.js";
import type { DirectPipes } from "./direct-pipes.js";
import type { PipeOffer } from "./runner-frames.js";

/** Names one sandbox for its whole life; 128 random bits in hexadecimal, made by us, never by a client. */
export type SandboxId = string & { readonly __brand: "SandboxId" };

/** Everything an engine has to know to make one sandbox. Pure data: the same spec always makes the same sandbox. */
export interface SandboxSpec {
  readonly lane: string;
  /** A reference the engine can resolve without a registry: nothing is ever pulled on the way to a run. */
  readonly image: string;
  /** The image that the runner and its hooks come from, where `image` has none; undefined where it has them itself. */
  readonly runnerImage: string | undefined;
  /** Arguments of the runner at PID 1. */
  readonly command: readonly string[];
  /** Variables on top of the image's. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables that programs get where neither the image nor `env` has them. */
  readonly suggestedEnv: Readonly<Record<string, string>>;
  /** Whom everything in the sandbox runs as: never root. */
  readonly user: { readonly uid: number; readonly gid: number };
  readonly memoryBytes: number;
  /** Processors, in fractions: 0.5 is half of one. */
  readonly cpus: number;
  readonly pids: number;
  readonly openFiles: number;
  readonly workspace: FileSystemLimits;
  readonly tmp: FileSystemLimits;
  readonly home: FileSystemLimits;
  readonly sharedMemory: FileSystemLimits;
  /** Absolute paths that programs find empty, besides those that no sandbox sees. */
  readonly maskedPaths: readonly string[];
  readonly network: "none" | "egress";
  /** The engine's name of an OCI runtime; `auto` takes the fastest that works, undefined the engine's default. */
  readonly ociRuntime: string | undefined;
  /** Graphics processors to pass on: all, so many, or these; undefined for none. */
  readonly gpus: "all" | number | readonly string[] | undefined;
  /** A seccomp profile as JSON text. There is no spec without one, and an engine that cannot apply it makes no sandbox. */
  readonly seccompProfile: string;
}

/** What a file system in memory may hold. Without a limit on inodes, 10 million empty files cost the kernel gigabytes. */
export interface FileSystemLimits {
  readonly bytes: number;
  readonly inodes: number;
}

/** How long each step of a launch took, in milliseconds. */
export interface LaunchTimings {
  readonly createMs: number;
  readonly attachMs: number;
  readonly startMs: number;
}

/** What is known about a sandbox that ended without the runner saying why. */
export interface SandboxEnd {
  /** The engine's own account; undefined where it could not be had. */
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
}

/**
 * A sandbox whose runner has been started: two byte streams, an end, and a way to remove it.
 *
 * The owner must call `remove` exactly when it is done; nobody else will.
 */
export interface RunningSandbox {
  readonly id: SandboxId;
  readonly timings: LaunchTimings;
  /** Bytes to the runner. Ending it is the dead man's switch. */
  readonly input: Writable;
  /** Bytes from the runner, with backpressure: as long as nobody reads, the program in the sandbox blocks. */
  readonly output: Readable;
  /** Settles when the streams are gone, whatever the cause; never rejects. */
  readonly closed: Promise<void>;
  /**
   * Opens the daemon's ends of the runner's own pipes, which then carry everything past the engine; `input` and `output`
   * stay, for the dead man's switch. `closed` waits for their end too. Called once, when the runner has offered them.
   * @returns undefined where they are out of reach: all goes on over `input` and `output` then. Never rejects.
   */
  openPipes(offer: PipeOffer): Promise<DirectPipes | undefined>;
  /** Asks the engine how the sandbox ended; for endings that the runner could not report. Never rejects. */
  inspectEnd(): Promise<SandboxEnd>;
  /**
   * Kills and removes the sandbox and settles when the engine says that it is gone. Idempotent: every call returns the
   * same promise. Retries with backoff until the engine answers, so it may take long while an engine is down.
   * @throws never; a removal that was given up at `close` of the runtime settles as well.
   */
  remove(): Promise<void>;
  /** Why it is not removed yet, as the engine answered last, or did not; undefined while nothing went wrong, or when it is gone. */
  readonly removalFault?: DaemonError | undefined;
}

/** `refused`: the engine's own answer, such as that a container is gone already; `failed`: no answer, or none in time. */
export type EngineCallOutcome = "ok" | "refused" | "failed";

export interface EngineInfo {
  readonly name: string;
  readonly version: string;
  readonly cgroupVersion: "1" | "2" | "unknown";
  readonly ociRuntimes: readonly string[];
}

/**
 * The port to whatever makes sandboxes. Adapters hold every call to a deadline and translate failures into the errors of
 * `container/errors.ts`.
 */
export interface SandboxRuntime extends AsyncDisposable {
  /** @throws EngineDownError */
  ping(options: { signal: AbortSignal }): Promise<EngineInfo>;
  /**
   * Whether a spec could be launched now: its image is there, its network can be had.
   * @throws ImageMissingError, EngineDownError, EngineRefusedError
   */
  prepare(spec: SandboxSpec, options: { signal: AbortSignal }): Promise<void>;
  /**
   * Watches over what sandboxes of a spec rely on outside of themselves, such as the rules of their network, until the
   * signal is aborted. `onUndone` hears of it as soon as that is found not to be as it must be: until `mended` settles no
   * sandbox of this spec may be handed out; when it rejects, with a `DaemonError`, those made before are of no use any more.
   */
  watch(spec: SandboxSpec, options: { signal: AbortSignal; onUndone: (mended: Promise<void>) => void }): void;
  /**
   * Makes a sandbox and starts its runner; does not wait for it to be ready. On failure nothing is left behind.
   * @throws ImageMissingError, EngineDownError, EngineRefusedError
   */
  launch(spec: SandboxSpec, options: { signal: AbortSignal }): Promise<RunningSandbox>;
  /**
   * Removes what an earlier daemon of this instance left, and nothing that belongs to a live one. A sandbox whose removal the
   * engine has not confirmed, and that it does not list any more, is gone: its `remove` settles.
   * @returns how many sandboxes were removed
   * @throws EngineDownError
   */
  reap(options: { signal: AbortSignal }): Promise<number>;
  /** Sandboxes of this instance that the engine knows, in whatever state. @throws EngineDownError */
  count(options: { signal: AbortSignal }): Promise<number>;
}
