import { ARRIVAL_BUCKET_MS, ARRIVAL_BUCKETS, type ArrivalCounts, type Arrivals } from "../../protocol/watch.js";
import { element, setAttribute, setText } from "../shared/dom.js";
import { formatCount } from "../shared/format.js";
import { lastMinuteOf, sumOf } from "./arrivals.js";
import { svg } from "./svg.js";

const HEIGHT = 56;
/** By their places in the counts, from the ground up. */
const KINDS = ["warm", "cold", "refused"] as const;

interface Row {
  readonly root: HTMLElement;
  readonly drawing: SVGElement;
  readonly paths: readonly SVGElement[];
  readonly rate: HTMLElement;
  readonly peak: HTMLElement;
}

/** Arrivals of the last ten minutes, a row for each lane, all on one scale. */
export class ArrivalsChart {
  readonly root = element("div", { class: "arrivals" });
  readonly #list = element("div");
  readonly #rows = new Map<string, Row>();

  constructor() {
    const axis = [element("span", {}, "10 min ago"), element("span", {}, "5"), element("span", {}, "now")];
    this.root.append(this.#list, element("div", { class: "arrivals-axis", "aria-hidden": "true" }, ...axis));
  }

  update({ lanes }: Arrivals, names: readonly string[]): void {
    const highest = Math.max(1, ...names.flatMap((name) => (lanes[name] ?? []).map(sumOf)));
    for (const name of names) this.#draw(this.#rowOf(name), name, { counts: lanes[name] ?? [], highest });
    for (const [name, { root }] of this.#rows) {
      if (names.includes(name)) continue;
      root.remove();
      this.#rows.delete(name);
    }
  }

  #draw(row: Row, name: string, { counts, highest }: { counts: readonly ArrivalCounts[]; highest: number }): void {
    const ground = counts.map(() => 0);
    for (const [kind, path] of row.paths.entries()) {
      const bars = counts.flatMap((bucket, index) => {
        const height = ((bucket[kind] ?? 0) / highest) * HEIGHT;
        if (height === 0) return [];
        const from = ground[index] ?? 0;
        ground[index] = from + height;
        return [`M${index + 0.1} ${(HEIGHT - from).toFixed(1)}v${(-height).toFixed(1)}h.8v${height.toFixed(1)}z`];
      });
      setAttribute(path, "d", bars.join(""));
    }
    setText(row.rate, `${formatCount(lastMinuteOf(counts))} / min`);
    setText(row.peak, `peak ${formatCount(Math.max(0, ...counts.map(sumOf)))} in ${ARRIVAL_BUCKET_MS / 1_000} s`);
    const totals = KINDS.map((kind, index) => {
      return `${formatCount(counts.reduce((total, bucket) => total + (bucket[index] ?? 0), 0))} ${kind}`;
    });
    setAttribute(row.drawing, "aria-label", `Arrivals in lane ${name}, last ten minutes: ${totals.join(", ")}`);
  }

  #rowOf(name: string): Row {
    const known = this.#rows.get(name);
    if (known !== undefined) return known;
    const paths = KINDS.map((kind) => svg("path", { class: `arrivals-${kind}` }));
    const drawing = svg(
      "svg",
      { viewBox: `0 0 ${ARRIVAL_BUCKETS} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      ...paths,
    );
    const [rate, peak] = [element("strong"), element("span")];
    const root = element(
      "div",
      { class: "arrivals-row" },
      element("div", { class: "arrivals-name" }, element("span", {}, name), rate, peak),
      drawing,
    );
    const row = { root, drawing, paths, rate, peak };
    this.#list.append(root);
    this.#rows.set(name, row);
    return row;
  }
}
