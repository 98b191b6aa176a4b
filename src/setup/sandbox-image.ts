import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import path from "node:path";
import type { EngineAddress } from "../container/engine-address.js";
import { type ImageTarget, imageName } from "../image-targets.js";
import { packageRoot } from "../package-root.js";
import { baseRecipe, ensureBaseImage } from "./base-image.js";
import { ImageApi } from "./docker-api.js";
import { SetupError } from "./setup-error.js";
import { SILENT, type Progress } from "./step.js";

const TAG_DIGITS = 12;
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/**
 * The reference of an image that belongs to this checkout: its tag is a hash of everything the image is built from, so that
 * a change asks for a new image and nothing else does. Reads files only; needs no engine.
 * @throws SetupError when a file that the Dockerfile copies is not there
 */
export function imageTag(target: ImageTarget, folder = sandboxFolder(), baseImage?: string): string {
  const hash = createHash("sha256").update(`${baseRecipe(baseImage)}\0`);
  const { dockerfile, files } = imageInputs(target, folder);
  const add = (file: string, kind: string, content: Buffer): void => {
    hash.update(`${file}\0${kind}\0${content.length}\0`).update(content);
  };
  // Not the whole file: a change to one target's stages is none to the other's image.
  add("Dockerfile", "file", Buffer.from(dockerfile));
  for (const file of files) {
    const where = path.join(folder, file);
    const stats = lstatSync(where);
    if (stats.isSymbolicLink()) add(file, "link", Buffer.from(readlinkSync(where)));
    else add(file, (stats.mode & 0o100) === 0 ? "file" : "program", readFileSync(where));
  }
  return `${imageName(target)}:${hash.digest("hex").slice(0, TAG_DIGITS)}`;
}

/**
 * Builds an image where the engine does not have it, and the base image before it where that is missing.
 * @returns its reference
 * @throws SetupError with the output of the step that failed
 */
export async function buildImage(options: {
  engine: EngineAddress;
  target: ImageTarget;
  onProgress?: (text: string) => void;
  signal?: AbortSignal;
  /** Builds even if the engine has it, and from the packages of today. */
  force?: boolean;
}): Promise<string> {
  const { engine, target, onProgress = SILENT.update, signal, force = false } = options;
  const progress: Progress = { update: onProgress, note: onProgress };
  const images = new ImageApi(engine);
  if (!force && (await images.has(imageTag(target)))) return imageTag(target);
  const base = await ensureBaseImage(images, { progress, signal });
  return await ensureImage(images, base, { target, progress, signal, force });
}

/** Builds an image on a base that is there. @returns its reference */
export async function ensureImage(
  images: ImageApi,
  base: string,
  options: {
    target: ImageTarget;
    progress: Progress;
    signal?: AbortSignal | undefined;
    force?: boolean;
    folder?: string;
  },
): Promise<string> {
  const { target, progress, signal, force = false, folder = sandboxFolder() } = options;
  const tag = imageTag(target, folder);
  if (!force && (await images.has(tag))) {
    progress.note(`${tag}, unchanged`);
    return tag;
  }
  await images.build({
    tag,
    target,
    folder,
    files: ["Dockerfile", ...imageInputs(target, folder).files],
    buildArguments: { ...proxyArguments(), BASE_IMAGE: base },
    useCache: !force,
    onText: progress.update,
    signal,
  });
  progress.note(`built ${tag}`);
  return tag;
}

/** The way to the network of this process, for the steps of a build. */
export function proxyArguments(): Record<string, string> {
  const named = PROXY_VARIABLES.flatMap((name) => {
    const value = process.env[name] ?? "";
    return value === "" ? [] : [[name, value] as const];
  });
  return Object.fromEntries(named);
}

/**
 * What a target is built from: its part of the Dockerfile, and every file which that copies, relative to the folder and
 * sorted. What it does not copy is no input.
 */
export function imageInputs(target: ImageTarget, folder: string): { dockerfile: string; files: string[] } {
  const dockerfile = stagesFor(target, readFileSync(path.join(folder, "Dockerfile"), "utf8"));
  const found = new Set<string>();
  const ignored = ignoredPaths(folder);
  const add = (file: string): void => {
    if (ignored.includes(file)) return;
    const where = path.join(folder, file);
    if (!existsSync(where))
      throw new SetupError(`${path.join(folder, "Dockerfile")} copies ${file}, which is not there.`);
    if (!lstatSync(where).isDirectory()) found.add(file);
    else for (const name of readdirSync(where)) add(path.join(file, name));
  };
  for (const source of copiedPaths(dockerfile)) add(path.normalize(source).replace(/\/$/, ""));
  return { dockerfile, files: [...found].filter((file) => file !== "Dockerfile").sort() };
}

/**
 * The part of a Dockerfile that matters to one target: what comes before the first stage, the target's stage, and those it
 * stands on or copies from.
 * @throws SetupError when there is no such stage
 */
export function stagesFor(target: string, dockerfile: string): string {
  // A line in front, so that the first part is never a stage.
  const [preamble = "", ...stages] = `\n${dockerfile}`.split(/^(?=FROM\s)/im);
  const named = new Map(
    stages.map((text) => {
      const [, base = "", name = ""] = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(text) ?? [];
      const sources = [...text.matchAll(/\s--from=(\S+)/g)].map(([, source = ""]) => source);
      return [name, { text, needs: [base, ...sources] }];
    }),
  );
  if (!named.has(target)) throw new SetupError(`The Dockerfile has no stage that is named ${target}.`);
  const needed = new Set([target]);
  // A set goes on over what is added meanwhile.
  for (const name of needed) for (const other of named.get(name)?.needs ?? []) if (named.has(other)) needed.add(other);
  return preamble + [...named].map(([name, { text }]) => (needed.has(name) ? text : "")).join("");
}

/** The sources of COPY and ADD; those of other stages and of the network are no files of ours. */
export function copiedPaths(dockerfile: string): string[] {
  const sources: string[] = [];
  for (const line of dockerfile.replace(/\\\n(\s*#.*\n)*/g, " ").split("\n")) {
    const copied = /^\s*(?:COPY|ADD)\s+(.*)$/i.exec(line)?.[1];
    if (copied === undefined) continue;
    const words = copied.startsWith("[") ? (JSON.parse(copied) as string[]) : copied.trim().split(/\s+/);
    const paths = words.filter((word) => !word.startsWith("--")).slice(0, -1);
    if (words.some((word) => word.startsWith("--from="))) continue;
    const wild = paths.find((word) => /[*?$[]/.test(word));
    if (wild !== undefined) throw new SetupError(`The Dockerfile copies "${wild}": name files and folders in full.`);
    sources.push(...paths.filter((word) => !/^https?:/.test(word)));
  }
  return sources;
}

/** The paths of .dockerignore; patterns are not understood, and refused. */
function ignoredPaths(folder: string): string[] {
  const file = path.join(folder, ".dockerignore");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  const paths = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  const wild = paths.find((line) => /[*?![]/.test(line));
  if (wild !== undefined) throw new SetupError(`${file} holds "${wild}": name files and folders in full.`);
  return paths.map((line) => path.normalize(line).replace(/^\/|\/$/g, ""));
}

function sandboxFolder(): string {
  return path.join(packageRoot(), "sandbox");
}
