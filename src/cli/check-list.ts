import type { Check, Status } from "../doctor/check.js";
import { printable, type Styler } from "./terminal.js";
import { wrap } from "./wrap.js";

const STATUS_STYLE = { ok: "green", warn: "yellow", fail: "red", skip: "dim" } as const satisfies Record<
  Status,
  string
>;
const STATUS_WIDTH = 4;
const GAP = "  ";
const ARROW = "-> ";
/** On a terminal so narrow that less would be left, lines run over. */
const MIN_ROOM = 30;

/**
 * What `matchbox doctor` shows, line by line: each check, under it what to do where something is wrong, and what it comes to.
 * @param columns how wide a terminal is; undefined where lines are not to be broken
 */
export function renderChecks(checks: readonly Check[], style: Styler, columns?: number): string[] {
  const nameWidth = Math.max(...checks.map(({ name }) => printable(name).length));
  const indent = " ".repeat(STATUS_WIDTH + GAP.length + nameWidth + GAP.length);
  const room = columns === undefined ? Infinity : Math.max(MIN_ROOM, columns - indent.length);
  const lines = checks.flatMap((check) => {
    const [first = "", ...more] = wrap(printable(check.finding), room);
    const status = style(STATUS_STYLE[check.status], check.status.padEnd(STATUS_WIDTH));
    const fixes = "fix" in check ? printable(check.fix).split("\n") : [];
    return [
      [status, printable(check.name).padEnd(nameWidth), first].join(GAP),
      ...more.map((line) => `${indent}${line}`),
      ...fixes.flatMap((fix) =>
        wrap(fix, room - ARROW.length).map(
          (line, index) => `${indent}${index === 0 ? style("dim", ARROW) : " ".repeat(ARROW.length)}${line}`,
        ),
      ),
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
