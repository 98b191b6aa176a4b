import { type LaneReport, REFILL_STEPS } from "../../protocol/lanes.js";
import type { EngineHealth } from "../../protocol/watch.js";
import { element, setAttribute, setText } from "../shared/dom.js";
import { formatCount, formatMs, formatTimeOfDay } from "../shared/format.js";

/** Whether the container engine answers, and how long its part of a sandbox's life takes in each lane. */
export class EnginePanel {
  readonly root = element("div", { class: "engine" });
  readonly #state = element("p", { class: "engine-state", role: "status" });
  readonly #head = element("tr");
  readonly #body = element("tbody");
  #lanes: readonly string[] = [];

  constructor() {
    const table = element(
      "table",
      { class: "steps" },
      element("caption", {}, "Steps of a refill, p50"),
      element("thead", {}, this.#head),
      this.#body,
    );
    this.root.append(this.#state, table);
  }

  update(engine: EngineHealth, lanes: readonly LaneReport[]): void {
    setAttribute(this.#state, "data-answers", String(engine.isAnswering));
    setText(this.#state, healthOf(engine));
    const names = lanes.map(({ name }) => name);
    if (names.join() !== this.#lanes.join()) this.#build(names);
    for (const [row, step] of REFILL_STEPS.entries()) {
      for (const [column, lane] of lanes.entries()) {
        const cell = this.#body.rows.item(row)?.cells.item(column + 1);
        if (cell) setText(cell, formatMs(lane.refillMs[step]?.p50 ?? null));
      }
    }
  }

  #build(names: readonly string[]): void {
    this.#lanes = names;
    this.#head.replaceChildren(element("td"), ...names.map((name) => element("th", { scope: "col" }, name)));
    this.#body.replaceChildren(
      ...REFILL_STEPS.map((step) =>
        element("tr", {}, element("th", { scope: "row" }, step), ...names.map(() => element("td"))),
      ),
    );
  }
}

function healthOf({ calls, failed, isAnswering, lastFailure }: EngineHealth): string {
  const failures = failed === 0 ? "none failed" : `${formatCount(failed)} failed`;
  const last = lastFailure === null ? "" : `, the last was ${lastFailure.call} at ${formatTimeOfDay(lastFailure.at)}`;
  const state = isAnswering ? "● answers" : "▲ does not answer";
  return `${state} · ${formatCount(calls)} calls, ${failures}${last}`;
}
