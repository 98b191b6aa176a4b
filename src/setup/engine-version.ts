/** The oldest API of an engine that Matchbox works with: that of Docker 20.10. */
export const OLDEST_API: readonly number[] = [1, 41];

/** Whether a version such as `20.10.24+dfsg1` comes before another; a part that is missing counts as 0. */
export function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split(/[.+~-]/).map((part) => Number.parseInt(part));
  for (const [index, wanted] of than.entries()) {
    const part = parts[index] ?? 0;
    // What is not a number says nothing about age.
    if (Number.isNaN(part)) return false;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
