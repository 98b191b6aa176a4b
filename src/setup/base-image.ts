import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { messageOf } from "../errors.js";
import type { ImageApi } from "./docker-api.js";
import { ensurePrograms } from "./packages.js";
import { lastLines, runProgram } from "./process.js";
import { SetupError } from "./setup-error.js";
import type { Progress } from "./step.js";

const SUITE = "trixie";
const REGISTRY_IMAGE = `debian:${SUITE}-slim`;
/** A registry that cannot be reached costs this much once; a download that goes on is given as long again each time. */
const PULL_SILENCE_MS = 10_000;

/** What debian:trixie-slim leaves out as well; nobody reads manuals in a sandbox. */
const RECIPE = [
  "--variant=minbase",
  "--dpkgopt=path-exclude=/usr/share/man/*",
  "--dpkgopt=path-exclude=/usr/share/locale/*",
  "--dpkgopt=path-exclude=/usr/share/doc/*",
  "--dpkgopt=path-include=/usr/share/doc/*/copyright",
];

/**
 * What the sandbox image stands on, for the hash in its tag: the same whether it was pulled or made here, because the two
 * are equivalent.
 */
export function baseRecipe(baseImage = process.env["BASE_IMAGE"] ?? ""): string {
  return baseImage === "" ? [REGISTRY_IMAGE, ...RECIPE].join(" ") : baseImage;
}

/**
 * Finds the image that the sandbox image is built on: BASE_IMAGE where it is given; else Debian's slim image, from the
 * engine or its registry; else an equivalent made from Debian's packages with mmdebstrap, which takes about 15 s once.
 * @returns its reference
 * @throws SetupError
 */
export async function ensureBaseImage(
  images: ImageApi,
  options: { progress: Progress; signal?: AbortSignal | undefined; baseImage?: string },
): Promise<string> {
  const { progress, signal, baseImage = process.env["BASE_IMAGE"] ?? "" } = options;
  if (baseImage !== "") {
    progress.note(baseImage);
    if (!(await images.has(baseImage))) await images.pull(baseImage, { onText: progress.update, signal });
    return baseImage;
  }
  const ownImage = `matchbox-base:${SUITE}-${createHash("sha256").update(baseRecipe("")).digest("hex").slice(0, 12)}`;
  for (const reference of [REGISTRY_IMAGE, ownImage]) {
    if (await images.has(reference)) {
      progress.note(`${reference}, unchanged`);
      return reference;
    }
  }
  const refusal = await tryPull(images, progress, signal);
  if (refusal === undefined) {
    progress.note(`pulled ${REGISTRY_IMAGE}`);
    return REGISTRY_IMAGE;
  }
  await bootstrap(images, ownImage, progress, signal).catch((error: unknown) => {
    signal?.throwIfAborted();
    if (!(error instanceof SetupError)) throw error;
    throw new SetupError(
      `${REGISTRY_IMAGE} could not be pulled (${refusal}), and an equal image could not be made here:\n${error.message}\n` +
        "With BASE_IMAGE=… any Debian image that the engine has or can pull will do.",
    );
  });
  progress.note(`made ${ownImage} from packages, because the registry is out of reach`);
  return ownImage;
}

/** @returns why the registry could not be used, or undefined when the image is here. */
async function tryPull(
  images: ImageApi,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const silence = new AbortController();
  const timer = setTimeout(() => {
    silence.abort(new Error(`no answer within ${PULL_SILENCE_MS / 1000} s`));
  }, PULL_SILENCE_MS);
  try {
    const onText = (text: string): void => {
      timer.refresh();
      progress.update(text);
    };
    const signals = signal === undefined ? [silence.signal] : [silence.signal, signal];
    await images.pull(REGISTRY_IMAGE, { onText, signal: AbortSignal.any(signals) });
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (silence.signal.aborted) return "the registry does not answer";
    return lastLines(messageOf(error), 1);
  } finally {
    clearTimeout(timer);
  }
}

async function bootstrap(
  images: ImageApi,
  reference: string,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const purpose = "Making the base image without a registry";
  await ensurePrograms(["mmdebstrap"], ["mmdebstrap", "debian-archive-keyring"], { purpose, progress, signal });
  const sources = await debianSources(signal);
  const settings = await runProgram("apt-config", ["dump"], { signal });
  const options = [...RECIPE, ...aptOptions(settings.output).map((line) => `--aptopt=${line}`)];
  const child = spawn("mmdebstrap", [...options, "--format=tar", SUITE, "-", ...sources], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C" },
    signal,
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
    progress.update(text);
  });
  const ended = once(child, "close");
  // Imported under a name of its own first: an archive that breaks off half-way still makes an image.
  const draft = `${reference}-draft`;
  try {
    await images.import(child.stdout, draft, { signal });
    await ended;
    if (child.exitCode !== 0) throw new SetupError(`mmdebstrap failed:\n${lastLines(log, 15)}`);
    await images.tag(draft, reference);
  } finally {
    child.kill();
    await images.remove(draft).catch(() => undefined);
  }
}

/** The machine's own Debian mirrors, for our suite; none on a system that is not Debian, where mmdebstrap knows one. */
async function debianSources(signal: AbortSignal | undefined): Promise<string[]> {
  const list = (): ReturnType<typeof runProgram> =>
    runProgram("apt-get", ["indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)"], { signal });
  let targets = await list();
  if (targets.output.trim() === "") {
    await runProgram("apt-get", ["-q", "update"], { signal });
    targets = await list();
  }
  return sourcesFor(targets.output);
}

/** Turns lines of "origin label address", as apt lists what it knows, into sources of our suite. */
export function sourcesFor(targets: string): string[] {
  const addresses = (label: string): string[] => [
    ...new Set([...targets.matchAll(/^Debian (\S+) (\S+)$/gm)].flatMap((m) => (m[1] === label && m[2] ? [m[2]] : []))),
  ];
  const [main] = addresses("Debian");
  const [security] = addresses("Debian-Security");
  return [
    ...(main === undefined ? [] : [`deb ${main} ${SUITE} main`, `deb ${main} ${SUITE}-updates main`]),
    ...(main === undefined || security === undefined ? [] : [`deb ${security} ${SUITE}-security main`]),
  ];
}

/** What of apt's settings decides whether the mirrors can be used: proxies, and how old their lists may be. */
export function aptOptions(settings: string): string[] {
  return settings
    .split("\n")
    .filter((line) => /^Acquire::(https?::Proxy(::\S+)?|Check-Valid-Until|Check-Date) "[^"]+";$/i.test(line));
}
