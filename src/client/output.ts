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

/** Puts one stream together from its pieces. */
export interface Assembly<Data> {
  add(data: string): void;
  whole(): Data;
}

export function textAssembly(): Assembly<string> {
  const pieces: string[] = [];
  return { add: (data) => void pieces.push(data), whole: () => pieces.join("") };
}

export function byteAssembly(): Assembly<Uint8Array> {
  const pieces: Uint8Array[] = [];
  return { add: (data) => void pieces.push(decodeData(data, "base64")), whole: () => concatBytes(pieces) };
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
