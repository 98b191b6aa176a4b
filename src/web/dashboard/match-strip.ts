import type { LaneNow } from "../../protocol/watch.js";
import { element, setAttribute, setText } from "../shared/dom.js";
import { type MatchCounts, type MatchState, rearrange, sandboxesPerMatch } from "./slots.js";

/** So many matches flare up at once at most, however many runs there were. */
const MOST_FLARES = 8;
/** How long they burn, in ms: they only stand for runs that are over. */
const FLARE_MS = 450;
/** So many waiting runs are drawn; the number beside tells of more. */
const MOST_WAITING = 60;

/** A lane's sandboxes as matches in their box: one for each, drawn in its state, and told in words to who cannot see it. */
export class MatchStrip {
  readonly root = element("div", { class: "strip", role: "img" });
  readonly #tray = element("div", { class: "strip-tray" });
  readonly #queue = element("div", { class: "strip-queue" });
  readonly #scale = element("p", { class: "strip-scale" });
  #states: MatchState[] = [];
  #nextFlare = 0;

  constructor() {
    this.root.append(element("div", { class: "strip-box" }, this.#tray, this.#queue), this.#scale);
  }

  update({ name, stock, waiting }: LaneNow): void {
    const { warm, warmTarget, creating, leased, evicting } = stock;
    const per = sandboxesPerMatch(Math.max(warmTarget, warm + creating + leased + evicting));
    const matches = (sandboxes: number): number => Math.ceil(sandboxes / per);
    const counts: MatchCounts = {
      warm: matches(warm),
      leased: matches(leased),
      evicting: matches(evicting),
      creating: matches(creating),
    };
    this.#draw(rearrange(this.#states, counts, matches(warmTarget)));
    resize(this.#queue, Math.min(waiting, MOST_WAITING), () => element("i"));
    setText(this.#scale, per === 1 ? "" : `one match for ${per} sandboxes`);
    const words =
      `Lane ${name}: ${warm} of ${warmTarget} sandboxes warm, ${leased} leased, ${creating} being created, ` +
      `${evicting} going, ${waiting} runs waiting`;
    setAttribute(this.root, "aria-label", words);
  }

  /** Runs were so short that no look saw them: matches flare up all the same, one after the other. */
  flare(runs: number): void {
    const matches = [...this.#tray.children].filter((_match, index) => {
      const state = this.#states[index];
      return state === "warm" || state === "evicting";
    });
    for (let flares = Math.min(runs, MOST_FLARES, matches.length); flares > 0; flares -= 1) {
      const match = matches[this.#nextFlare % matches.length];
      this.#nextFlare += 1;
      match?.setAttribute("data-flare", "");
      setTimeout(() => match?.removeAttribute("data-flare"), FLARE_MS);
    }
  }

  #draw(states: MatchState[]): void {
    resize(this.#tray, states.length, () => element("i", { class: "match" }));
    for (const [index, state] of states.entries()) {
      const match = this.#tray.children.item(index);
      if (match !== null) setAttribute(match, "data-state", state);
    }
    this.#states = states;
  }
}

/** Takes children away, or makes some, until there are so many. */
function resize(parent: HTMLElement, length: number, make: () => HTMLElement): void {
  while (parent.childElementCount > length) parent.lastElementChild?.remove();
  while (parent.childElementCount < length) parent.append(make());
}
