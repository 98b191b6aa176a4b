import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { EngineRefusedError, ImageMissingError } from "../../src/container/errors.js";
import { RunnerChannel } from "../../src/container/runner-channel.js";
import type { Program, RunnerExit } from "../../src/container/runner-frames.js";
import type { RunningSandbox, SandboxRuntime, SandboxSpec } from "../../src/container/runtime.js";
import { waitFor } from "../support/wait.js";

/** One kind of engine, as the suite needs it. */
export interface RuntimeSubject {
  /** A daemon's view of the engine; two of one instance are two lives of one daemon. */
  readonly runtime: (instance: string) => SandboxRuntime;
  /** An engine of the same kind that answers removals as it is told to; what it has, `runtime` sees as well. */
  readonly unwilling: () => Promise<UnwillingEngine>;
  /** A sandbox of bash, without a network. */
  readonly spec: SandboxSpec;
  /** How long a program is held back, in ms: far longer than it would take. */
  readonly holdMs: number;
  /** How long the engine may take for what it does by itself, in ms. */
  readonly patienceMs: number;
  /** Moments of a launch at which it is aborted, in ms. */
  readonly abortAfterMs: readonly number[];
}

/**
 * What becomes of a removal. `unconfirmed`: the sandbox is gone, and the engine says that it failed. `refused`: nothing is done;
 * an engine that takes ended sandboxes away by itself may still do so.
 */
export type Removals = "answered" | "unconfirmed" | "refused";

export interface UnwillingEngine extends AsyncDisposable {
  readonly runtime: (instance: string) => SandboxRuntime;
  /** From now on. */
  answer: (removals: Removals) => void;
}

/** More than all buffers between a program and the daemon hold together. */
const FLOOD_BYTES = 8 * 1024 * 1024;

/**
 * What every adapter of `container/runtime.ts` holds. It runs on the fake and on the real engine, so that no test on the
 * fake rests on something that the engine does not do. Each program is text that bash and the fake understand alike.
 */
