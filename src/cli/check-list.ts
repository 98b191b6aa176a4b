import type { Check, Status } from "../doctor/check.js";
import { printable } from "./terminal.js";

type Styler = (format: "green" | "yellow" | "red" | "dim", text: string) => string;

const STATUS_STYLE = { ok: "green", warn: "yellow", fail: "red", skip: "dim" } as const satisfies Record<
  Status,
  string
>;
const STATUS_WIDTH = 4;
const GAP = "  ";

/** What `matchbox doctor` shows, line by line: each check, under it what to do where something is wrong, and what it comes to. */
export function renderChecks(checks: readonly Check[], style: Styler): string[] {
  const nameWidth = Math.max(...checks.map(({ name }) => printable(name).length));
  const indent = " ".repeat(STATUS_WIDTH + GAP.length + nameWidth + GAP.length);
  const lines = checks.flatMap((check) => {
    const [first = "", ...more] = printable(check.finding).split("\n");
    const head = [
      style(STATUS_STYLE[check.status], check.status.padEnd(STATUS_WIDTH)),
      printable(check.name).padEnd(nameWidth),
      first,
    ];
    const fixes = "fix" in check ? printable(check.fix).split("\n") : [];
    return [
      head.join(GAP),
      ...more.map((line) => `${indent}${line}`),
      ...fixes.map((line) => `${indent}${style("dim", "->")} ${line}`),
    ];
  });
  return [...lines, "", summary(checks, style)];
}

function summary(checks: readonly Check[], style: Styler): string {
  const count = (status: Status): number => checks.filter((check) => check.status === status).length;
  const counts = `${count("ok")} ok, ${count("warn")} ${count("warn") === 1 ? "warning" : "warnings"}, ${count("fail")} failed`;
  const skipped = count("skip") === 0 ? "" : `, ${count("skip")} skipped`;
  if (count("fail") > 0) return style("red", `Not ready: ${counts}${skipped}.`);
  return style(count("warn") > 0 ? "yellow" : "green", `Ready: ${counts}${skipped}.`);
}
