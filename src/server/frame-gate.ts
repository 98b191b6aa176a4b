import { Duplex } from "node:stream";
import type { Turns } from "./turns.js";

/** A message of up to so many bytes in one piece goes through as it is; any other is put together here. */
export const SMALL_MESSAGE_BYTES = 64 * 1024;
/** Pieces (fragments) of one message; a client has no reason for more. */
const MAX_FRAGMENTS = 1_024;
/** What a message is put together in: a client that sends byte by byte makes no more objects than any other. */
const BLOCK_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 14;
/** What reading a byte from the system costs, in ms: one turn is not to read megabytes from each of many clients. */
const READ_MS_PER_BYTE = 1.5e-6;

const CONTINUATION = 0x0;
const TEXT = 0x1;
const BINARY = 0x2;
const FIRST_CONTROL = 0x8;
const MAX_CONTROL_BYTES = 125;

/**
 * Frames that are refused for the same reason as what the client has sent, of which `ws` has seen nothing: it closes the
 * connection in its own way, with the code that belongs to it.
 */
const REFUSED = {
  brokenOrder: Buffer.of(0xf1, 0x80),
  tooLarge: Buffer.of(0x81, 0xff, 0, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0),
  tooManyPieces: Buffer.of(0x01, 0x80, 0, 0, 0, 0, 0x00, 0x80, 0, 0, 0, 0),
} as const;

/** A message that was put together here. */
export type GatheredMessage =
  | { readonly kind: "text"; readonly bytes: number; readonly blocks: readonly Uint8Array<ArrayBuffer>[] }
  | { readonly kind: "binary" }
  /** It was thrown away as it came. */
  | { readonly kind: "too_large"; readonly bytes: number };

export interface FrameGateOptions {
  /** A larger message is thrown away as it comes. */
  readonly maxMessageBytes: number;
  /** For a message over this the connection is closed. */
  readonly hardLimitBytes: number;
  readonly turns: Turns;
  /** Hears of each message that was put together here, in its place among all others. */
  readonly onMessage: (message: GatheredMessage) => void;
}

interface Gathering {
  readonly isBinary: boolean;
  bytes: number;
  fragments: number;
  /** Undefined where nothing of it is kept. */
  blocks: Buffer<ArrayBuffer>[] | undefined;
  /** Bytes of the last block that are in use. */
  used: number;
}

/** Where in a frame the reading is. */
interface Payload {
  left: number;
  readonly isLast: boolean;
  /** Undefined where the payload goes through as it is. */
  readonly mask: Buffer | undefined;
  read: number;
}

/**
 * Stands between a client's socket and `ws`, which reads whatever comes, as soon as it comes, and answers in the same turn
 * of the event loop. Here the reading can be held, a turn has an end, and a large message is put together piece by piece:
 * to unmask and copy 32 MiB in one go takes a tenth of a second, in which nobody else is served.
 */
export class FrameGate extends Duplex {
  readonly #socket: Duplex;
  readonly #options: FrameGateOptions;
  /** What has been read and not gone through. */
  #input: Buffer[] = [];
  #isHeld = false;
  #isWaiting = false;
  #hasEnded = false;
  #mode: "frames" | "through" | "ignore" | "ended" = "frames";
  #payload: Payload | undefined;
  #gathering: Gathering | undefined;

  constructor(socket: Duplex, options: FrameGateOptions) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#options = options;
    socket.on("data", (chunk: Buffer) => {
      this.#input.push(chunk);
      options.turns.spend(chunk.length * READ_MS_PER_BYTE);
      this.#pump();
    });
    socket.on("end", () => {
      this.#hasEnded = true;
      this.#pump();
    });
    socket.on("error", (error: Error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    this.on("resume", () => {
      this.#pump();
    });
  }

  /** Whether nothing that the client sends is read at present. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Reads nothing more from the client until `release`. What has been read already waits here. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    // Not within whatever found that reading may go on.
    process.nextTick(() => {
      this.#pump();
    });
  }

  override _read(): void {
    if (this.#input.length > 0 || this.#hasEnded)
      process.nextTick(() => {
        this.#pump();
      });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    chunks.forEach(({ chunk }, index) => {
      if (index === chunks.length - 1) this.#socket.write(chunk, done);
      else this.#socket.write(chunk);
    });
    this.#socket.uncork();
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#input = [];
    this.#gathering = undefined;
    this.#socket.destroy();
    done(error);
  }

  /** Lets through as much as may go through now; the socket is read on when all of it has. */
  #pump(): void {
    if (this.#isWaiting || this.destroyed || this.#mode === "ended") return;
    const { turns } = this.#options;
    for (;;) {
      // One frame at a time: the next when `ws` has taken this one, so that everything keeps its order.
      if (this.#isHeld || this.isPaused() || this.readableLength > 0) break;
      if (this.#input.length === 0) break;
      if (!turns.ask(this.#again)) {
        this.#isWaiting = true;
        break;
      }
      const begin = performance.now();
      const goesOn = this.#step();
      turns.spend(performance.now() - begin);
      if (!goesOn) {
        this.#readOn();
        return;
      }
    }
    if (this.#input.length > 0 || this.#isHeld) this.#socket.pause();
    else this.#readOn();
  }

  #readOn(): void {
    if (!this.#hasEnded) this.#socket.resume();
    else {
      this.#mode = "ended";
      this.push(null);
    }
  }

  readonly #again = (): void => {
    this.#isWaiting = false;
    this.#pump();
  };

  /** Takes one frame, or what has come of it. @returns false when more must come first */
  #step(): boolean {
    const [first] = this.#input;
    if (first === undefined) return false;
    if (this.#mode === "ignore") {
      this.#input = [];
      return false;
    }
    if (this.#mode === "through") {
      this.#input.shift();
      this.push(first);
      return true;
    }
    return this.#payload === undefined ? this.#beginFrame() : this.#readPayload(first, this.#payload);
  }

  #beginFrame(): boolean {
    const head = this.#peek(MAX_HEADER_BYTES);
    const [byte0, byte1] = head;
    if (byte0 === undefined || byte1 === undefined) return false;
    const opcode = byte0 & 0x0f;
    const isLast = (byte0 & 0x80) !== 0;
    const short = byte1 & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const isControl = opcode >= FIRST_CONTROL;
    const isBroken =
      (byte0 & 0x70) !== 0 ||
      (byte1 & 0x80) === 0 ||
      (opcode > BINARY && opcode < FIRST_CONTROL) ||
      opcode > 0xa ||
      (isControl && (!isLast || short > MAX_CONTROL_BYTES));
    if (isBroken || (opcode === CONTINUATION && this.#gathering === undefined)) {
      // What is wrong with it, `ws` says.
      this.#mode = "through";
      return true;
    }
    const headerBytes = 2 + lengthBytes + 4;
    if (head.length < headerBytes) return false;
    const length =
      lengthBytes === 0 ? short : lengthBytes === 2 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2));
    if (isControl || (opcode !== CONTINUATION && isLast && length <= SMALL_MESSAGE_BYTES && !this.#gathering)) {
      this.#payload = { left: headerBytes + length, isLast, mask: undefined, read: 0 };
      return true;
    }
    return this.#beginGathered({
      opcode,
      isLast,
      length,
      headerBytes,
      mask: Buffer.from(head.subarray(headerBytes - 4, headerBytes)),
    });
  }