export function describeRuntime(name: string, subject: RuntimeSubject): void {
  const { spec, holdMs, patienceMs } = subject;
  const { signal } = new AbortController();
  let lastInstance = 0;
  const newInstance = (): string => {
    lastInstance += 1;
    return `contract-${name.replaceAll(/\W+/g, "-")}-${process.pid}-${lastInstance}`;
  };

  const emptied = async (runtime: SandboxRuntime): Promise<void> => {
    await waitFor(async () => (await runtime.count({ signal })) === 0, {
      timeoutMs: patienceMs,
      what: "the engine to be rid of every sandbox",
    });
  };

  /** A runtime of its own for each test; whatever the test did, nothing of it is left afterwards. */
  const withRuntime = async (test: (runtime: SandboxRuntime, instance: string) => Promise<void>): Promise<void> => {
    const instance = newInstance();
    const runtime = subject.runtime(instance);
    try {
      await test(runtime, instance);
    } finally {
      await using sweeper = subject.runtime(instance);
      await sweeper.reap({ signal });
      await emptied(sweeper);
      await runtime[Symbol.asyncDispose]();
    }
  };

  const launchReady = async (runtime: SandboxRuntime): Promise<{ sandbox: RunningSandbox; channel: RunnerChannel }> => {
    const sandbox = await runtime.launch(spec, { signal });
    const channel = new RunnerChannel(sandbox, { onLog: () => undefined });
    await channel.ready;
    return { sandbox, channel };
  };

  describe(`${name} as a sandbox runtime`, () => {
    it("tells what it is", async () => {
      await withRuntime(async (runtime) => {
        expect(await runtime.ping({ signal })).toMatchObject({ name: expect.any(String), version: expect.any(String) });
      });
    });

    it("launches a sandbox whose runner becomes ready, and counts it", async () => {
      await withRuntime(async (runtime) => {
        await runtime.prepare(spec, { signal });
        const { sandbox } = await launchReady(runtime);
        expect(await runtime.count({ signal })).toBe(1);
        expect(sandbox.id).toMatch(/^[0-9a-f]{32}$/);
        for (const step of Object.values(sandbox.timings)) expect(step).toBeGreaterThanOrEqual(0);
        await sandbox.remove();
      });
    });

    it("gives every sandbox an id of its own", async () => {
      await withRuntime(async (runtime) => {
        const both = await Promise.all([launchReady(runtime), launchReady(runtime)]);
        expect(new Set(both.map(({ sandbox }) => sandbox.id)).size).toBe(2);
        await Promise.all(both.map(({ sandbox }) => sandbox.remove()));
      });
    });

    it("carries a program's output and its exit", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const run = begin(channel, "echo one\necho two >&2\nexit 7");
        expect(await run.ended).toMatchObject({ kind: "exited", value: 7, cause: 0, stdoutBytes: 4, stderrBytes: 4 });
        expect([run.stdout(), run.stderr()]).toEqual(["one\n", "two\n"]);
        await sandbox.remove();
      });
    });

    it("carries input to the program", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const run = begin(channel, "cat", { stdinOpen: true });
        channel.writeStdin(Buffer.from("from far away"));
        channel.endStdin();
        expect(await run.ended).toMatchObject({ kind: "exited", value: 0 });
        expect(run.stdout()).toBe("from far away");
        await sandbox.remove();
      });
    });

    it("reports a kill with the cause that it was given", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const run = begin(channel, "echo begun\nsleep 600");
        await run.firstOutput;
        channel.kill(42, 0);
        channel.kill(43, 0);
        expect(await run.ended).toMatchObject({ kind: "signaled", value: 9, cause: 42, foreignKill: false });
        await sandbox.remove();
      });
    });

    it("reports the time-out as its own cause", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const run = begin(channel, "sleep 600", { timeoutMs: 100 });
        expect(await run.ended).toMatchObject({ kind: "signaled", value: 9, cause: 1 });
        await sandbox.remove();
      });
    });

    it.each([
      ["exits in its grace", "trap 'exit 3' TERM", 60_000, { kind: "exited", value: 3 }],
      ["ends by the question", ":", 60_000, { kind: "signaled", value: 15 }],
      ["does not end in its grace", "trap '' TERM", 100, { kind: "signaled", value: 9, foreignKill: false }],
    ])("reports a program that %s, at its time-out and at a kill", async (_what, trap, graceMs, expected) => {
      await withRuntime(async (runtime) => {
        const timed = await launchReady(runtime);
        const late = begin(timed.channel, `${trap}\nsleep 600`, { timeoutMs: 300, graceMs });
        expect(await late.ended).toMatchObject({ ...expected, cause: 1, wasAsked: true });
        await timed.sandbox.remove();
        const killed = await launchReady(runtime);
        const run = begin(killed.channel, `${trap}\necho begun\nsleep 600`);
        await run.firstOutput;
        killed.channel.kill(16, graceMs);
        expect(await run.ended).toMatchObject({ ...expected, cause: 16, wasAsked: true });
        await killed.sandbox.remove();
      });
    });

    it("tells a program that killed itself from one that was killed", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const run = begin(channel, "kill -KILL $$");
        expect(await run.ended).toMatchObject({ kind: "signaled", value: 9, cause: 0, foreignKill: true });
        await sandbox.remove();
      });
    });

    it("refuses a file whose path is taken", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const files = [file("taken", "1"), file("taken/below", "2")];
        await expect(begin(channel, ":", { files }).ended).rejects.toThrow(/taken/);
        await sandbox.remove();
      });
    });

    it("has removed a sandbox when it says so, also when it is asked again", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const run = begin(channel, "sleep 600");
        run.ended.catch(() => undefined);
        await Promise.all([sandbox.remove(), sandbox.remove()]);
        expect(await runtime.count({ signal })).toBe(0);
        await sandbox.remove();
        await sandbox.closed;
        await expect(run.ended).rejects.toThrow();
        expect(await sandbox.inspectEnd()).toMatchObject({ oomKilled: false });
      });
    });

    it.each(["unconfirmed", "refused"] as const)(
      "says that a removal fails while it does, and has it done as soon as it can be known: %s",
      async (removals) => {
        await using engine = await subject.unwilling();
        const instance = newInstance();
        // Sees what the engine has, whatever it says to the other.
        await using witness = subject.runtime(instance);
        await using runtime = engine.runtime(instance);
        const { sandbox } = await launchReady(runtime);
        expect(sandbox.removalFault).toBeUndefined();
        engine.answer(removals);
        let isSettled = false;
        const removal = sandbox.remove().then(() => (isSettled = true));
        await waitFor(() => sandbox.removalFault !== undefined || isSettled, {
          timeoutMs: patienceMs,
          what: "the removal to fail",
        });
        expect(sandbox.removalFault).toBeInstanceOf(EngineRefusedError);
        expect(isSettled).toBe(false);
        if (removals === "unconfirmed") {
          await emptied(witness);
          expect(await runtime.reap({ signal })).toBe(0);
        } else {
          // It is still one of the runtime's own, which no sweep counts or takes for gone.
          expect(await runtime.reap({ signal })).toBe(0);
          engine.answer("answered");
        }
        await waitFor(() => isSettled, { timeoutMs: 30_000, what: "the removal to settle" });
        await removal;
        expect(sandbox.removalFault).toBeUndefined();
        expect(await witness.count({ signal })).toBe(0);
        engine.answer("answered");
      },
    );

    it("waits, when it is closed, for removals that are under way", async () => {
      const instance = newInstance();
      await using witness = subject.runtime(instance);
      const runtime = subject.runtime(instance);
      const { sandbox } = await launchReady(runtime);
      const removal = sandbox.remove();
      await runtime[Symbol.asyncDispose]();
      expect(await witness.count({ signal })).toBe(0);
      await removal;
    });

    it("removes a sandbox whose output nobody reads", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const run = begin(channel, `head -c ${FLOOD_BYTES} /dev/zero`);
        run.ended.catch(() => undefined);
        await run.firstOutput;
        channel.pause();
        await sandbox.remove();
        await sandbox.closed;
        expect(await runtime.count({ signal })).toBe(0);
      });
    });

    it.each<[string, (sandbox: RunningSandbox) => void]>([
      ["ended", (sandbox) => sandbox.input.end()],
      ["broken off", (sandbox) => sandbox.input.destroy()],
    ])("ends a sandbox when its input is %s: the dead man's switch", async (_how, close) => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const run = begin(channel, "echo begun\nsleep 600");
        run.ended.catch(() => undefined);
        await run.firstOutput;
        close(sandbox);
        await sandbox.closed;
        await emptied(runtime);
        await sandbox.remove();
      });
    });

    it("holds a program back while its output is not read, and loses nothing of it", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        const run = begin(channel, `head -c ${FLOOD_BYTES} /dev/zero\necho end`);
        await run.firstOutput;
        channel.pause();
        const heldAt = run.received();
        await sleep(holdMs);
        expect(run.received() - heldAt).toBeLessThan(FLOOD_BYTES / 2);
        channel.resume();
        const exit = await run.ended;
        expect(exit.runMs).toBeGreaterThan(holdMs * 0.8);
        expect([exit.stdoutBytes, run.received()]).toEqual([FLOOD_BYTES + 4, FLOOD_BYTES + 4]);
        await sandbox.remove();
      });
    });

    it("keeps what was written before the end for a reader that comes after it", async () => {
      await withRuntime(async (runtime) => {
        const { sandbox, channel } = await launchReady(runtime);
        channel.pause();
        // A pipe has 16 pages, and what is written to it begins another one where it does not fit into the rest of the last.
        const run = begin(channel, "head -c 20000 /dev/zero\nexit 3");
        run.ended.catch(() => undefined);
        await emptied(runtime);
        channel.resume();
        expect(await run.ended).toMatchObject({ kind: "exited", value: 3 });
        expect(run.received()).toBe(20_000);
        await sandbox.remove();
      });
    });

    it("says that an image is missing, before a launch and at one", async () => {
      await withRuntime(async (runtime) => {
        const absent = { ...spec, image: "matchbox-contract-absent:none" };
        await expect(runtime.prepare(absent, { signal })).rejects.toBeInstanceOf(ImageMissingError);
        await expect(runtime.launch(absent, { signal })).rejects.toBeInstanceOf(ImageMissingError);
        await expect(runtime.launch(absent, { signal })).rejects.toThrow(/matchbox-contract-absent:none is not there/);
        expect(await runtime.count({ signal })).toBe(0);
      });
    });

    it("does not begin a launch that is aborted already", async () => {
      await withRuntime(async (runtime) => {
        const aborted = AbortSignal.abort(new Error("changed my mind"));
        await expect(runtime.launch(spec, { signal: aborted })).rejects.toThrow("changed my mind");
        expect(await runtime.count({ signal })).toBe(0);
      });
    });

    it("leaves nothing behind of a launch that is aborted, whenever that is", async () => {
      await withRuntime(async (runtime) => {
        for (const afterMs of subject.abortAfterMs) {
          await launchAborted(runtime, spec, afterMs);
          await emptied(runtime);
        }
      });
    });

    it("leaves nothing behind of an aborted launch when it is closed right after", async () => {
      for (const afterMs of subject.abortAfterMs) {
        const instance = newInstance();
        await using witness = subject.runtime(instance);
        const runtime = subject.runtime(instance);
        try {
          await launchAborted(runtime, spec, afterMs);
          await runtime[Symbol.asyncDispose]();
          await emptied(witness);
        } finally {
          await witness.reap({ signal });
        }
      }
    });

    it("reaps what an earlier life of its instance left, and spares its own and another instance's", async () => {
      await withRuntime(async (earlier, instance) => {
        await using other = subject.runtime(newInstance());
        await using later = subject.runtime(instance);
        const { sandbox: left } = await launchReady(earlier);
        const { sandbox: foreign } = await launchReady(other);
        const { sandbox: own, channel } = await launchReady(later);

        expect(await later.reap({ signal })).toBe(1);
        await left.closed;
        expect([await later.count({ signal }), await other.count({ signal })]).toEqual([1, 1]);
        expect(await begin(channel, "exit 5").ended).toMatchObject({ value: 5 });
        expect(await later.reap({ signal })).toBe(0);

        await Promise.all([left, foreign, own].map((sandbox) => sandbox.remove()));
        expect([await later.count({ signal }), await other.count({ signal })]).toEqual([0, 0]);
      });
    });
  });
}

