import { LATENCY_BINS, latencyBinEdge } from "../../protocol/watch.js";
import { element, setAttribute, setText } from "../shared/dom.js";
import { formatCount, formatMs } from "../shared/format.js";
import { formatTick, LONGEST_MS, placeOf, SHORTEST_MS, TICKS_MS } from "./log-scale.js";
import { svg } from "./svg.js";

const WIDTH = 600;
const HEIGHT = 72;

interface Marks {
  readonly p50: number;
  readonly p99: number;
}

/** How long first bytes took lately: a bar for each bin, on the axis that the runs' waterfall has too. */
export class Histogram {
  readonly root = element("figure", { class: "histogram" });
  readonly #bars = svg("path", { class: "histogram-bars" });
  readonly #median = svg("path", { class: "histogram-mark" });
  readonly #tail = svg("path", { class: "histogram-mark tail" });
  readonly #drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  readonly #caption = element("figcaption", {});

  constructor() {
    const grid = TICKS_MS.map((ms) => `M${placeOf(ms) * WIDTH} 0V${HEIGHT}`).join("");
    this.#drawing.append(svg("path", { class: "histogram-grid", d: grid }), this.#bars, this.#median, this.#tail);
    this.root.append(this.#caption, this.#drawing, logAxis());
  }

  update(counts: readonly number[] | undefined, marks: Marks | null): void {
    const total = counts?.reduce((sum, count) => sum + count, 0) ?? 0;
    const highest = Math.max(1, ...(counts ?? []));
    const bars = (counts ?? []).flatMap((count, bin) => {
      if (count === 0) return [];
      const from = placeOf(latencyBinEdge(bin)) * WIDTH;
      const to = placeOf(bin === LATENCY_BINS - 1 ? LONGEST_MS : latencyBinEdge(bin + 1)) * WIDTH;
      // A single run among a thousand must still be seen.
      const height = Math.max(2, (count / highest) * (HEIGHT - 4));
      return [`M${(from + 0.8).toFixed(1)} ${HEIGHT}v${(-height).toFixed(1)}H${(to - 0.8).toFixed(1)}V${HEIGHT}z`];
    });
    setAttribute(this.#bars, "d", bars.join(""));
    setAttribute(this.#median, "d", marks === null ? "" : `M${(placeOf(marks.p50) * WIDTH).toFixed(1)} 0V${HEIGHT}`);
    setAttribute(this.#tail, "d", marks === null ? "" : `M${(placeOf(marks.p99) * WIDTH).toFixed(1)} 0V${HEIGHT}`);
    setText(
      this.#caption,
      total === 0 ? "Time to first byte: after the first run" : `Time to first byte, last ${formatCount(total)} runs`,
    );
    const words =
      marks === null
        ? "Histogram of the time to the first byte: no runs yet"
        : `Histogram of the time to the first byte: half within ${formatMs(marks.p50)}, 99 % within ${formatMs(marks.p99)}`;
    setAttribute(this.#drawing, "aria-label", words);
  }
}

/** The numbers under a chart with a logarithmic axis. */
export function logAxis(): HTMLElement {
  const ticks = TICKS_MS.map((ms) => {
    const tick = element("span", {}, formatTick(ms));
    tick.style.left = `${placeOf(ms) * 100}%`;
    return tick;
  });
  return element("div", { class: "log-axis", "aria-hidden": "true", title: axisTitle() }, ...ticks);
}

function axisTitle(): string {
  return `a logarithmic axis from ${formatTick(SHORTEST_MS)} to ${formatTick(LONGEST_MS)}`;
}
