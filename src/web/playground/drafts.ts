/** The part of localStorage that is used. */
export interface Keeper {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Keeps the program of each lane from one visit to the next. Where nothing can be kept, everything else still works. */
export class Drafts {
  readonly #keeper: () => Keeper;

  /** @param keeper asked each time: reading `localStorage` throws where it is switched off */
  constructor(keeper: () => Keeper) {
    this.#keeper = keeper;
  }

  get lane(): string | undefined {
    return this.#get("matchbox.lane");
  }

  keepLane(name: string): void {
    this.#set("matchbox.lane", name);
  }

  codeOf(lane: string): string | undefined {
    return this.#get(`matchbox.code.${lane}`);
  }

  keepCode(lane: string, code: string): void {
    this.#set(`matchbox.code.${lane}`, code);
  }

  #get(key: string): string | undefined {
    try {
      return this.#keeper().getItem(key) ?? undefined;
    } catch {
      return undefined; // Storage is switched off.
    }
  }

  #set(key: string, value: string): void {
    try {
      this.#keeper().setItem(key, value);
    } catch {
      // Storage is switched off, or full.
    }
  }
}
