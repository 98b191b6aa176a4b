import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isScalar, LineCounter, parseDocument, type Document } from "yaml";
import { ConfigError, messageOf } from "../errors.js";
import { packageRoot } from "../package-root.js";
import { type Config, configSchema } from "./schema.js";

/** Environment variables that override a key of the file, for those who run the daemon in a unit or a container. */
const ENVIRONMENT_OVERRIDES: Readonly<Record<string, string>> = {
  MATCHBOX_LISTEN: "server.listen",
  MATCHBOX_LOG_LEVEL: "log.level",
  MATCHBOX_ENGINE_SOCKET: "engine.socket",
  MATCHBOX_INSTANCE: "engine.instance",
};
/** A token in the environment is added to those of the file, and never shows in a process list. */
const TOKEN_VARIABLE = "MATCHBOX_TOKEN";

export interface ConfigSources {
  /** A YAML file; undefined takes the commented defaults that come with Matchbox, `config/default.yaml`. */
  readonly path?: string | undefined;
  /** Assignments such as `lanes.python.warm=8`; they win over everything else. */
  readonly overrides?: readonly string[];
  readonly env?: Readonly<NodeJS.ProcessEnv>;
}

/**
 * Reads, overrides and checks the configuration.
 * @throws ConfigError with a line for each mistake: file and line, path, value, what is allowed
 */
export async function loadConfig(sources: ConfigSources = {}): Promise<Config> {
  const path = sources.path ?? join(packageRoot(), "config", "default.yaml");
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
    if (value !== undefined) assign(document, key, value, `environment variable ${variable}`, origins);
  }
  for (const override of sources.overrides ?? []) {
    const split = override.indexOf("=");
    if (split < 1) throw new ConfigError(`--set ${override}: must look like lanes.python.warm=8`);
    assign(document, override.slice(0, split), override.slice(split + 1), `--set ${override}`, origins);
  }

  const parsed = configSchema.safeParse(document.toJS());
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map((issue) => describe(document, issue.path, issue, { path, lines, origins })).join("\n"),
    );
  }
  // The engine's own variable: a default for where nothing more particular is said.
  parsed.data.engine.socket ??= env["DOCKER_HOST"] ?? null;
  const token = env[TOKEN_VARIABLE];
  if (token !== undefined && token !== "") parsed.data.server.tokens.push(token);
  return parsed.data;
}

/** Sets one key; the value is read as YAML, so that numbers, lists and null mean what they mean in the file. */
function assign(document: Document, key: string, value: string, origin: string, origins: Map<string, string>): void {
  const parsed = parseDocument(value);
  if (parsed.errors.length > 0) throw new ConfigError(`${origin}: the value is not valid YAML`);
  try {
    document.setIn(key.split("."), parsed.toJS());
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

function describe(
  document: Document,
  keys: readonly PropertyKey[],
  issue: { message: string; code: string | undefined; keys?: readonly string[] },
  place: Place,
): string {
  const unknownKey = issue.code === "unrecognized_keys" ? issue.keys?.[0] : undefined;
  const full = unknownKey === undefined ? keys : [...keys, unknownKey];
  const dotted = full.map(String).join(".");
  const node = document.getIn(full, true);
  const origin = place.origins.get(dotted) ?? `${place.path}${lineOf(node, place.lines)}`;
  if (unknownKey !== undefined) return `${origin}: ${dotted}: there is no such key`;
  const value = isScalar(node) ? ` is ${JSON.stringify(node.value)}, but` : "";
  return `${origin}: ${dotted}${value} ${issue.message}`;
}

function lineOf(node: unknown, lines: LineCounter): string {
  if (typeof node !== "object" || node === null || !("range" in node)) return "";
  const { range } = node;
  const start: unknown = Array.isArray(range) ? range[0] : undefined;
  return typeof start === "number" ? `:${lines.linePos(start).line}` : "";
}
