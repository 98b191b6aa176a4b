import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import path from "node:path";
import type { EngineAddress } from "../container/engine-address.js";
import { packageRoot } from "../package-root.js";
import { baseRecipe, ensureBaseImage } from "./base-image.js";
import { ImageApi } from "./docker-api.js";
import { SetupError } from "./setup-error.js";
import { SILENT, type Progress } from "./step.js";

const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/**
 * The reference of the sandbox image that belongs to this checkout: its tag is a hash of everything the image is built
 * from, so that a change asks for a new image and nothing else does. Reads files only; needs no engine.
 * @throws SetupError when a file that the Dockerfile copies is not there
 */
export function sandboxImageTag(folder = sandboxFolder(), baseImage?: string): string {
  const hash = createHash("sha256").update(`${baseRecipe(baseImage)}\0`);
  for (const file of sandboxInputs(folder)) {
    const where = path.join(folder, file);
    const stats = lstatSync(where);
    const content = stats.isSymbolicLink() ? Buffer.from(readlinkSync(where)) : readFileSync(where);
    const kind = stats.isSymbolicLink() ? "link" : (stats.mode & 0o100) === 0 ? "file" : "program";
    hash.update(`${file}\0${kind}\0${content.length}\0`).update(content);
  }
  return `matchbox-sandbox:${hash.digest("hex").slice(0, 12)}`;
}

/**
 * Builds the sandbox image where the engine does not have it, and the base image before it where that is missing.
 * @returns its reference
 * @throws SetupError with the output of the step that failed
 */
export async function buildSandboxImage(options: {
  engine: EngineAddress;
  onProgress?: (text: string) => void;
  signal?: AbortSignal;
  /** Builds even if the engine has it. */
  force?: boolean;
  folder?: string;
}): Promise<string> {
  const { engine, onProgress = SILENT.update, signal, force = false, folder } = options;
  const progress: Progress = { update: onProgress, note: onProgress };
  const images = new ImageApi(engine);
  if (!force && (await images.has(sandboxImageTag(folder)))) return sandboxImageTag(folder);
  const base = await ensureBaseImage(images, { progress, signal });
  return await ensureSandboxImage(images, base, {
    progress,
    signal,
    force,
    ...(folder === undefined ? {} : { folder }),
  });
}

/** Builds the sandbox image on a base that is there. @returns its reference */
export async function ensureSandboxImage(
  images: ImageApi,
  base: string,
  options: { progress: Progress; signal?: AbortSignal | undefined; force?: boolean; folder?: string },
): Promise<string> {
  const { progress, signal, force = false, folder = sandboxFolder() } = options;
  const tag = sandboxImageTag(folder);
  if (!force && (await images.has(tag))) {
    progress.note(`${tag}, unchanged`);
    return tag;
  }
  const proxies = Object.fromEntries(
    PROXY_VARIABLES.map((name) => [name, process.env[name] ?? ""]).filter(([, value]) => value !== ""),
  ) as Record<string, string>;
  await images.build({
    tag,
    folder,
    files: sandboxInputs(folder),
    buildArguments: { ...proxies, BASE_IMAGE: base },
    onText: progress.update,
    signal,
  });
  progress.note(`built ${tag}`);
  return tag;
}

/** The Dockerfile and every file it copies, relative to the folder and sorted. What it does not copy is no input. */
export function sandboxInputs(folder: string): string[] {
  const dockerfile = readFileSync(path.join(folder, "Dockerfile"), "utf8");
  const found = new Set(["Dockerfile"]);
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
  return [...found].sort();
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