/** Begins a launch and takes it back; one that was faster is removed. */
async function launchAborted(runtime: SandboxRuntime, spec: SandboxSpec, afterMs: number): Promise<void> {
  const abort = new AbortController();
  const launched = runtime.launch(spec, { signal: abort.signal }).then(
    (sandbox) => sandbox.remove(),
    (error: unknown) => {
      expect(error).toBe(abort.signal.reason);
    },
  );
  await sleep(afterMs);
  abort.abort(new Error("changed my mind"));
  await launched;
}

function file(path: string, content: string): Program["files"][number] {
  return { path, mode: 0o644, content: Buffer.from(content) };
}

interface Begun {
  /** The runner's account. @throws when there is none */
  readonly ended: Promise<RunnerExit>;
  readonly firstOutput: Promise<void>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Bytes of both outputs so far. */
  readonly received: () => number;
}

function begin(
  channel: RunnerChannel,
  code: string,
  options: { stdinOpen?: boolean; timeoutMs?: number; graceMs?: number; files?: Program["files"] } = {},
): Begun {
  const { stdinOpen = false, timeoutMs = 0, graceMs = 0, files = [] } = options;
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let heard: () => void = () => undefined;
  const firstOutput = new Promise<void>((resolve) => (heard = resolve));
  const ended = new Promise<RunnerExit>((resolve, reject) => {
    channel.begin(
      {
        files: [file("main.sh", code), ...files],
        args: [],
        env: {},
        timeoutMs,
        graceMs,
        stdinOpen,
        collect: [],
        maxCollectBytes: 0,
        maxCollectFiles: 0,
      },
      {
        onOutput: (stream, bytes) => {
          output[stream].push(Buffer.from(bytes));
          heard();
        },
        onFile: () => undefined,
        onStdinTaken: () => undefined,
        onSkipped: () => undefined,
        onExit: resolve,
        onLost: reject,
      },
    );
  });
  return {
    ended,
    firstOutput,
    stdout: () => Buffer.concat(output.stdout).toString(),
    stderr: () => Buffer.concat(output.stderr).toString(),
    received: () => [...output.stdout, ...output.stderr].reduce((sum, bytes) => sum + bytes.length, 0),
  };
}
