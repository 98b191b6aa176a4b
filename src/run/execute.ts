import { type Clock, toMicroseconds } from "../clock.js";
import { FileRefusedError } from "../container/runner-channel.js";
import type { Program, RunnerExit } from "../container/runner-frames.js";
import { deferred } from "../deferred.js";
import { DaemonError } from "../errors.js";
import type { Lane } from "../pool/lane.js";
import type { Lease } from "../pool/lease.js";
import { ERROR_FACTS, type ErrorCode } from "../protocol/error-codes.js";
import type { ExitMessage, ExitReason } from "../protocol/exit.js";
import type { Launch } from "../protocol/messages.js";
import { decide, type Ending } from "./outcome.js";
import { RunOutput } from "./output.js";
import { BadRunError, outputLimitOf, programOf } from "./program.js";
import type { Run } from "./run.js";
import { outlastSilence } from "./silence.js";
import { graceOf, KILL_CAUSES } from "./termination.js";

/** An exit before it gets its place among the messages of a run. */
type ExitFacts = Omit<ExitMessage, "type" | "id" | "seq">;

/** What is known of a run when it is over; everything that metrics and the log line are made of. */
export interface RunRecord {
  readonly lane: string;
  readonly outcome: ExitReason | ErrorCode;
  readonly launch: Launch | undefined;
  readonly sandbox: string | undefined;
  readonly exit: ExitFacts | undefined;
  /** What went wrong, where Matchbox failed the run. */
  readonly error: unknown;
}

/** What a run needs of its lane. */
type RunLane = Pick<Lane, "name" | "config" | "take" | "acquire">;

export interface ExecuteContext {
  /** @throws UnknownLaneError */
  readonly lanes: { get(name: string): RunLane };
  readonly clock: Clock;
  /** How long a client may take nothing of what its runs send, in ms; what is left of an ended run is left out after that. */
  readonly unreadMs: number;
  /** Settles when the removal of a container no longer disturbs the client that reads its run's ending (`breathe.ts`). */
  readonly breathe: () => Promise<void>;
  /** The program has been released in its sandbox. */
  readonly onHandout: (lane: string, launch: Launch, waits: { queueMs: number; handoutMs: number }) => void;
  /** Called once for every run, when its terminal message has been sent. */
  readonly onEnd: (run: Run, record: RunRecord) => void;
}

/**
 * The path of a run: check, wait for a sandbox, release the program in it, stream, tell the ending, destroy.
 *
 * Sends exactly one terminal message, `exit` or `error`, and, where a sandbox was used, the receipt `destroyed` after it.
 * Settles when the container is gone; never rejects.
 */
export async function execute(run: Run, context: ExecuteContext): Promise<void> {
  const { request } = run;
  const { clock } = context;
  let lease: Lease | undefined;
  let exitAt: number | undefined;
  try {
    const lane = context.lanes.get(request.lane);
    const program = programOf(request, lane.config);
    const output = new RunOutput({
      encoding: request.encoding,
      limitBytes: outputLimitOf(request, lane.config),
      tailBytes: lane.config.outputPolicy === "tail" ? lane.config.outputTailBytes : 0,
      clock,
      send: (stream, bytes, omittedBytes) => {
        run.emitOutput(stream, bytes, omittedBytes);
      },
    });

    lease = take(run, lane) ?? (await acquire(run, lane));
    const exit = await conduct(run, { lane, lease, program, output, context });
    run.emit({ type: "exit", ...exit });
    exitAt = clock.now();
    const { launch, sandbox } = lease;
    context.onEnd(run, { lane: lane.name, outcome: exit.reason, launch, sandbox: sandbox.id, exit, error: undefined });
  } catch (error) {
    endInFailure(run, error, context);
  }
  if (lease === undefined) return;

  exitAt ??= clock.now();
  await context.breathe();
  await lease[Symbol.asyncDispose]();
  run.emit({ type: "destroyed", sandbox: lease.sandbox.id, afterMs: toMicroseconds(clock.now() - exitAt) });
}

/** A ready sandbox at once, if there is one. */
function take({ client, party, receivedAt, termination }: Run, lane: RunLane): Lease | undefined {
  const lease = lane.take({ client, party, askedAt: receivedAt, signal: termination.signal });
  return lease === undefined ? undefined : usable(lease);
}

/** Waits for a sandbox, and again should it have died between being chosen and being used: no code has reached it then. */
async function acquire(run: Run, lane: RunLane): Promise<Lease> {
  for (;;) {
    const lease = await lane.acquire({
      client: run.client,
      party: run.party,
      queueMs: run.request.queueMs ?? lane.config.queueTimeoutMs,
      askedAt: run.receivedAt,
      signal: run.termination.signal,
      onMiss: (reason) => {
        run.miss ??= reason;
      },
      onQueued: (position, etaMs) => {
        run.emit({ type: "queued", position, etaMs });
      },
    });
    if (usable(lease) !== undefined) return lease;
  }
}

function usable(lease: Lease): Lease | undefined {
  if (lease.sandbox.channel.usable) return lease;
  void lease[Symbol.asyncDispose]();
  return undefined;
}

interface Stage {
  readonly lane: RunLane;
  readonly lease: Lease;
  readonly program: Program;
  readonly output: RunOutput;
  readonly context: ExecuteContext;
}

/** Ends what watched over a run. Made once: an abort without a reason makes an exception each time, stack and all. */
const OVER = new Error("the run is over");

