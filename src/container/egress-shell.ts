import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { systemClock } from "../clock.js";
import { abortReason, DescriptorsError } from "../errors.js";
import { outwait } from "../patience.js";
import { EgressError } from "./egress-error.js";

/** Where the firewall's programs are; not the caller's PATH, as they run as root. */
export const PROGRAM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

/** A host with tens of thousands of rules writes a few megabytes. */
const MAX_ANSWER_CHARS = 64 * 1024 * 1024;

/**
 * Runs one command for each line that it reads, and ends each answer with a line that nothing in a table can be mistaken
 * for, as a table's lines begin with `#`, `*`, `:`, `-` or `C`. The pipe's end ends it, however its daemon ends.
 */
const READ_ON_REQUEST = `
while read -r program; do
  "$program" -t filter 2>&1
  echo "=$?"
done`;
const END_OF_ANSWER = /^=(\d+)\n$/m;

/**
 * Passes on what xtables-monitor tells, line by line, until the pipe from the daemon ends. Without stdbuf it would keep
 * its lines to itself until it has 4 KiB of them. The shell lets go of its own stdout, so that the pipe's end is the monitor's.
 */
const MONITOR = `
stdbuf -oL xtables-monitor --event 2>/dev/null &
exec >&-
read -r _
kill "$!"`;

interface Question {
  readonly resolve: (answer: { status: number; text: string }) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Reads the firewall's tables through a shell that lives as long as the daemon. A process of this size is expensive to fork
 * from: measured with 80 MB in use, each fork held the event loop up for 35 ms, and the shell's forks do not.
 *
 * One question at a time. A shell that is lost is started again with the next question.
 */
export class TableReader implements Disposable {
  #shell: ChildProcessWithoutNullStreams | undefined;
  #question: Question | undefined;
  #answer = "";
  #isDisposed = false;

  /** @returns the exit status of `PROGRAM -t filter`, 127 where there is none, and what it wrote. @throws EgressError */
  async read(
    program: "iptables-save" | "ip6tables-save",
    options: { signal: AbortSignal; deadlineMs: number },
  ): Promise<{ status: number; text: string }> {
    const { signal, deadlineMs } = options;
    signal.throwIfAborted();
    if (this.#isDisposed) throw new EgressError("The firewall's tables are not read any more.");
    if (this.#question !== undefined) throw new Error("one question at a time");
    const shell = (this.#shell ??= this.#start());
    const giveUp = (error: Error): void => {
      // What it still writes would be taken for the next answer.
      this.#lose(shell, error);
      shell.kill("SIGKILL");
    };
    const onAbort = (): void => {
      giveUp(abortReason(signal));
    };
    const answered = new AbortController();
    outwait(deadlineMs, { clock: systemClock, signal: answered.signal }).then(
      () => {
        giveUp(new EgressError(`${program} did not end within ${deadlineMs} ms.`));
      },
      () => undefined, // The answer, or the end of the question, came first.
    );
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#question = { resolve, reject };
        shell.stdin.write(`${program}\n`);
      });
    } finally {
      answered.abort();
      signal.removeEventListener("abort", onAbort);
    }
  }

  #start(): ChildProcessWithoutNullStreams {
    const shell = spawnQuietly(READ_ON_REQUEST);
    shell.stdout.on("data", (text: string) => {
      this.#answer += text;
      const end = END_OF_ANSWER.exec(this.#answer.slice(-16));
      if (end !== null) {
        const { resolve } = this.#question ?? {};
        const answer = { status: Number(end[1]), text: this.#answer.slice(0, -end[0].length) };
        this.#question = undefined;
        this.#answer = "";
        resolve?.(answer);
      } else if (this.#answer.length > MAX_ANSWER_CHARS) {
        this.#lose(shell, new EgressError(`A table of the firewall is larger than ${MAX_ANSWER_CHARS} characters.`));
        shell.kill("SIGKILL");
      }
    });
    const onEnd = (): void => {
      this.#lose(shell, new EgressError("The shell that reads the firewall's tables has ended."));
    };
    shell.on("error", onEnd).on("close", onEnd);
    return shell;
  }

  #lose(shell: ChildProcessWithoutNullStreams, error: Error): void {
    if (this.#shell !== shell) return;
    const question = this.#question;
    this.#shell = undefined;
    this.#question = undefined;
    this.#answer = "";
    question?.reject(error);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#shell?.stdin.end();
  }
}

/**
 * Hears of every change of an nf_tables firewall as it happens; iptables-legacy tells nobody.
 * @param onEnd there is no monitor, or it has ended: from now on look yourself. Not called after disposal.
 */
export function monitorTables(options: { onChange: () => void; onEnd: () => void }): Disposable {
  let shell: ChildProcessWithoutNullStreams;
  try {
    shell = spawnQuietly(MONITOR);
  } catch (error) {
    if (!(error instanceof DescriptorsError)) throw error;
    queueMicrotask(options.onEnd);
    return { [Symbol.dispose]: () => undefined };
  }
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    shell.stdin.end();
    options.onEnd();
  };
  shell.stdout.on("data", () => {
    if (!isOver) options.onChange();
  });
  shell.stdout.on("close", end);
  shell.on("error", end);
  return {
    [Symbol.dispose]() {
      isOver = true;
      shell.stdin.end();
    },
  };
}

/** A shell in a session of its own, so that a signal to the daemon's process group does not reach it. */
function spawnQuietly(script: string): ChildProcessWithoutNullStreams {
  const shell = spawn("/bin/sh", ["-c", script], {
    detached: true,
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // Where no descriptor is left Node makes no pipes, whatever its types say, and tells of it later.
  if (!(shell.stdin as Writable | null | undefined)) {
    shell.on("error", () => undefined);
    throw new DescriptorsError("start a shell that reads the firewall's tables", {});
  }
  shell.unref();
  shell.stdout.setEncoding("utf8");
  // Both say all they have to say on stdout.
  shell.stderr.resume();
  shell.stdin.on("error", () => undefined);
  return shell;
}
