/** Few enough for the arguments of one call. */
const CHUNK_BYTES = 0x8000;

/** Bytes as base64, whatever they are. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(text);
}
