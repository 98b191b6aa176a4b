/** What a match in the strip shows; `empty` is a place for one that is not there yet. */
export const MATCH_STATES = ["warm", "leased", "evicting", "creating", "empty"] as const;
export type MatchState = (typeof MATCH_STATES)[number];

export type MatchCounts = Readonly<Record<Exclude<MatchState, "empty">, number>>;

/** Where a match that turns up in a state comes from, the likeliest first: the way of a sandbox's life. */
const COMES_FROM: Readonly<Record<MatchState, readonly MatchState[]>> = {
  leased: ["warm", "creating", "empty", "evicting"],
  evicting: ["leased", "warm", "creating", "empty"],
  warm: ["creating", "empty", "evicting", "leased"],
  creating: ["empty", "evicting", "leased", "warm"],
  empty: ["evicting", "creating", "leased", "warm"],
};

/**
 * Spreads new counts over the matches of a strip so that as few as possible change, and those that do change as sandboxes
 * do: the daemon tells how many there are in each state, not which.
 * @param places at least so many matches are shown, empty ones if need be
 */
export function rearrange(before: readonly MatchState[], counts: MatchCounts, places: number): MatchState[] {
  const total = counts.warm + counts.leased + counts.evicting + counts.creating;
  const length = Math.max(total, places);
  const slots = Array.from({ length }, (_, index) => before[index] ?? "empty");
  const wanted: Record<MatchState, number> = { ...counts, empty: length - total };
  const excess = (state: MatchState): number => slots.filter((slot) => slot === state).length - wanted[state];
  for (const state of MATCH_STATES) {
    for (const source of COMES_FROM[state]) {
      for (let missing = Math.min(-excess(state), excess(source)); missing > 0; missing -= 1) {
        slots[slots.indexOf(source)] = state;
      }
    }
  }
  return slots;
}

/** So many matches are drawn at most; where there are more, each stands for several. */
export const MOST_MATCHES = 96;

/** How many sandboxes one match stands for. */
export function sandboxesPerMatch(total: number): number {
  return Math.max(1, Math.ceil(total / MOST_MATCHES));
}
