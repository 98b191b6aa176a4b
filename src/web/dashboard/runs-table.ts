import type { RunSummary } from "../../protocol/watch.js";
import { byId, setText } from "../shared/dom.js";
import { formatCount } from "../shared/format.js";
import { logAxis } from "./histogram.js";
import { isProblem, runRow } from "./run-row.js";

/** Rows that the page keeps: every new one moves all others, and has them painted again. */
const MOST_ROWS = 50;
/** Between two changes of the table, in ms: rows that move more often cannot be read anyway. */
const CHANGE_MS = 500;

/** The runs that ended last, newest first. */
export class RunsTable {
  readonly #body = byId("runs-body");
  readonly #empty = byId("runs-empty");
  readonly #table = byId("runs-table");
  readonly #pause = byId("runs-pause");
  readonly #filter = byId("runs-problems");
  /** The number of the last run that is shown, and when that was. */
  #shown = -1;
  #shownAt = -Infinity;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #isPaused = false;
  #onlyProblems = false;
  #runs: readonly RunSummary[] = [];

  constructor() {
    byId("runs-axis").append(logAxis());
    this.#pause.addEventListener("click", () => {
      this.#isPaused = !this.#isPaused;
      this.#pause.setAttribute("aria-pressed", String(this.#isPaused));
      if (!this.#isPaused) this.#show();
    });
    this.#filter.addEventListener("click", () => {
      this.#onlyProblems = !this.#onlyProblems;
      this.#filter.setAttribute("aria-pressed", String(this.#onlyProblems));
      this.#restart();
    });
  }

  /** @param isAnew whether the runs are those of another daemon's life, so that what is shown says nothing of them */
  update(runs: readonly RunSummary[], isAnew: boolean): void {
    this.#runs = runs;
    if (isAnew) this.#restart();
    else if (performance.now() - this.#shownAt >= CHANGE_MS) this.#show();
    else
      this.#soon ??= setTimeout(() => {
        this.#show();
      }, CHANGE_MS);
  }

  #restart(): void {
    this.#shown = -1;
    this.#body.replaceChildren();
    this.#show();
  }

  #show(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#shownAt = performance.now();
    const waiting = this.#runs.filter(({ n }) => n > this.#shown);
    if (this.#isPaused && this.#shown >= 0) {
      setText(this.#pause, waiting.length === 0 ? "Paused" : `Paused, ${formatCount(waiting.length)} more`);
      return;
    }
    setText(this.#pause, this.#isPaused ? "Paused" : "Pause");
    const fresh = waiting.filter((run) => !this.#onlyProblems || isProblem(run)).slice(-MOST_ROWS);
    this.#body.prepend(...fresh.reverse().map(runRow));
    while (this.#body.childElementCount > MOST_ROWS) this.#body.lastElementChild?.remove();
    this.#shown = this.#runs.at(-1)?.n ?? -1;
    const isEmpty = this.#body.childElementCount === 0;
    this.#table.hidden = isEmpty;
    this.#empty.hidden = !isEmpty;
    const isSilent = this.#runs.length === 0;
    setText(
      this.#empty,
      isSilent ? "No runs yet. The playground starts one, or the command line:" : "No problems among the last runs.",
    );
    byId("runs-example").hidden = !isSilent;
  }
}
