import type { ExitMessage } from "../protocol/exit.js";
import type { ServerMessage } from "../protocol/messages.js";
import { deferred } from "./deferred.js";
import { type MatchboxError, ProtocolError, RemoteError } from "./errors.js";

/** The messages that belong to one run. An `error` among them that has no `seq` is about one message, not the run's end. */
export type RunEvent = Exclude<Extract<ServerMessage, { id?: string | undefined }>, StdinTakenMessage>;
type StdinTakenMessage = Extract<ServerMessage, { type: "stdin_taken" }>;
export type DestroyedMessage = Extract<ServerMessage, { type: "destroyed" }>;

/** Stands for a message of a type that this client does not know. */
export interface UnknownEvent {
  readonly type: "unknown";
  readonly seq: number | undefined;
}

export interface InboxHooks {
  /** The unread messages of a reader who takes them one by one grew or shrank by about so many bytes. */
  unreadChanged(delta: number): void;
  /** The run is over on this side before the daemon ended it, and should end there too. */
  abandoned(): void;
  /** Nothing more can come under this id: it may be used again. */
  released(): void;
}

type Ending = { readonly exit: ExitMessage } | { readonly error: MatchboxError };

/** What a message costs besides its data; keeps a million empty ones from counting as nothing. */
const MESSAGE_OVERHEAD_BYTES = 200;

/**
 * The receiving half of a run: checks the order of what arrives, settles the ending once, and keeps messages until
 * somebody reads them. The first ending wins; nothing that comes later changes it.
 */
export class Inbox {
  readonly id: string;
  /** Resolves with the daemon's `exit`, rejects with whatever ended the run instead. Safe to leave unobserved. */
  readonly exit: Promise<ExitMessage>;
  /** Resolves with the proof of removal, or undefined when the run never had a sandbox. Safe to leave unobserved. */
  readonly destroyed: Promise<DestroyedMessage | undefined>;

  readonly #hooks: InboxHooks;
  readonly #exit = deferred<ExitMessage>();
  readonly #destroyed = deferred<DestroyedMessage | undefined>();
  #unread: RunEvent[] = [];
  /** Where the unread messages begin; taking from the front of a long array would move all the rest each time. */
  #head = 0;
  #ending: Ending | undefined;
  #isReleased = false;
  #hasStarted = false;
  #nextSeq = 0;
  /** Whether a reader takes the messages one by one, so that what it has not taken counts. */
  #isStreamed = false;
  #isDiscarding = false;
  #wake: (() => void) | undefined;
  /** Input that the daemon has passed on, in bytes, and those who wait for it. */
  #stdinTaken = 0;
  #writers: (() => void)[] = [];

