/** How many bytes a character has that begins with this one; 0 for a byte that begins none. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** How many of the last bytes begin a UTF-8 character that the next ones may complete: 0 to 3. */
export function unfinishedBytes(bytes: Buffer): number {
  for (let count = 1; count <= 3 && count <= bytes.length; count += 1) {
    const byte = bytes[bytes.length - count] ?? 0;
    if (isContinuation(byte)) continue;
    return lengthOf(byte) > count ? count : 0;
  }
  return 0;
}

/** How many bytes from here on can only be the rest of a UTF-8 character whose beginning is gone: 0 to 3. */
export function orphanedBytes(at: (index: number) => number | undefined): number {
  let count = 0;
  while (count < 3 && isContinuation(at(count))) count += 1;
  return count;
}
