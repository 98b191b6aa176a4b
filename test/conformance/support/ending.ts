/**
 * Everything that is compared. The streams are bytes, shown as Latin-1 because that keeps each of them apart and a
 * difference readable.
 */
export interface Ending {
  readonly exit: string;
  readonly stdout: string;
  readonly stderr: string;
}

export function showBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
