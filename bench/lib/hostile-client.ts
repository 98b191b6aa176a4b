import { once } from "node:events";
import { connect, type Socket } from "node:net";

const MIB = 1024 * 1024;
/** How long a client goes on that sends without reading, in ms. */
const FLOOD_MS = 3_000;
const DEADLINE_MS = 120_000;

/** What a client does that wants to be a nuisance. */
export interface Hostility {
  readonly name: string;
  readonly description: string;
  readonly message: () => Buffer;
  /** Whether it is sent again and again, and nothing is read meanwhile. */
  readonly isFlood?: true;
}

const RUN = '{"type":"run","id":"x","lane":"python","code":"",';

function filled(before: string, unit: string, after: string): Buffer {
  return Buffer.from(before + unit.repeat(Math.floor((8 * MIB - 200) / unit.length)) + after);
}

function numbered(): Buffer {
  const parts = Array.from({ length: 700_000 }, (_, index) => `"${index + 10}":1`);
  return Buffer.from(`${RUN}"env":{${parts.join(",")}}}`);
}

export const HOSTILITIES: readonly Hostility[] = [
  {
    name: "objects in a list",
    description: 'one message of 8 MiB: "files":[{},{},...]',
    message: () => filled(`${RUN}"files":[`, "{},", "{}]}"),
  },
  { name: "numbered names", description: 'one message of 8 MiB: "env":{"10":1,"11":1,...}', message: numbered },
  {
    name: "wrong keys, nothing read",
    description: `messages with a wrong key of 1,000 characters, sent for ${FLOOD_MS / 1_000} s without reading an answer`,
    message: () => Buffer.from(`{"type":"cancel","id":"x","${"k".repeat(1_000)}":1}`),
    isFlood: true,
  },
];

/** A WebSocket client that needs no time of its own: its frames are made beforehand, with a mask of zeros. */
export class HostileClient implements AsyncDisposable {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async connect(url: string): Promise<HostileClient> {
    const { host, hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => socket.destroy());
    socket.write(
      `GET /v1/ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    for (let greeting = ""; !greeting.includes('"hello"');)
      greeting += String(((await once(socket, "data")) as [Buffer])[0]);
    return new HostileClient(socket);
  }

  /** Does it, and settles when it is answered, or has gone on for long enough. @throws Error when nothing is answered */
  async run({ message, isFlood }: Hostility): Promise<void> {
    const frame = frameOf(message());
    if (isFlood === true) {
      await this.#flood(frame);
      return;
    }
    const answered = once(this.#socket, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
    this.#socket.write(frame);
    await answered;
  }

  async #flood(frame: Buffer): Promise<void> {
    this.#socket.pause();
    const many = Buffer.concat(Array<Buffer>(200).fill(frame));
    const end = performance.now() + FLOOD_MS;
    while (performance.now() < end) {
      const isTaken = this.#socket.write(many);
      await Promise.race([
        isTaken ? undefined : once(this.#socket, "drain"),
        new Promise((resolve) => setTimeout(resolve, isTaken ? 1 : end - performance.now())),
      ]);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}

function frameOf(payload: Buffer): Buffer {
  const header = Buffer.alloc(14);
  header[0] = 0x81;
  header[1] = 0xff;
  header.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([header, payload]);
}