  constructor(id: string, hooks: InboxHooks) {
    this.id = id;
    this.#hooks = hooks;
    this.exit = this.#exit.promise;
    this.destroyed = this.#destroyed.promise;
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  receive(event: RunEvent | StdinTakenMessage | UnknownEvent): void {
    if (this.#isReleased) return;
    if (this.#ending !== undefined) {
      // Only its receipt, or word that there will be none, is still of interest.
      if (event.type === "destroyed") this.#release({ value: event });
      if (event.type === "error" && event.seq !== undefined) this.#release({ value: undefined });
      return;
    }
    if (event.type === "error" && event.seq === undefined) {
      this.#keep(event); // About one message of ours; the run goes on.
      return;
    }
    if (event.seq !== this.#nextSeq) {
      this.violate(
        `expected message ${this.#nextSeq} of the run, got ${event.seq ?? "one without a number"} (${event.type})`,
      );
      this.receive(event);
      return;
    }
    this.#nextSeq += 1;

    switch (event.type) {
      case "unknown":
        return;
      case "stdin_taken":
        this.#stdinTaken = event.bytes;
        this.#wakeWriters();
        return;
      case "started":
        this.#hasStarted = true;
        this.#keep(event);
        return;
      case "queued":
      case "stdout":
      case "stderr":
      case "file":
        this.#keep(event);
        return;
      case "exit":
        this.#keep(event);
        this.#end({ exit: event });
        if (!this.#hasStarted) this.#release({ value: undefined });
        return;
      case "error":
        this.#end({ error: new RemoteError(event) });
        // The receipt follows where there was a sandbox.
        if (!this.#hasStarted) this.#release({ value: undefined });
        return;
      case "destroyed":
        this.violate("the sandbox was destroyed before the run had an ending");
        this.#release({ value: event });
        return;
      default:
        return unreachable(event);
    }
  }

  /** Settles when the daemon has passed on so much input, or the run has ended. */
  async stdinTaken(bytes: number): Promise<void> {
    while (this.#stdinTaken < bytes && this.#ending === undefined) {
      await new Promise<void>((resolve) => this.#writers.push(resolve));
    }
  }

  /** Whether nothing has come about it yet. */
  get isUnanswered(): boolean {
    return this.#nextSeq === 0 && this.#ending === undefined;
  }

  /** Ends a run that the daemon may never have heard of. */
  refuse(error: RemoteError): void {
    this.#end({ error });
    this.#hooks.abandoned();
    this.#release({ value: undefined });
  }

  /** Ends the run because of what the daemon sent, without waiting for an ending of its own. */
  violate(problem: string): void {
    if (this.#ending !== undefined) return;
    this.#end({ error: new ProtocolError(`The daemon broke the protocol: ${problem}.`, { runId: this.id }) });
    this.#hooks.abandoned();
  }

  /** Ends whatever has not ended: nothing more will come. */
  fail(error: MatchboxError): void {
    this.#end({ error });
    this.#release({ error });
  }

  /** From now on unread messages count against the connection's mark. */
  stream(): void {
    this.#isStreamed = true;
    this.#hooks.unreadChanged(this.#unreadBytes());
  }

  /** The next message, or undefined after the last one. Only one reader at a time. @throws MatchboxError */
  async next(): Promise<RunEvent | undefined> {
    for (;;) {
      const event = this.#unread[this.#head];
      if (event !== undefined) {
        this.#head += 1;
        if (this.#head === this.#unread.length) this.#empty();
        if (this.#isStreamed) this.#hooks.unreadChanged(-costOf(event));
        return event;
      }
      if (this.#ending !== undefined) {
        if ("error" in this.#ending) throw this.#ending.error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Drops what is unread and what is still to come: the reader has gone. */
  discard(): void {
    if (this.#isStreamed) this.#hooks.unreadChanged(-this.#unreadBytes());
    this.#empty();
    this.#isDiscarding = true;
  }

  #unreadBytes(): number {
    return this.#unread.slice(this.#head).reduce((total, event) => total + costOf(event), 0);
  }

  #empty(): void {
    this.#unread = [];
    this.#head = 0;
  }

  #keep(event: RunEvent): void {
    if (this.#isDiscarding) return;
    this.#unread.push(event);
    if (this.#isStreamed) this.#hooks.unreadChanged(costOf(event));
    this.#notify();
  }

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    if ("exit" in ending) this.#exit.resolve(ending.exit);
    else this.#exit.reject(ending.error);
    this.#notify();
    this.#wakeWriters();
  }

  #release(outcome: { readonly value: DestroyedMessage | undefined } | { readonly error: MatchboxError }): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if ("error" in outcome) this.#destroyed.reject(outcome.error);
    else this.#destroyed.resolve(outcome.value);
    this.#hooks.released();
  }

  #wakeWriters(): void {
    const writers = this.#writers;
    this.#writers = [];
    for (const wake of writers) wake();
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function costOf(event: RunEvent): number {
  return (
    MESSAGE_OVERHEAD_BYTES +
    ("data" in event ? event.data.length : "content" in event ? (event.content?.length ?? 0) : 0)
  );
}

function unreachable(value: never): never {
  throw new Error(`unexpected message: ${JSON.stringify(value)}`);
}
