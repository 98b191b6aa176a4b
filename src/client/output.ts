import type { Encoding, FileMessage } from "../protocol/messages.js";
import { concatBytes, decodeData } from "./bytes.js";

/** A file that `collect` matched. */
export interface CollectedFile {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  /** The exact content; undefined when the file was not sent. */
  readonly bytes: Uint8Array | undefined;
  /** Why it was not sent; undefined when it was. */
  readonly skipped: FileMessage["skipped"];
}

/** What a run sent: text, or bytes when the request asked for base64. */
export interface RunOutput<Data> {
  readonly stdout: Data;
  readonly stderr: Data;
  readonly files: readonly CollectedFile[];
}

/** Bytes that the daemon left out of the middle of a stream, because its lane keeps the tail. */
export interface Gap {
  readonly stream: "stdout" | "stderr";
  /** Where it is: the length of what came before it. */
  readonly at: number;
  readonly omittedBytes: number;
}

/** Puts one stream together from its pieces. */
export interface Assembly<Data> {
  readonly length: number;
  add(data: string): void;
  whole(): Data;
}

export function textAssembly(): Assembly<string> {
  const pieces: string[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    add: (data) => {
      length += data.length;
      pieces.push(data);
    },
    whole: () => pieces.join(""),
  };
}

export function byteAssembly(): Assembly<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    add: (data) => {
      const bytes = decodeData(data, "base64");
      length += bytes.length;
      pieces.push(bytes);
    },
    whole: () => concatBytes(pieces),
  };
}

/** @param fallback encoding of the content where the message does not name one: that of the run */
export function collectedFile(message: FileMessage, fallback: Encoding): CollectedFile {
  return {
    path: message.path,
    size: message.size,
    mode: message.mode,
    bytes: message.content === undefined ? undefined : decodeData(message.content, message.encoding ?? fallback),
    skipped: message.skipped,
  };
}
