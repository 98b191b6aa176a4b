import { once } from "node:events";
import { connect, type Socket } from "node:net";

const MIB = 1024 * 1024;
const DEADLINE_MS = 300_000;
const TEXT = 0x81;
const PING = 0x89;
/** A single write of many small frames. */
const WRITE_BYTES = 256 * 1024;

/** What a client does that wants to be a nuisance. */
export interface Hostility {
  readonly name: string;
  readonly description: string;
  /** What is sent, a connection for each. */
  readonly frames: () => readonly Buffer[];
}

/** The same frame again and again, and nothing is read meanwhile. */
export interface Flood extends Hostility {
  /** It ends after so many frames, and after so long. */
  readonly times: number;
  readonly forMs: number;
}

const RUN = '{"type":"run","id":"x","lane":"python","code":"",';

function filled(before: string, unit: string, after: string): Buffer {
  return frameOf(Buffer.from(before + unit.repeat(Math.floor((8 * MIB - 200) / unit.length)) + after));
}

function numbered(): Buffer {
  const parts = Array.from({ length: 700_000 }, (_, index) => `"${index + 10}":1`);
  return frameOf(Buffer.from(`${RUN}"env":{${parts.join(",")}}}`));
}

const objects = (): Buffer => filled(`${RUN}"files":[`, "{},", "{}]}");
const texts = (): Buffer => filled(`${RUN}"args":[`, '"",', '""]}');
const digits = (): Buffer => filled(`${RUN}"files":[`, "1,", "1]}");

/** Messages of the full size that take long to read. */
export const LARGE_MESSAGES: readonly Hostility[] = [
  {
    name: "objects in a list",
    description: 'messages of 8 MiB, one after the other: "files":[{},{},...]',
    frames: () => [objects()],
  },
  {
    name: "numbered names",
    description: 'messages of 8 MiB, one after the other: "env":{"10":1,"11":1,...}',
    frames: () => [numbered()],
  },
  {
    name: "four at once",
    description: 'four connections, a message of 8 MiB each: the two others, "args":["","",...] and "files":[1,1,...]',
    frames: () => [objects(), numbered(), texts(), digits()],
  },
];

export const FLOODS: readonly Flood[] = [
  {
    name: "keys of 4 MiB",
    description: "300 messages with a wrong key of 4 MiB; their answers are not read",
    frames: () => [frameOf(Buffer.from(`{"type":"cancel","id":"x","${"k".repeat(4 * MIB)}":1}`))],
    times: 300,
    forMs: 20_000,
  },
  {
    name: "pings",
    description: "pings of 125 bytes for 3 s; their answers are not read",
    frames: () => [frameOf(Buffer.alloc(125), PING)],
    times: Infinity,
    forMs: 3_000,
  },
  {
    name: "cancels",
    description: "cancels with a wrong key of 1,000 characters for 3 s; their answers are not read",
    frames: () => [frameOf(Buffer.from(`{"type":"cancel","id":"x","${"k".repeat(1_000)}":1}`))],
    times: Infinity,
    forMs: 3_000,
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
    const client = new HostileClient(connect(Number(port), hostname));
    client.#socket.on("error", () => client.#socket.destroy());
    client.#socket.write(
      `GET /v1/ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    await client.#waitFor('"hello"');
    return client;
  }

  /** Sends the frame and waits for the complaint. @throws Error when there is none within five minutes */
  async send(frame: Buffer): Promise<void> {
    const answered = this.#waitFor('"error"');
    this.#socket.write(frame);
    await answered;
  }

  async flood(frame: Buffer, { times, forMs }: Pick<Flood, "times" | "forMs">): Promise<void> {
    this.#socket.pause();
    const together = Math.max(1, Math.floor(WRITE_BYTES / frame.length));
    const many = Buffer.concat(Array<Buffer>(together).fill(frame));
    const end = performance.now() + forMs;
    // A daemon may cut such a client off.
    for (let sent = 0; sent < times && performance.now() < end && !this.#socket.destroyed; sent += together) {
      const isTaken = this.#socket.write(many);
      await Promise.race([
        isTaken ? undefined : once(this.#socket, "drain").catch(() => undefined),
        new Promise((resolve) => setTimeout(resolve, isTaken ? 1 : end - performance.now())),
      ]);
    }
  }

  async #waitFor(text: string): Promise<void> {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    for (let heard = ""; !heard.includes(text);)
      heard += String(((await once(this.#socket, "data", { signal })) as [Buffer])[0]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}

/** A client's frame, whole, with a mask of zeros. */
export function frameOf(payload: Buffer, first = TEXT): Buffer {
  if (payload.length < 126) {
    return Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
  }
  const header = Buffer.alloc(14);
  header[0] = first;
  header[1] = 0xff;
  header.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([header, payload]);
}
