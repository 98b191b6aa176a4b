import { Readable, Writable } from "node:stream";
import type { Clock } from "../clock.js";
import type { LaneConfig } from "../config/schema.js";
import { encodeExit, encodeFrame, FromRunner } from "../container/runner-frames.js";
import type { RunningSandbox, SandboxId } from "../container/runtime.js";
import { Lease } from "../pool/lease.js";
import { Sandbox } from "../pool/sandbox.js";
import { breathe } from "./breathe.js";
import { execute } from "./execute.js";
import type { Run } from "./run.js";

const OUTPUT = encodeFrame(FromRunner.stdout, Buffer.from("1\n"));
const EXIT = encodeFrame(
  FromRunner.exit,
  encodeExit({
    kind: "exited",
    value: 0,
    cause: 0,
    foreignKill: false,
    wasAsked: false,
    oomKills: 0,
    cpuMs: 0,
    maxRssBytes: 0,
    runMs: 0,
    stdoutBytes: 2,
    stderrBytes: 0,
  }),
);

/**
 * Takes a run along the path of every run, with a sandbox that does not exist: it answers to any program what `print(1)`
 * would. Counts nowhere and costs no sandbox. Settles when the run has had its last message; never rejects.
 * @param config of the lane that it is as if in
 */
export async function rehearse(run: Run, { config, clock }: { config: LaneConfig; clock: Clock }): Promise<void> {
  const lease = new Lease(pretendedSandbox(), { launch: "warm", queueMs: 0 });
  const lane = { name: run.request.lane, config, take: () => lease, acquire: () => Promise.resolve(lease) };
  const ignore = (): void => undefined;
  await execute(run, { lanes: { get: () => lane }, clock, unreadMs: 0, breathe, onHandout: ignore, onEnd: ignore });
}

function pretendedSandbox(): Sandbox {
  const output = new Readable({ read: () => undefined });
  const input = new Writable({
    write: (_chunk, _encoding, written) => {
      written();
      setImmediate(() => {
        output.push(OUTPUT);
        setImmediate(() => output.push(EXIT));
      });
    },
  });
  const running: RunningSandbox = {
    id: "" as SandboxId,
    timings: { createMs: 0, attachMs: 0, startMs: 0 },
    input,
    output,
    closed: new Promise(() => undefined),
    openPipes: () => Promise.resolve(undefined),
    inspectEnd: () => Promise.resolve({ exitCode: 0, oomKilled: false }),
    remove: () => Promise.resolve(),
  };
  return new Sandbox(running, {
    onState: () => undefined,
    onLog: () => undefined,
    calm: () => Promise.resolve(),
  });
}
