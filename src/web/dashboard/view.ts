import { byId } from "../shared/dom.js";
import type { RunSummary } from "../../protocol/watch.js";
import { ArrivalsChart } from "./arrivals-chart.js";
import { EnginePanel } from "./engine-panel.js";
import { showFacts } from "./facts.js";
import { LaneCard } from "./lane-card.js";
import type { Model } from "./model.js";
import { RunsTable } from "./runs-table.js";

/** The whole page, drawn from what is known. */
export class View {
  readonly #lanes = byId("lanes");
  readonly #cards = new Map<string, LaneCard>();
  readonly #arrivals = new ArrivalsChart();
  readonly #engine = new EnginePanel();
  readonly #runs = new RunsTable();
  #last: Model | undefined;

  constructor() {
    byId("arrivals").append(this.#arrivals.root);
    byId("engine").append(this.#engine.root);
  }

  /** Draws what is not as it was. */
  show(model: Model): void {
    const last = this.#last;
    this.#last = model;
    const { report, latencies, advice, runs, arrivals, engine } = model;
    const names = report.lanes.map(({ name }) => name);
    this.#arrange(names);
    for (const lane of report.lanes) this.#cards.get(lane.name)?.update(lane, latencies[lane.name], advice);
    showFacts(model);
    if (arrivals !== last?.arrivals || report !== last.report) this.#arrivals.update(arrivals, names);
    if (engine !== last?.engine || report !== last.report) this.#engine.update(engine, report.lanes);
    if (runs === last?.runs) return;
    // The numbers begin anew with the daemon.
    const lastN = last?.runs.at(-1)?.n ?? -1;
    const isAnew = last === undefined || (runs.at(-1)?.n ?? -1) < lastN;
    this.#runs.update(runs, isAnew);
    if (!isAnew) this.#flare(runs.filter(({ n }) => n > lastN));
  }

  #flare(runs: readonly RunSummary[]): void {
    for (const [name, card] of this.#cards) {
      const own = runs.filter(({ lane, runMs }) => lane === name && runMs !== null);
      if (own.length > 0) card.flare(own.length);
    }
  }

  /** A card for each lane, in the daemon's order. */
  #arrange(names: readonly string[]): void {
    if (names.join() === [...this.#cards.keys()].join()) return;
    const cards = names.map((name): [string, LaneCard] => [name, this.#cards.get(name) ?? new LaneCard(name)]);
    this.#cards.clear();
    for (const [name, card] of cards) this.#cards.set(name, card);
    this.#lanes.replaceChildren(...cards.map(([, { root }]) => root));
  }
}