/** Everything between the release of the program and its ending. @throws FileRefusedError, before the program has run */
async function conduct(run: Run, stage: Stage): Promise<ExitFacts> {
  const { lane, lease, program, output, context } = stage;
  const { clock } = context;
  const { channel, id: sandbox } = lease.sandbox;
  const over = new AbortController();
  const { promise, resolve, reject } = deferred<Ending>();
  const seen: { firstByteMs: number | null } = { firstByteMs: null };

  channel.begin(program, {
    onOutput: (stream, bytes) => {
      seen.firstByteMs ??= clock.now() - run.receivedAt;
      if (run.leavesOut) output.leaveOut();
      output.take(stream, bytes);
      if (output.overLimit && lane.config.outputPolicy === "kill") run.termination.request("output_limit");
    },
    onStdinTaken: (bytes) => {
      run.inputTaken(bytes);
    },
    onFile: (file) => {
      output.finish();
      run.emitFile(file);
    },
    onSkipped: (file) => {
      output.finish();
      run.emitSkipped(file);
    },
    onExit: (exit) => {
      resolve({ kind: "reported", exit });
    },
    onLost: (cause) => {
      if (cause instanceof FileRefusedError) reject(new BadRunError(`files: ${cause.message}`, { cause }));
      else
        void lease.sandbox.inspectEnd().then((end) => {
          resolve({ kind: "lost", end });
        });
    },
  });
  const releasedAt = clock.now();
  const handoutMs = releasedAt - run.receivedAt - lease.queueMs;
  run.connect(channel);
  run.emit({
    type: "started",
    sandbox,
    launch: lease.launch,
    queueMs: toMicroseconds(lease.queueMs),
    handoutMs: toMicroseconds(handoutMs),
  });
  context.onHandout(lane.name, lease.launch, { queueMs: lease.queueMs, handoutMs });

  // The runner keeps the time, and tells every ending. This is for a runner that cannot speak any more.
  const giveUp = async (afterMs: number): Promise<void> => {
    await clock.sleep(afterMs, { signal: over.signal });
    run.readOn();
    await outlastSilence(channel, lane.config.killGraceMs, {
      clock,
      signal: over.signal,
      unreadMs: run.isWanted ? context.unreadMs : 0,
      onUnread: () => {
        run.leaveOut();
      },
    });
    resolve({ kind: "unresponsive", hasBegun: channel.hasBegun });
  };
  const ignoreEnd = (): void => undefined;
  giveUp(program.timeoutMs + program.graceMs).catch(ignoreEnd);
  const kill = (): void => {
    const { reason } = run.termination;
    if (reason === undefined) return;
    const graceMs = graceOf(reason, program.graceMs);
    channel.kill(KILL_CAUSES[reason], graceMs);
    giveUp(graceMs).catch(ignoreEnd);
    if (graceMs === 0) return;
    run.termination.onHurry = () => {
      channel.kill(KILL_CAUSES[reason], 0);
      giveUp(0).catch(ignoreEnd);
    };
  };
  if (run.termination.signal.aborted) kill();
  else run.termination.signal.addEventListener("abort", kill, { signal: over.signal });

  let ending: Ending;
  try {
    ending = await promise;
  } finally {
    over.abort(OVER);
    run.termination.onHurry = undefined;
  }
  output.finish();
  const reported = ending.kind === "reported" ? ending.exit : undefined;
  if (reported === undefined) output.declareCut();
  else output.correct(reported);
  return {
    ...decide(ending, run.termination.reason),
    timings: {
      queueMs: toMicroseconds(lease.queueMs),
      handoutMs: toMicroseconds(handoutMs),
      firstByteMs: seen.firstByteMs === null ? null : toMicroseconds(seen.firstByteMs),
      runMs: reported?.runMs ?? toMicroseconds(clock.now() - releasedAt),
    },
    usage: usageOf(reported),
    output: output.report,
  };
}

function usageOf(exit: RunnerExit | undefined): ExitMessage["usage"] {
  return {
    cpuMs: exit?.cpuMs ?? null,
    maxRssBytes: exit?.maxRssBytes ?? null,
    oomKills: exit?.oomKills ?? null,
  };
}

/** The ending of a run that never reached a sandbox, or whose files were refused by it, or that we failed. */
function endInFailure(run: Run, error: unknown, context: ExecuteContext): void {
  const lane = run.request.lane;
  const { reason } = run.termination;
  if (run.ended) {
    // The client has its ending; what failed after it is for the log.
    context.onEnd(run, { lane, outcome: "internal", launch: undefined, sandbox: undefined, exit: undefined, error });
    return;
  }
  if (reason === "cancelled" || reason === "client_gone") {
    const waitedMs = context.clock.now() - run.receivedAt;
    const nothing = { bytes: 0, sent: 0, truncated: false };
    const exit = {
      reason,
      exitCode: null,
      signal: null,
      timings: { queueMs: toMicroseconds(waitedMs), handoutMs: 0, firstByteMs: null, runMs: 0 },
      usage: usageOf(undefined),
      output: { stdout: nothing, stderr: { ...nothing } },
    };
    run.emit({ type: "exit", ...exit });
    context.onEnd(run, { lane, outcome: reason, launch: undefined, sandbox: undefined, exit, error: undefined });
    return;
  }
  const code: ErrorCode =
    reason === "shutdown" ? "shutting_down" : error instanceof DaemonError ? error.code : "internal";
  const retryAfterMs = error instanceof DaemonError ? error.retryAfterMs : undefined;
  run.emit({
    type: "error",
    code,
    // What we did not foresee stays in the log: its words may name paths and parts of the host.
    message: error instanceof DaemonError ? error.message : ERROR_FACTS[code].meaning,
    retryable: ERROR_FACTS[code].retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
  context.onEnd(run, { lane, outcome: code, launch: undefined, sandbox: undefined, exit: undefined, error });
}
