import { type LaneReport, STATISTICS_WINDOW } from "../../protocol/lanes.js";
import { element, setText } from "../shared/dom.js";
import { formatCount, formatMs } from "../shared/format.js";

const ROWS = [
  { key: "queueMs", label: "Wait" },
  { key: "handoutMs", label: "Hand-out" },
  { key: "firstByteMs", label: "First byte" },
] as const;

/** A lane's percentiles, lately. */
export class Percentiles {
  readonly root: HTMLElement;
  readonly #cells: ReadonlyMap<string, readonly HTMLElement[]>;

  constructor() {
    const rows = ROWS.map(({ key, label }) => {
      const cells = [element("td"), element("td"), element("td")];
      return { key, cells, row: element("tr", {}, element("th", { scope: "row" }, label), ...cells) };
    });
    this.#cells = new Map(rows.map(({ key, cells }) => [key, cells]));
    const titles = ["p50", "p90", "p99"].map((title) => element("th", { scope: "col" }, title));
    this.root = element(
      "table",
      { class: "percentiles" },
      element(
        "caption",
        { class: "visually-hidden" },
        `Percentiles over the last ${formatCount(STATISTICS_WINDOW)} runs`,
      ),
      element("thead", {}, element("tr", {}, element("td"), ...titles)),
      element("tbody", {}, ...rows.map(({ row }) => row)),
    );
  }

  update(lane: LaneReport): void {
    for (const { key } of ROWS) {
      const values = lane[key];
      const shown = [values?.p50, values?.p90, values?.p99].map((value) => formatMs(value ?? null));
      for (const [index, cell] of (this.#cells.get(key) ?? []).entries()) setText(cell, shown[index] ?? "");
    }
  }
}
