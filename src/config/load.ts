import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isMap, isScalar, LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import { ConfigError, messageOf } from "../errors.js";
import { packageRoot } from "../package-root.js";
import { type Config, configSchema, MIN_TOKEN_CHARS } from "./schema.js";

/** Environment variables that override a key of the file, for those who run the daemon in a unit or a container. */
const ENVIRONMENT_OVERRIDES: Readonly<Record<string, string>> = {
  MATCHBOX_LISTEN: "server.listen",
  MATCHBOX_LOG_LEVEL: "log.level",
  MATCHBOX_ENGINE_SOCKET: "engine.socket",
  MATCHBOX_INSTANCE: "engine.instance",
};
/** Any other key, with two underscores for each dot: `MATCHBOX__lanes__python__warm=16`. */
const KEY_VARIABLE_PREFIX = "MATCHBOX__";
const IN_WARM = /^lanes\.[^.]+\.warm\.[^.]+$/;
/** A token in the environment is added to those of the file, and never shows in a process list. */
const TOKEN_VARIABLE = "MATCHBOX_TOKEN";

export interface ConfigSources {
  /** A YAML file; undefined takes the commented defaults that come with Matchbox, `config/default.yaml`. */
  readonly path?: string | undefined;
  /** Assignments such as `lanes.python.warm=8`; they win over the environment, which wins over the file. */
  readonly overrides?: readonly string[];
  readonly env?: Readonly<NodeJS.ProcessEnv>;
}

/**
 * Reads, overrides and checks the configuration.
 * @throws ConfigError with a line for each mistake: file and line, path, value, what is allowed
 */
export async function loadConfig(sources: ConfigSources = {}): Promise<Config> {
  const path = configPath(sources);
  const env = sources.env ?? process.env;
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new ConfigError(`${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }

  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true, uniqueKeys: true });
  const [broken] = document.errors;
  if (broken !== undefined) throw new ConfigError(`${path}: ${broken.message}`);

  const origins = new Map<string, string>();
  for (const [variable, key] of Object.entries(ENVIRONMENT_OVERRIDES)) {
    const value = env[variable];
    // Text as it is: all of these keys are texts, or null.
    if (value !== undefined) assign(document, key, value === "null" ? null : value, variableOrigin(variable), origins);
  }
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(KEY_VARIABLE_PREFIX) || text === undefined) continue;
    const key = variable.slice(KEY_VARIABLE_PREFIX.length).replaceAll("__", ".");
    const origin = variableOrigin(variable);
    assign(document, key, readValue(key, text, origin), origin, origins);
  }
  for (const override of sources.overrides ?? []) {
    const split = override.indexOf("=");
    if (split < 1) throw new ConfigError(`--set ${override}: must look like lanes.python.warm=8`);
    const key = override.slice(0, split);
    const origin = `--set ${override}`;
    assign(document, key, readValue(key, override.slice(split + 1), origin), origin, origins);
  }

  const parsed = configSchema.safeParse(document.toJS());
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.flatMap((issue) => describe(document, issue, { path, lines, origins })).join("\n"),
    );
  }
  // The engine's own variable: a default for where nothing more particular is said.
  parsed.data.engine.socket ??= env["DOCKER_HOST"] ?? null;
  const token = env[TOKEN_VARIABLE] ?? "";
  if (token !== "") {
    if (token.length < MIN_TOKEN_CHARS) {
      throw new ConfigError(`${variableOrigin(TOKEN_VARIABLE)}: must have at least ${MIN_TOKEN_CHARS} characters`);
    }
    parsed.data.server.tokens.push(token);
  }
  return parsed.data;
}

/** The file that is read. */
export function configPath({ path }: Pick<ConfigSources, "path">): string {
  return path ?? join(packageRoot(), "config", "default.yaml");
}

function variableOrigin(variable: string): string {
  return `environment variable ${variable}`;
}

/** Reads a value as YAML, so that numbers, lists and null mean what they mean in the file. */
function readValue(key: string, text: string, origin: string): unknown {
  // A v6 address in brackets would begin a list.
  if (key === "server.listen") return text;
  const parsed = parseDocument(text);
  if (parsed.errors.length > 0) throw new ConfigError(`${origin}: the value is not valid YAML`);
  return parsed.toJS();
}

/** Sets one key. */
function assign(document: Document, key: string, value: unknown, origin: string, origins: Map<string, string>): void {
  const keys = key.split(".");
  try {
    // One of its bounds makes a fixed size an adaptive one: `lanes.python.warm.max=16`.
    if (IN_WARM.test(key) && !isMap(document.getIn(keys.slice(0, 3)))) {
      document.setIn(keys.slice(0, 3), document.createNode({}));
    }
    document.setIn(keys, document.createNode(value));
  } catch (error) {
    throw new ConfigError(`${origin}: ${key} is not inside a section of the configuration`, { cause: error });
  }
  origins.set(key, origin);
}

interface Place {
  readonly path: string;
  readonly lines: LineCounter;
  readonly origins: ReadonlyMap<string, string>;
}

/** A line for each mistake: where it was said, which key, its value, what is allowed. */
function describe(document: Document, issue: z.core.$ZodIssue, place: Place): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const keys = [...issue.path, key];
      return `${originOf(document, keys, place)}: ${dotted(keys)}: there is no such key`;
    });
  }
  const chosen = issue.code === "invalid_union" ? issuesOfSection(issue) : [];
  if (chosen.length > 0) return chosen.flatMap((inner) => describe(document, inner, place));
  const node = document.getIn(issue.path, true);
  const value = isScalar(node) ? ` is ${JSON.stringify(node.value)}, but` : "";
  const words = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return [`${originOf(document, issue.path, place)}: ${dotted(issue.path)}${value} ${words}`];
}

/** What is wrong inside a section, where a key takes a section or something else, and was given a section. */
function issuesOfSection({ path, errors }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] {
  const isInside = (issue: z.core.$ZodIssue): boolean => issue.path.length > 0 || issue.code === "unrecognized_keys";
  const section = errors.find((issues) => issues.every(isInside)) ?? [];
  return section.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

function dotted(keys: readonly PropertyKey[]): string {
  return keys.map(String).join(".");
}

/** Who said it: an assignment of this key or of one around it, else the file, with the line of the nearest thing there is. */
function originOf(document: Document, keys: readonly PropertyKey[], { path, lines, origins }: Place): string {
  for (let length = keys.length; length >= 0; length -= 1) {
    const around = keys.slice(0, length);
    const origin = origins.get(dotted(around));
    if (origin !== undefined) return origin;
    const line = lineOf(length === 0 ? document.contents : document.getIn(around, true), lines);
    if (line !== "") return `${path}${line}`;
  }
  return path;
}

function lineOf(node: unknown, lines: LineCounter): string {
  if (typeof node !== "object" || node === null || !("range" in node)) return "";
  const { range } = node;
  const start: unknown = Array.isArray(range) ? range[0] : undefined;
  return typeof start === "number" ? `:${lines.linePos(start).line}` : "";
}
