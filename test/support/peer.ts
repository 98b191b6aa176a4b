import { type ClientOptions, WebSocket } from "ws";
import type { ErrorMessage, RunRequest, ServerMessage } from "../../src/protocol/messages.js";
import { decodeServerMessage } from "../../src/protocol/codec.js";
import { waitFor } from "./wait.js";

type Of<T extends ServerMessage["type"]> = Extract<ServerMessage, { type: T }>;

type RunMessageType = "queued" | "started" | "stdout" | "stderr" | "file" | "exit" | "destroyed";
/** A message by its type; stdout and stderr share theirs. */
type Heard<T extends RunMessageType> =
  Extract<ServerMessage, { type: T }> extends never ? Of<"stdout" | "stderr"> : Extract<ServerMessage, { type: T }>;

/** Everything that came about one run. */
export interface Outcome {
  readonly messages: readonly ServerMessage[];
  readonly stdout: string;
  readonly stderr: string;
  readonly started: Of<"started"> | undefined;
  readonly exit: Of<"exit"> | undefined;
  readonly error: ErrorMessage | undefined;
}

/** A client that says what the test makes it say, well-formed or not, and keeps what it hears. */
export class Peer implements AsyncDisposable {
  readonly messages: ServerMessage[] = [];
  /** Ids of the runs that were asked for. */
  readonly asked: string[] = [];
  closeCode: number | undefined;
  readonly socket: WebSocket;
  #nextId = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => this.messages.push(decodeServerMessage(data.toString())));
    socket.on("close", (code) => (this.closeCode = code));
    socket.on("error", () => undefined);
  }

  static async connect(url: string, options: ClientOptions = {}): Promise<Peer> {
    const peer = new Peer(new WebSocket(`${url.replace("http", "ws")}/v1/ws`, options));
    await peer.until(() => peer.messages.length > 0, "hello");
    return peer;
  }

  sendRaw(data: string | Buffer): void {
    this.socket.send(data);
  }

  send(message: Record<string, unknown>): void {
    this.sendRaw(JSON.stringify(message));
  }

  /** Starts a run. @returns its id */
  start(lane: string, code: string, more: Partial<Omit<RunRequest, "lane" | "code">> = {}): string {
    const id = more.id ?? `r${this.#nextId++}`;
    this.asked.push(id);
    this.send({ type: "run", lane, code, ...more, id });
    return id;
  }

  /** Runs a program to its ending. */
  async run(lane: string, code: string, more: Partial<Omit<RunRequest, "lane" | "code">> = {}): Promise<Outcome> {
    return this.ending(this.start(lane, code, more));
  }

  /** Waits for a run's terminal message. */
  async ending(id: string): Promise<Outcome> {
    await this.until(() => this.#of(id).some(isTerminal), `the ending of ${id}`);
    return this.outcome(id);
  }

  /** Waits for the receipt that the run's container is gone. */
  async destroyed(id: string): Promise<Of<"destroyed">> {
    await this.until(() => this.#of(id).some(({ type }) => type === "destroyed"), `the removal of ${id}'s container`);
    return this.#of(id).find((message) => message.type === "destroyed")!;
  }

  /** Waits until a run has sent a message of this type. */
  async heard<T extends RunMessageType>(id: string, type: T): Promise<Heard<T>> {
    await this.until(() => this.#of(id).some((message) => message.type === type), `${type} of ${id}`);
    return this.#of(id).find((message): message is Heard<T> => message.type === type)!;
  }

  /** Waits for the next error that is about no run, or about this one. */
  async error(code: string): Promise<ErrorMessage> {
    const found = (): ErrorMessage | undefined =>
      this.messages.find((message) => message.type === "error" && message.code === code) as ErrorMessage | undefined;
    await this.until(() => found() !== undefined, `an error ${code}`);
    return found()!;
  }

  outcome(id: string): Outcome {
    const messages = this.#of(id);
    const text = (type: "stdout" | "stderr"): string =>
      messages.map((message) => (message.type === type ? message.data : "")).join("");
    return {
      messages,
      stdout: text("stdout"),
      stderr: text("stderr"),
      started: messages.find((message) => message.type === "started"),
      exit: messages.find((message) => message.type === "exit"),
      error: messages.find((message) => message.type === "error"),
    };
  }

  async until(isSo: () => boolean, what: string): Promise<void> {
    await waitFor(isSo, { timeoutMs: 40_000, what });
  }

  #of(id: string): ServerMessage[] {
    return this.messages.filter((message) => "id" in message && message.id === id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await waitFor(() => this.socket.readyState === WebSocket.CLOSED, { timeoutMs: 5_000, what: "the socket to close" });
  }
}

function isTerminal(message: ServerMessage): boolean {
  return message.type === "exit" || (message.type === "error" && message.seq !== undefined);
}
