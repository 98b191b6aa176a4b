import type { LaneReport } from "../../protocol/lanes.js";
import type { WatchAdvice } from "../../protocol/watch.js";
import { element, setAttribute, setText } from "../shared/dom.js";
import { formatCount, formatLimit, formatMemory, formatShare } from "../shared/format.js";
import { counselFor } from "./advice.js";
import { Histogram } from "./histogram.js";
import { MatchStrip } from "./match-strip.js";
import { Percentiles } from "./percentiles.js";

const STATE_WORDS: Readonly<Record<LaneReport["state"], string>> = {
  starting: "◔ starting",
  ready: "● ready",
  degraded: "▲ degraded",
  closing: "◌ closing",
};

/** What stands under the strip, with the state of a match that each number counts. */
const NUMBERS = [
  { key: "warm", label: "warm" },
  { key: "leased", label: "leased" },
  { key: "creating", label: "creating" },
  { key: "evicting", label: "going" },
  { key: "waiting", label: "waiting" },
  { key: "total", label: "runs" },
  { key: "cold", label: "cold" },
  { key: "refused", label: "refused" },
] as const;

/** One lane: its matches, how it does, and what would be better. */
export class LaneCard {
  readonly root: HTMLElement;
  readonly #strip = new MatchStrip();
  readonly #percentiles = new Percentiles();
  readonly #histogram = new Histogram();
  readonly #state = element("span", { class: "lane-state", role: "status" });
  readonly #limits = element("p", { class: "lane-limits" });
  readonly #hitRate = element("dd");
  readonly #fault = element("div", { class: "lane-fault", role: "alert" });
  readonly #numbers: ReadonlyMap<string, HTMLElement>;
  readonly #verdict = element("strong");
  readonly #counsel = element("span");

  constructor(name: string) {
    const numbers = NUMBERS.map(({ key, label }) => ({ key, label, value: element("dd") }));
    this.#numbers = new Map(numbers.map(({ key, value }) => [key, value]));
    this.#fault.hidden = true;
    const title = `lane-${name}`;
    this.root = element(
      "article",
      { class: "card lane", "aria-labelledby": title },
      element(
        "header",
        { class: "lane-head" },
        element("h3", { id: title }, name),
        this.#state,
        this.#limits,
        element("dl", { class: "hit-rate" }, element("dt", {}, "Hit rate"), this.#hitRate),
      ),
      this.#fault,
      this.#strip.root,
      element(
        "dl",
        { class: "numbers" },
        ...numbers.map(({ key, label, value }) => element("div", { "data-key": key }, element("dt", {}, label), value)),
      ),
      element("div", { class: "lane-times" }, this.#percentiles.root, this.#histogram.root),
      element("p", { class: "counsel" }, element("span", { class: "label" }, "Advice"), this.#verdict, this.#counsel),
    );
  }

  update(lane: LaneReport, latencies: readonly number[] | undefined, advice: WatchAdvice): void {
    const { stock, runs, state } = lane;
    setAttribute(this.root, "data-state", state);
    setText(this.#state, STATE_WORDS[state]);
    setText(this.#limits, limitsOf(lane));
    setText(this.#hitRate, formatShare(lane.hitRate));
    this.#fault.hidden = lane.reason === null;
    setText(this.#fault, lane.reason ?? "");
    this.#strip.update(lane);
    const numbers: Readonly<Record<(typeof NUMBERS)[number]["key"], string>> = {
      warm: `${stock.warm} / ${stock.warmTarget}`,
      leased: String(stock.leased),
      creating: String(stock.creating),
      evicting: String(stock.evicting),
      waiting: String(lane.waiting),
      total: formatCount(runs.total),
      cold: formatCount(runs.cold),
      refused: formatCount(runs.refused),
    };
    for (const { key } of NUMBERS) {
      const value = this.#numbers.get(key);
      if (value === undefined) continue;
      setText(value, numbers[key]);
      setAttribute(value, "data-zero", String(numbers[key] === "0"));
    }
    this.#percentiles.update(lane);
    this.#histogram.update(latencies, lane.firstByteMs);
    const { verdict, words, isChange } = counselFor(advice, lane.name, stock.warmTarget);
    setText(this.#verdict, verdict);
    setAttribute(this.#verdict, "data-change", String(isChange));
    setText(this.#counsel, words);
  }

  /** So many runs of the lane have ended. */
  flare(runs: number): void {
    this.#strip.flare(runs);
  }
}

function limitsOf({ limits, stock }: LaneReport): string {
  const parts = [
    limits.network ? "network" : "no network",
    formatMemory(limits.memoryBytes),
    `${limits.cpus} CPU`,
    `${formatLimit(limits.timeoutMs)} limit`,
    `at most ${stock.max}`,
  ];
  return parts.join(" · ");
}
