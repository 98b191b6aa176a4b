import type { ExitMessage } from "../../protocol/exit.js";
import type { StartedMessage } from "../../protocol/messages.js";
import { byId, element, setText } from "../shared/dom.js";
import { formatBytes, formatMs } from "../shared/format.js";
import type { Ending } from "./ending.js";
import { stretchesOf } from "./timing.js";

/** Where the ending of a run stands: in words, its time as a bar, and what else the daemon knows of it. */
export class EndingView {
  readonly #section = byId("ending");
  readonly #headline = byId("ending-headline");
  readonly #details = byId("ending-details");
  readonly #bar = byId("timing-bar");
  readonly #legend = byId("timing-legend");
  readonly #facts = byId("ending-facts");
  readonly #gone = byId("ending-gone");

  clear(): void {
    this.#section.hidden = true;
    for (const part of [this.#details, this.#bar, this.#legend, this.#facts]) part.replaceChildren();
    setText(this.#gone, "");
  }

  show(ending: Ending): void {
    this.#section.dataset["tone"] = ending.tone;
    setText(this.#headline, ending.headline);
    this.#details.replaceChildren(...ending.details.map((text) => element("p", {}, text)));
    this.#section.hidden = false;
  }

  showAccount(exit: ExitMessage, started: StartedMessage | undefined): void {
    this.#drawTimes(exit);
    const { usage, output } = exit;
    const facts: [string, string][] = [
      ["reason", exit.reason],
      ["exit code", exit.exitCode === null ? "–" : String(exit.exitCode)],
      ...(exit.signal === null ? [] : [["signal", exit.signal] satisfies [string, string]]),
      ["CPU time", formatMs(usage.cpuMs)],
      ["largest process", usage.maxRssBytes === null ? "–" : formatBytes(usage.maxRssBytes)],
      ["stdout", accountOf(output.stdout)],
      ["stderr", accountOf(output.stderr)],
      ...(started === undefined
        ? []
        : ([
            ["launch", started.launch],
            ["sandbox", started.sandbox.slice(0, 12)],
          ] satisfies [string, string][])),
    ];
    this.#facts.replaceChildren(
      ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
    );
  }

  showGone(afterMs: number): void {
    setText(this.#gone, `The container is gone, ${formatMs(afterMs)} after the end.`);
  }

  #drawTimes({ timings }: ExitMessage): void {
    const stretches = stretchesOf(timings).filter(({ kind, ms }) => ms > 0 || kind === "run");
    this.#bar.replaceChildren(
      ...stretches.map(({ kind, ms }) => {
        const part = element("span", { class: "stretch", "data-kind": kind });
        part.style.flexGrow = String(ms);
        return part;
      }),
    );
    this.#legend.replaceChildren(
      ...stretches.map(({ kind, name, ms }) =>
        element(
          "li",
          {},
          element("span", { class: "swatch", "data-kind": kind, "aria-hidden": "true" }),
          `${name} `,
          element("b", {}, formatMs(ms)),
        ),
      ),
    );
  }
}

function accountOf({ bytes, sent, truncated }: ExitMessage["output"]["stdout"]): string {
  return truncated ? `${formatBytes(sent)} of ${formatBytes(bytes)}, cut` : formatBytes(bytes);
}
