import { isJumpOfMatchbox, OPERATOR_CHAIN } from "./egress-rules.js";
import type { FilterRules } from "./egress-rules.js";

/** The rules of each chain of a filter table, as the kernel tells them: without "-A" and the chain's name. */
export type FilterTable = ReadonlyMap<string, readonly string[]>;

/** Reads what `iptables-save -t filter` writes. */
export function parseTable(text: string): FilterTable {
  const chains = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const chain = /^:(\S+) /.exec(line)?.[1];
    if (chain !== undefined) chains.set(chain, []);
    const rule = /^-A (\S+) (.*)$/.exec(line);
    if (rule?.[1] !== undefined && rule[2] !== undefined) chains.get(rule[1])?.push(rule[2]);
  }
  return chains;
}

/**
 * What `iptables-restore --noflush` has to do to bring `wanted` about, as one transaction: at no moment is a bridge without
 * its rules. Chains of the same names lose what they had; the jumps move to the front.
 */
export function applyScript(table: FilterTable, wanted: FilterRules): string {
  const names = wanted.chains.map((chain) => chain.name);
  const parents = new Set(wanted.jumps.map((jump) => jump.from));
  const usesOperatorChain = parents.has(OPERATOR_CHAIN);
  return script([
    // Declaring a chain makes it, or empties it.
    ...names.map((name) => `:${name} - [0:0]`),
    ...(usesOperatorChain && !table.has(OPERATOR_CHAIN) ? [`:${OPERATOR_CHAIN} - [0:0]`] : []),
    ...wanted.chains.flatMap((chain) => chain.rules.map((rule) => `-A ${chain.name} ${rule}`)),
    ...deletedJumps(table, names),
    // Each goes to the front, so the last goes first.
    ...[...wanted.jumps].reverse().map((jump) => `-I ${jump.from} 1 ${jump.rule}`),
    ...(usesOperatorChain ? operatorChainFirst(table) : []),
  ]);
}

/** Takes the chains away, with every jump to them; undefined when there is nothing to take away. */
export function removeScript(table: FilterTable, names: readonly string[]): string | undefined {
  const present = names.filter((name) => table.has(name));
  if (present.length === 0) return undefined;
  return script([
    ...deletedJumps(table, present),
    ...present.map((name) => `-F ${name}`),
    ...present.map((name) => `-X ${name}`),
  ]);
}

/** Whether all jumps are there, with nothing before them that could decide otherwise. */
export function hasJumpsFirst(table: FilterTable, wanted: FilterRules): boolean {
  const parents = new Set(wanted.jumps.map((jump) => jump.from));
  if (parents.has(OPERATOR_CHAIN) && !isOperatorChainFirst(table)) return false;
  return wanted.jumps.every(({ from, rule }) => {
    const rules = table.get(from) ?? [];
    const position = rules.indexOf(rule);
    return position >= 0 && rules.slice(0, position).every(isJumpOfMatchbox);
  });
}

/** The engine puts its jump first when it starts; others push in later. */
function operatorChainFirst(table: FilterTable): string[] {
  if (isOperatorChainFirst(table)) return [];
  const jumps = (table.get("FORWARD") ?? []).filter((rule) => rule === `-j ${OPERATOR_CHAIN}`);
  return [...jumps.map((rule) => `-D FORWARD ${rule}`), `-I FORWARD 1 -j ${OPERATOR_CHAIN}`];
}

function isOperatorChainFirst(table: FilterTable): boolean {
  return table.get("FORWARD")?.[0] === `-j ${OPERATOR_CHAIN}`;
}

function deletedJumps(table: FilterTable, targets: readonly string[]): string[] {
  // Those from one target to another go when the targets are emptied.
  const others = [...table].filter(([chain]) => !targets.includes(chain));
  return others.flatMap(([chain, rules]) =>
    rules
      .filter((rule) => targets.some((target) => rule.endsWith(`-j ${target}`)))
      .map((rule) => `-D ${chain} ${rule}`),
  );
}

function script(lines: readonly string[]): string {
  return ["*filter", ...lines, "COMMIT", ""].join("\n");
}
