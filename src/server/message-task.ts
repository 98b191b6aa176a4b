import type { Decoded } from "../protocol/codec.js";

/** What the thread that reads large messages is given, and what it answers with; one at a time. */
export interface MessageTask {
  readonly blocks: readonly Uint8Array<ArrayBuffer>[];
}

export type MessageAnswer = Decoded | { readonly ok: false; readonly notUtf8: true };
