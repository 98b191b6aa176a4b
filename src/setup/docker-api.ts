import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import type Docker from "dockerode";
import { connectToEngine } from "../container/docker-client.js";
import { engineStatus } from "../container/docker-errors.js";
import type { EngineAddress } from "../container/engine-address.js";
import { lastLines } from "./process.js";
import { SetupError } from "./setup-error.js";

export interface ImageCall {
  /** Hears what the engine says it is doing. */
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface ImageBuild extends ImageCall {
  readonly tag: string;
  /** The stage of the Dockerfile to build. */
  readonly target: string;
  /** The folder that holds the Dockerfile. */
  readonly folder: string;
  /** The files to send, relative to the folder, the Dockerfile among them. */
  readonly files: readonly string[];
  readonly buildArguments: Readonly<Record<string, string>>;
  /** Whether steps whose input is the same are not run again. */
  readonly useCache: boolean;
}

/** An image of the engine; without a name it is left over from a build. */
export interface SeenImage {
  readonly id: string;
  readonly names: readonly string[];
  /** What the last step of its build did, as the builder notes it down. */
  readonly lastStep: string;
  /** Whether a container, in whatever state, is made from it. */
  readonly isUsed: boolean;
}

/** One message of the engine's progress streams. */
interface ProgressEvent {
  readonly stream?: string;
  readonly status?: string;
  readonly progress?: string;
  readonly error?: string;
}

/** What the set-up and the doctor ask of the engine: images, and its word about itself. */
export class ImageApi {
  readonly #docker: Docker;

  constructor(address: EngineAddress) {
    this.#docker = connectToEngine(address);
  }

  /** What the engine says of itself, as it says it. */
  async info({ signal }: { signal: AbortSignal }): Promise<unknown> {
    // The types do not know that the call takes options.
    const docker: { info(options: { abortSignal: AbortSignal }): Promise<unknown> } = this.#docker;
    return await docker.info({ abortSignal: signal });
  }

  async has(reference: string, { signal }: { signal?: AbortSignal } = {}): Promise<boolean> {
    // As with `info`, the types do not know of the signal.
    const options: object = signal === undefined ? {} : { abortSignal: signal };
    try {
      await this.#docker.getImage(reference).inspect(options);
      return true;
    } catch (error) {
      if (engineStatus(error) === 404) return false;
      throw error;
    }
  }

  /** @throws SetupError in the engine's words, or the reason of `signal`. */
  async pull(reference: string, call: ImageCall): Promise<void> {
    const stream = await this.#docker.pull(reference, { abortSignal: call.signal });
    await follow(stream, call);
  }

  /** Makes an image of one layer from a tar archive. */
  async import(archive: Readable, reference: string, call: ImageCall): Promise<void> {
    const colon = reference.lastIndexOf(":");
    const stream = await this.#docker.importImage(archive, {
      repo: reference.slice(0, colon),
      tag: reference.slice(colon + 1),
      abortSignal: call.signal,
    });
    await follow(stream, call);
  }

  /**
   * Builds with the engine's own builder, which every engine since 20.10 has and which needs no client.
   *
   * The steps use the host's network: what they fetch goes the host's way, its proxies on the loopback included, and an
   * engine without a bridge can build too.
   * @throws SetupError with the last output of the step that failed
   */
  async build(build: ImageBuild): Promise<void> {
    const stream = await this.#docker.buildImage(
      { context: build.folder, src: [...build.files] },
      {
        t: build.tag,
        target: build.target,
        nocache: !build.useCache,
        buildargs: { ...build.buildArguments },
        networkmode: "host",
        rm: true,
        forcerm: true,
        version: "1",
        ...(build.signal === undefined ? {} : { abortSignal: build.signal }),
      },
    );
    await follow(stream, build);
  }

  async tag(reference: string, as: string): Promise<void> {
    const colon = as.lastIndexOf(":");
    await this.#docker.getImage(reference).tag({ repo: as.slice(0, colon), tag: as.slice(colon + 1) });
  }

  /** Images with a label: those that were built to the end, and the stages that are kept as a cache. */
  async list(label: string): Promise<SeenImage[]> {
    const [images, containers] = await Promise.all([
      this.#docker.listImages({ filters: { label: [label] } }),
      this.#docker.listContainers({ all: true }),
    ]);
    const used = new Set(containers.map(({ ImageID }) => ImageID));
    return await Promise.all(
      images.map(async ({ Id: id, RepoTags }) => {
        const history = (await this.#docker.getImage(id).history()) as { readonly CreatedBy?: string }[];
        return {
          id,
          // Both ways in which engines say "none".
          names: (RepoTags ?? []).filter((name) => name !== "<none>:<none>"),
          lastStep: history[0]?.CreatedBy ?? "",
          isUsed: used.has(id),
        };
      }),
    );
  }

  /** Removes volumes with a label that no container has, in whatever state. @returns their names */
  async removeUnusedVolumes(label: string): Promise<string[]> {
    const options: Docker.VolumeListOptions = { filters: { label: [label], dangling: ["true"] } };
    const { Volumes: found } = (await this.#docker.listVolumes(options)) as {
      // Null where there is none, whatever the types say.
      readonly Volumes: readonly { readonly Name: string }[] | null;
    };
    const gone: string[] = [];
    for (const { Name: name } of found ?? []) {
      try {
        await this.#docker.getVolume(name).remove();
        gone.push(name);
      } catch (error) {
        const status = engineStatus(error);
        // Somebody else was faster, or makes a container with it this very moment.
        if (status !== 404 && status !== 409) throw error;
      }
    }
    return gone;
  }

  /**
   * Takes a name away, or an image by its id; an image goes with its last name, and with it what only it stood on.
   * @returns whether the engine did; it does not while something needs the image
   */
  async remove(reference: string): Promise<boolean> {
    try {
      await this.#docker.getImage(reference).remove();
      return true;
    } catch (error) {
      const status = engineStatus(error);
      if (status === 404) return true; // somebody else was faster
      if (status === 409) return false;
      throw error;
    }
  }
}

/** Reads a progress stream to its end; a failure is told by a message in it, never by the status of the response. */
async function follow(stream: NodeJS.ReadableStream, { onText, signal }: ImageCall): Promise<void> {
  let stepOutput = "";
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    if (line === "") continue;
    const event = JSON.parse(line) as ProgressEvent;
    if (event.error !== undefined) throw new SetupError(`${lastLines(stepOutput, 20)}\n${event.error}`.trimStart());
    const text = stripVTControlCharacters(event.stream ?? [event.status, event.progress].filter(Boolean).join(" "));
    stepOutput = /^Step \d+\/\d+ /.test(text) ? text : stepOutput + text;
    if (text.trim() !== "") onText?.(text);
  }
  signal?.throwIfAborted();
}
