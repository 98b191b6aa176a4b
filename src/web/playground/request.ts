import type { ClientRunRequest } from "../../client/client.js";
import { MAX_TIMEOUT_MS } from "../../protocol/limits.js";
import type { InputFile } from "../../protocol/messages.js";
import { isUserVariable, isWorkspacePath } from "../../protocol/names.js";

/** What stands on the page, as it was typed. */
export interface Draft {
  readonly lane: string;
  readonly code: string;
  readonly input: string;
  /** Whether more input is sent while the program runs. */
  readonly isInputOpen: boolean;
  readonly args: string;
  readonly env: string;
  readonly timeout: string;
  readonly collect: string;
  readonly files: readonly InputFile[];
}

/** Fields that can hold something that is no part of a run. */
export type Field = "env" | "timeout" | "files";

export type Reading =
  | { readonly ok: true; readonly request: ClientRunRequest }
  | { readonly ok: false; readonly field: Field; readonly problem: string };

/** Makes a run of what was typed, or says where it cannot be one. */
export function readDraft(draft: Draft): Reading {
  const env = readEnv(draft.env);
  if (typeof env === "string") return { ok: false, field: "env", problem: env };
  const timeoutMs = readTimeout(draft.timeout);
  if (typeof timeoutMs === "string") return { ok: false, field: "timeout", problem: timeoutMs };
  const files = checkFiles(draft.files);
  if (files !== undefined) return { ok: false, field: "files", problem: files };
  return {
    ok: true,
    request: {
      lane: draft.lane,
      code: draft.code,
      ...(draft.isInputOpen ? { stdin: true } : draft.input === "" ? {} : { stdin: draft.input }),
      args: linesOf(draft.args),
      env,
      files: [...draft.files],
      collect: linesOf(draft.collect).map((pattern) => pattern.trim()),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    },
  };
}

/** One thing a line; what is between them may be empty. */
function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}

function readEnv(text: string): Record<string, string> | string {
  const env: Record<string, string> = {};
  for (const line of linesOf(text)) {
    const at = line.indexOf("=");
    const name = line.slice(0, Math.max(0, at)).trim();
    if (at === -1) return `"${line}" has no "="; write NAME=value, one a line.`;
    if (!isUserVariable(name)) return `"${name}" is not a name that a program's environment may set.`;
    env[name] = line.slice(at + 1);
  }
  return env;
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["", 1_000],
  ["m", 60_000],
  ["min", 60_000],
]);

function readTimeout(text: string): number | string | undefined {
  if (text.trim() === "") return undefined;
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim()) ?? [];
  const ms = Math.round(Number(number) * (UNITS.get(unit) ?? NaN));
  return number !== "" && ms >= 1 && ms <= MAX_TIMEOUT_MS
    ? ms
    : `"${text}" is not a time; write seconds, or 500ms, 10s, 2min.`;
}

function checkFiles(files: readonly InputFile[]): string | undefined {
  const wrong = files.find(({ path }) => !isWorkspacePath(path));
  if (wrong !== undefined) return `"${wrong.path}" is not a path inside the workspace, such as data/in.csv.`;
  const double = files.find(({ path }, index) => files.findIndex((file) => file.path === path) !== index);
  return double === undefined ? undefined : `There are two files named "${double.path}".`;
}
