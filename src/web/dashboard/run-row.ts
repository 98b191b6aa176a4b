import type { RunSummary } from "../../protocol/watch.js";
import { element } from "../shared/dom.js";
import { formatBytes, formatMs, formatTimeOfDay } from "../shared/format.js";
import { barsOf, totalMs } from "./waterfall.js";

/** Whether a run ended as its author would want it to. */
export function isProblem({ outcome, exitCode }: RunSummary): boolean {
  return outcome !== "exited" || exitCode !== 0;
}

/** A run that is over, as a row of the table. */
export function runRow(run: RunSummary): HTMLTableRowElement {
  const cell = (name: string, text: string): HTMLElement => element("td", { class: name }, text);
  return element(
    "tr",
    { "data-kind": kindOf(run) },
    cell("time", formatTimeOfDay(run.at)),
    cell("name", run.lane ?? "unknown"),
    cell("outcome", outcomeOf(run)),
    cell("launch", launchOf(run)),
    element("td", { class: "bars" }, waterfall(run)),
    cell("number", run.runMs === null ? "–" : formatMs(run.queueMs)),
    cell("number", formatMs(run.firstByteMs)),
    cell("number", formatMs(totalMs(run))),
    cell("number", formatBytes(run.outputBytes)),
    cell("sandbox", run.sandbox?.slice(0, 8) ?? "–"),
  );
}

function kindOf(run: RunSummary): "good" | "failed" | "refused" {
  if (run.runMs === null) return "refused";
  return isProblem(run) ? "failed" : "good";
}

function outcomeOf({ outcome, exitCode, signal }: RunSummary): string {
  const words = outcome.replaceAll("_", " ");
  if (outcome === "exited") return `exited ${exitCode ?? ""}`;
  return signal === null ? words : `${words} ${signal}`;
}

function launchOf({ launch, miss }: RunSummary): string {
  if (miss === null) return launch ?? "–";
  return `${launch ?? "miss"}: ${miss.replaceAll("_", " ")}`;
}

function waterfall(run: RunSummary): HTMLElement {
  const bars = barsOf(run).map(({ stage, from, to }) => {
    const bar = element("i", { class: `bar bar-${stage}` });
    bar.style.left = `${(from * 100).toFixed(2)}%`;
    bar.style.width = `${((to - from) * 100).toFixed(2)}%`;
    return bar;
  });
  return element("div", { class: "waterfall", "aria-hidden": "true" }, ...bars);
}
