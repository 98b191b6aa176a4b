import { once } from "node:events";
import { connect, type Socket } from "node:net";

const KEY = "AAAAAAAAAAAAAAAAAAAAAA==";

export interface FrameOptions {
  readonly opcode?: number;
  readonly isLast?: boolean;
  readonly mask?: Buffer;
}

/** A client's frame; masked with zeros unless told otherwise, so that its payload stands in it as it is. */
export function frameOf(payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const { opcode = 1, isLast = true, mask = Buffer.alloc(4) } = options;
  const bytes = Buffer.from(payload);
  const header =
    bytes.length < 126
      ? Buffer.of(0, 0x80 | bytes.length)
      : bytes.length < 65_536
        ? Buffer.of(0, 0xfe, 0, 0)
        : Buffer.of(0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0);
  header[0] = (isLast ? 0x80 : 0) | opcode;
  if (header.length === 4) header.writeUInt16BE(bytes.length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(bytes.length), 2);
  if (mask.some((byte) => byte !== 0)) for (let at = 0; at < bytes.length; at += 1) bytes[at]! ^= mask[at % 4]!;
  return Buffer.concat([header, mask, bytes]);
}

/** A WebSocket client that sends any bytes, and reads only when it is told to. */
export class RawClient {
  readonly socket: Socket;
  readonly messages: Record<string, unknown>[] = [];
  /** Payloads of answers to pings. */
  readonly pongs: string[] = [];
  closeCode: number | undefined;
  longest = 0;
  #rest = Buffer.alloc(0);
  #changed: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(
      `GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`,
    );
    let head = Buffer.alloc(0);
    while (!head.includes("\r\n\r\n")) {
      const [chunk] = (await once(socket, "data")) as [Buffer];
      head = Buffer.concat([head, chunk]);
    }
    const client = new RawClient(socket);
    socket.on("data", (chunk: Buffer) => {
      client.#read(chunk);
    });
    socket.on("close", () => {
      client.#changed();
    });
    client.#read(head.subarray(head.indexOf("\r\n\r\n") + 4));
    await client.until(() => client.messages.length > 0);
    client.messages.length = 0;
    return client;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  /** The next message that nobody has had. */
  async next(): Promise<Record<string, unknown>> {
    await this.until(() => this.messages.length > 0 || this.socket.destroyed);
    const message = this.messages.shift();
    if (message === undefined) throw new Error("the connection is closed");
    return message;
  }

  #read(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 2) {
      const short = bytes[1]!;
      const headerBytes = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (bytes.length < headerBytes) break;
      const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
      if (bytes.length < headerBytes + length) break;
      const payload = bytes.subarray(headerBytes, headerBytes + length);
      this.longest = Math.max(this.longest, length);
      const opcode = bytes[0]! & 0x0f;
      if (opcode === 1) this.messages.push(JSON.parse(payload.toString()) as Record<string, unknown>);
      if (opcode === 8) this.closeCode = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      if (opcode === 10) this.pongs.push(payload.toString());
      bytes = bytes.subarray(headerBytes + length);
    }
    this.#rest = bytes;
    this.#changed();
  }
}
