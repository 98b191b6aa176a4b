/** What a step of the set-up says while it works. */
export interface Progress {
  /** What it is doing at the moment; seen on a terminal only. */
  readonly update: (text: string) => void;
  /** What the step's one line says in the end, such as "unchanged". */
  readonly note: (text: string) => void;
}

/** Runs one step of the set-up and prints one line about it; made by `scripts/steps.mjs`. */
export type Step = <T>(name: string, work: (progress: Progress) => Promise<T>) => Promise<T>;

/** For callers to whom nobody listens. */
export const SILENT: Progress = { update: () => undefined, note: () => undefined };
