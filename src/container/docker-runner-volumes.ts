import { randomBytes } from "node:crypto";
import type Docker from "dockerode";
import { RUNNER_LABEL } from "../image-targets.js";
import { RUNNER_FOLDER } from "./docker-create-options.js";
import { engineStatus } from "./docker-errors.js";
import { containerName, DAEMON_LABEL, INSTANCE_LABEL, newSandboxId, SANDBOX_LABEL } from "./labels.js";
import type { SandboxId } from "./runtime.js";

export interface RunnerVolumesOptions {
  readonly instance: string;
  readonly daemon: string;
  readonly callDeadlineMs: number;
  /** Takes the container that a volume is filled by among those of the runtime, before it is made. */
  readonly adopt: (id: SandboxId) => void;
  /** Removes it again. */
  readonly remove: (id: SandboxId) => Promise<void>;
}

/**
 * Volumes that hold the runner and its hooks, for images without them: the engine copies a folder of an image into an
 * empty volume when a container is created on it, so nothing has to run, and nothing of the daemon's own files is needed.
 *
 * A volume is this process's own, filled once and under a name that was never used before, so nobody ever sees one that is
 * half full or out of date. The owner disposes of them when its last container is gone.
 */
export class RunnerVolumes implements AsyncDisposable {
  readonly #docker: Docker;
  readonly #options: RunnerVolumesOptions;
  /** By image. */
  readonly #filled = new Map<string, string>();
  readonly #filling = new Map<string, Promise<string>>();
  /** Those in use, or about to be. */
  readonly #names = new Set<string>();

  constructor(docker: Docker, options: RunnerVolumesOptions) {
    this.#docker = docker;
    this.#options = options;
  }

  /** The volume of an image, once `ensure` has succeeded for that. */
  nameFor(image: string): string | undefined {
    return this.#filled.get(image);
  }

  /**
   * Makes the volume of an image where it is not there, or not the one that was made.
   * @returns its name
   * @throws what dockerode throws
   */
  async ensure(image: string): Promise<string> {
    const filling =
      this.#filling.get(image) ??
      this.#ensure(image).finally(() => {
        this.#filling.delete(image);
      });
    this.#filling.set(image, filling);
    return await filling;
  }

  async #ensure(image: string): Promise<string> {
    const known = this.#filled.get(image);
    if (known !== undefined) {
      if (await this.#isWhole(known)) return known;
      this.#filled.delete(image);
      this.#names.delete(known);
    }
    const name = `matchbox-runner-${randomBytes(16).toString("hex")}`;
    this.#names.add(name);
    try {
      await this.#fill(name, image);
      this.#filled.set(image, name);
      return name;
    } catch (error) {
      // The next sweep takes it away.
      this.#names.delete(name);
      throw error;
    }
  }

  /** One that somebody removed is made again by the engine for the next container: empty, and without this label. */
  async #isWhole(name: string): Promise<boolean> {
    try {
      const { Labels: labels } = (await this.#docker.getVolume(name).inspect(this.#inTime())) as {
        // Null where there is none, whatever the types say.
        readonly Labels: Readonly<Record<string, string>> | null;
      };
      return labels !== null && Object.hasOwn(labels, RUNNER_LABEL);
    } catch (error) {
      if (engineStatus(error) === 404) return false;
      throw error;
    }
  }

  async #fill(name: string, image: string): Promise<void> {
    const { instance, daemon, adopt, remove } = this.#options;
    const own = { [INSTANCE_LABEL]: instance, [DAEMON_LABEL]: daemon };
    const id = newSandboxId();
    adopt(id);
    try {
      await this.#docker.createVolume({ Name: name, Labels: { ...own, [RUNNER_LABEL]: image }, ...this.#inTime() });
      // Never started.
      await this.#docker.createContainer({
        name: containerName(id),
        Image: image,
        NetworkDisabled: true,
        Labels: { ...own, [SANDBOX_LABEL]: id },
        HostConfig: { NetworkMode: "none", Mounts: [{ Type: "volume", Source: name, Target: RUNNER_FOLDER }] },
        ...this.#inTime(),
      });
    } finally {
      void remove(id);
    }
  }

  /** Removes volumes of this instance that are not this process's, or not any more. */
  async sweep(): Promise<void> {
    const label = `${INSTANCE_LABEL}=${this.#options.instance}`;
    await removeVolumes(this.#docker, { label, except: this.#names, signal: this.#inTime().abortSignal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#names.size === 0) return;
    this.#names.clear();
    this.#filled.clear();
    await this.sweep();
  }

  #inTime(): { abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(this.#options.callDeadlineMs) };
  }
}

/** Removes volumes with a label, but for those that a container uses, and for some by name. */
export async function removeVolumes(
  docker: Docker,
  { label, except, signal }: { label: string; except?: ReadonlySet<string>; signal: AbortSignal },
): Promise<void> {
  const options: Docker.VolumeListOptions = { filters: { label: [label] }, abortSignal: signal };
  const { Volumes: found } = (await docker.listVolumes(options)) as {
    // Null where there is none, whatever the types say.
    readonly Volumes: readonly { readonly Name: string }[] | null;
  };
  for (const { Name: name } of found ?? []) {
    if (except?.has(name) === true) continue;
    try {
      await docker.getVolume(name).remove({ abortSignal: signal });
    } catch (error) {
      // Somebody else was faster; or a container still has it, and a later look will find it.
      if (engineStatus(error) !== 404 && engineStatus(error) !== 409) throw error;
    }
  }
}
