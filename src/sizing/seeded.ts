/**
 * Numbers that look like chance and are the same for the same seed: mulberry32, which is small, and even enough for what a
 * bench or a simulation chooses; for nothing that must not be guessed.
 * @param seed a whole number from 0 to 2^32 - 1
 * @returns a function that gives the next number, from 0 and below 1
 */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