  #beginGathered(frame: {
    opcode: number;
    isLast: boolean;
    length: number;
    headerBytes: number;
    mask: Buffer;
  }): boolean {
    const { opcode, isLast, length, headerBytes, mask } = frame;
    if (opcode !== CONTINUATION && this.#gathering !== undefined) return this.#refuse("brokenOrder");
    const gathering = (this.#gathering ??= { isBinary: opcode !== TEXT, bytes: 0, fragments: 0, blocks: [], used: 0 });
    gathering.fragments += 1;
    gathering.bytes += length;
    if (gathering.fragments > MAX_FRAGMENTS) return this.#refuse("tooManyPieces");
    if (gathering.bytes > this.#options.hardLimitBytes) return this.#refuse("tooLarge");
    if (gathering.isBinary || gathering.bytes > this.#options.maxMessageBytes) gathering.blocks = undefined;
    this.#drop(headerBytes);
    this.#payload = { left: length, isLast, mask, read: 0 };
    if (length === 0) this.#endPayload(this.#payload);
    return true;
  }

  #readPayload(first: Buffer, payload: Payload): boolean {
    const part = first.length <= payload.left ? first : first.subarray(0, payload.left);
    this.#drop(part.length);
    payload.left -= part.length;
    if (payload.mask === undefined) this.push(part);
    else this.#keep(part, payload, payload.mask);
    if (payload.left === 0) this.#endPayload(payload);
    return true;
  }

  #endPayload({ mask, isLast }: Payload): void {
    this.#payload = undefined;
    const gathering = this.#gathering;
    if (mask === undefined || !isLast || gathering === undefined) return;
    this.#gathering = undefined;
    const { isBinary, bytes, blocks, used } = gathering;
    if (isBinary) this.#options.onMessage({ kind: "binary" });
    else if (blocks === undefined) this.#options.onMessage({ kind: "too_large", bytes });
    else {
      const last = blocks.pop();
      if (last !== undefined) blocks.push(last.subarray(0, used));
      this.#options.onMessage({ kind: "text", bytes, blocks });
    }
  }

  /** Unmasks into the message's blocks. */
  #keep(part: Buffer, payload: Payload, mask: Buffer): void {
    const { blocks } = this.#gathering ?? {};
    if (blocks === undefined || this.#gathering === undefined) return;
    let { read } = payload;
    for (let at = 0; at < part.length;) {
      let block = blocks.at(-1);
      if (block === undefined || this.#gathering.used === block.length) {
        const missing = part.length - at + payload.left;
        block = Buffer.allocUnsafeSlow(Math.min(Math.max(missing, 1_024), BLOCK_BYTES));
        blocks.push(block);
        this.#gathering.used = 0;
      }
      const { used } = this.#gathering;
      const count = Math.min(part.length - at, block.length - used);
      for (let index = 0; index < count; index += 1)
        block[used + index] = (part[at + index] ?? 0) ^ (mask[(read + index) & 3] ?? 0);
      this.#gathering.used = used + count;
      at += count;
      read += count;
    }
    payload.read = read;
  }

  #refuse(why: keyof typeof REFUSED): boolean {
    this.#mode = "ignore";
    this.#gathering = undefined;
    this.#input = [];
    this.push(REFUSED[why]);
    return true;
  }

  /** The first bytes that wait, as many as there are up to `count`. */
  #peek(count: number): Buffer {
    const [first, second] = this.#input;
    if (first === undefined || first.length >= count || second === undefined) return first ?? Buffer.alloc(0);
    const all = Buffer.concat(this.#input);
    this.#input = [all];
    return all;
  }

  #drop(count: number): void {
    let left = count;
    while (left > 0) {
      const [first] = this.#input;
      if (first === undefined) return;
      if (first.length > left) {
        this.#input[0] = first.subarray(left);
        return;
      }
      left -= first.length;
      this.#input.shift();
    }
  }
}
