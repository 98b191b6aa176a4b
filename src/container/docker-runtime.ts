import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { existsSync } from "node:fs";
import type Docker from "dockerode";
import { z } from "zod";
import { Backoff } from "../backoff.js";
import type { Clock } from "../clock.js";
import type { EgressConfig } from "../config/schema.js";
import { withDeadline } from "../deadline.js";
import { abortReason, DaemonError } from "../errors.js";
import type { Log } from "../log.js";
import { Semaphore } from "../semaphore.js";
import { attach } from "./attach.js";
import { connectToEngine } from "./docker-client.js";
import { createOptions, type ImageTraits, IPV6_SWITCH, type Surroundings } from "./docker-create-options.js";
import { DirectPipesChoice } from "./direct-pipes.js";
import { DockerEgress } from "./docker-egress.js";
import { engineError, engineStatus } from "./docker-errors.js";
import { imageTraits } from "./docker-image-traits.js";
import { removeVolumes, RunnerVolumes } from "./docker-runner-volumes.js";
import { DockerSandbox } from "./docker-sandbox.js";
import { describeAddress, type EngineAddress } from "./engine-address.js";
import { EngineAgent } from "./engine-agent.js";
import { EngineRefusedError } from "./errors.js";
import { containerName, INSTANCE_LABEL, newSandboxId, SANDBOX_LABEL } from "./labels.js";
import { OciRuntimeChoice } from "./oci-runtime.js";
import type {
  EngineCallOutcome,
  EngineInfo,
  RunningSandbox,
  SandboxId,
  SandboxRuntime,
  SandboxSpec,
} from "./runtime.js";
import { Watchdog } from "./watchdog.js";

/** Connections for short calls; attaches have their own. */
const MAX_CALL_SOCKETS = 16;
/** Between looks at a container that the engine says it is removing already. */
const REMOVAL_POLL_MS = 20;
/** A removal that has not been confirmed for so long is looked for in the engine's list, as often, in ms. */
const REMOVAL_OVERDUE_MS = 2_000;
/** Ends a removal that is over, whatever the engine answered to it. */
const NOT_LISTED = new Error("the engine's list does not have it any more");
/** A dead container that no living daemon can still want, in seconds: far more than any removal takes. */
const ABANDONED_AFTER_S = 120;

/** Calls to the engine as metrics name them, and as errors tell of them: "the engine cannot ...". */
const CALLS = {
  info: "tell about itself",
  image: "look for an image",
  network: "make the network",
  volume: "make the volume with the runner",
  admit: "join the network",
  create: "create a container",
  attach: "attach to a container",
  start: "start a container",
  list: "list containers",
  inspect: "look at a container",
  remove: "remove a container",
} as const;
type EngineCall = keyof typeof CALLS;

/** What we read of the engine's word about itself; older engines say less. */
const engineInfo = z.object({
  ServerVersion: z.string(),
  CgroupVersion: z.enum(["1", "2"]).or(z.literal("unknown")).catch("unknown"),
  Runtimes: z.record(z.string(), z.unknown()).catch({}),
});

export interface DockerRuntimeOptions {
  readonly address: EngineAddress;
  readonly instance: string;
  readonly callDeadlineMs: number;
  readonly maxConcurrentRemovals: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** Whether to reach for the pipes of runners, past the engine. */
  readonly directPipes: boolean;
  readonly egress: EgressConfig;
  /** Hears of every call to the engine when it is over. */
  readonly onCall?: (call: string, ms: number, outcome: EngineCallOutcome) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A container that the engine was asked to remove and has not said to be gone. */
interface Removal {
  /** When the engine was first asked, in ms; undefined before that. */
  askedAt: number | undefined;
  /** Ends it. */
  readonly over: AbortController;
  /** What the engine said, or did not, when it was asked last. */
  fault: DaemonError | undefined;
}

/**
 * Sandboxes as containers of a Docker engine. Only this folder's files named docker-* know dockerode (set-up, which builds
 * images, aside).
 */
export class DockerRuntime implements SandboxRuntime {
  readonly #options: DockerRuntimeOptions;
  readonly #hasIPv6: boolean;
  readonly #docker: Docker;
  readonly #agent = new EngineAgent({ keepAlive: true, maxSockets: MAX_CALL_SOCKETS });
  readonly #removals: Semaphore;
  readonly #egress: DockerEgress;
  readonly #ociRuntime = new OciRuntimeChoice();
  readonly #runnerVolumes: RunnerVolumes;
  /** By the name of the OCI runtime: under gVisor a container's processes are none of the host's. */
  readonly #directPipes = new Map<string | undefined, DirectPipesChoice>();
  /** By reference, as far as they were looked at. */
  readonly #images = new Map<string, ImageTraits>();
  readonly #closing = new AbortController();
  /** Tells this process's containers from those of one that ran before it under the same instance. */
  readonly #daemon = randomBytes(16).toString("hex");
  readonly #watchdog: Watchdog;
  /** Every sandbox from before its creation until the engine says that it is gone. */
  readonly #ledger = new Set<SandboxId>();
  readonly #pendingRemovals = new Set<Promise<void>>();
  readonly #removing = new Map<SandboxId, Removal>();
  /** Whether overdue removals are being looked for in the engine's list. */
  #isLookingForRemovals = false;
  /** Sandboxes known since a list was asked for, for each list under way: what came and went meanwhile may be in it. */
  readonly #knownSince = new Set<Set<SandboxId>>();
  /** Whether the engine may have made a container that the ledger does not have. */
  #mayHaveStrays = false;

  constructor(options: DockerRuntimeOptions) {
    this.#options = options;
    // Every removal listens to it.
    setMaxListeners(0, this.#closing.signal);
    const { address } = options;
    this.#docker = connectToEngine(address, this.#agent);
    // Of an engine elsewhere nobody knows, and a switch that is not there keeps a container from starting.
    this.#hasIPv6 = address.kind === "socket" && existsSync(`/proc/sys/${IPV6_SWITCH.replaceAll(".", "/")}`);
    this.#removals = new Semaphore(options.maxConcurrentRemovals);
    this.#runnerVolumes = new RunnerVolumes(this.#docker, {
      ...options,
      daemon: this.#daemon,
      adopt: (id) => {
        this.#adopt(id);
      },
      remove: (id) => this.#remove(id),
    });
    this.#watchdog = Watchdog.start(address, this.#daemon);
    this.#egress = new DockerEgress(this.#docker, { ...options, config: options.egress });
  }

  async ping({ signal }: { signal: AbortSignal }): Promise<EngineInfo> {
    const answer: unknown = await this.#call("info", signal, () => this.#docker.info());
    const info = engineInfo.parse(answer);
    return {
      name: "docker",
      version: info.ServerVersion,
      cgroupVersion: info.CgroupVersion,
      ociRuntimes: Object.keys(info.Runtimes),
    };
  }

  async prepare(spec: SandboxSpec, { signal }: { signal: AbortSignal }): Promise<void> {
    await this.#look(spec, signal);
    if (spec.network === "egress") await this.#call("network", signal, () => this.#egress.ensure());
    if (spec.ociRuntime === "auto") this.#ociRuntime.look((await this.ping({ signal })).ociRuntimes);
  }

  async #look(spec: SandboxSpec, signal: AbortSignal): Promise<Surroundings> {
    const { image, runnerImage } = spec;
    const answer: unknown = await this.#call("image", signal, () => this.#docker.getImage(image).inspect(), image);
    const traits = imageTraits(image, answer);
    this.#images.set(image, traits);
    if (runnerImage === undefined) return { ...traits, hasIPv6: this.#hasIPv6, runnerVolume: undefined };
    const runnerVolume = await this.#call("volume", signal, () => this.#runnerVolumes.ensure(runnerImage), runnerImage);
    return { ...traits, hasIPv6: this.#hasIPv6, runnerVolume };
  }

  /** What the last look has found; undefined where there was none, or not to its end. */
  #seen({ image, runnerImage }: SandboxSpec): Surroundings | undefined {
    const traits = this.#images.get(image);
    const runnerVolume = runnerImage === undefined ? undefined : this.#runnerVolumes.nameFor(runnerImage);
    if (traits === undefined || (runnerImage === undefined) !== (runnerVolume === undefined)) return undefined;
    return { ...traits, hasIPv6: this.#hasIPv6, runnerVolume };
  }

  watch(spec: SandboxSpec, { signal, onUndone }: Parameters<SandboxRuntime["watch"]>[1]): void {
    if (spec.network === "egress") this.#egress.onUndone(onUndone, { signal });
  }

  /**
   * Aborting takes effect between the steps: a call that was given up half-way would go on in the engine, and make a
   * container that nobody knows of.
   */
  async launch(spec: SandboxSpec, { signal }: { signal: AbortSignal }): Promise<RunningSandbox> {
    signal.throwIfAborted();
    if (spec.network === "egress") await this.#call("admit", signal, () => this.#egress.admit());
    const chosen = this.#ociRuntime.choose(spec.ociRuntime);
    try {
      const sandbox = await this.#launch({ ...spec, ociRuntime: chosen }, signal);
      this.#ociRuntime.started(chosen);
      return sandbox;
    } catch (error) {
      if (!(error instanceof EngineRefusedError) || !this.#ociRuntime.refused(spec.ociRuntime, chosen)) throw error;
      this.#options.log.warn(
        { lane: spec.lane, err: error },
        `${chosen} does not work here; the engine's default instead`,
      );
      return await this.launch(spec, { signal });
    }
  }

  async #launch(spec: SandboxSpec, signal: AbortSignal): Promise<RunningSandbox> {
    const id = newSandboxId();
    this.#adopt(id);
    const began = this.#options.clock.now();
    let about: Surroundings;
    let container: Docker.Container;
    try {
      about = this.#seen(spec) ?? (await this.#look(spec, signal));
      container = await this.#create(spec, id, about);
    } catch (error) {
      // A create whose answer was lost may have made a container all the same; outside of the ledger, `reap` finds it.
      this.#ledger.delete(id);
      this.#mayHaveStrays = true;
      throw error;
    }
    try {
      const createMs = this.#options.clock.now() - began;
      signal.throwIfAborted();
      if (spec.runnerImage !== undefined) await this.#requireSame(container, spec.image, about.imageId);
      const directPipes = this.#directPipesOf(spec.ociRuntime);
      return await this.#start(container, { id, createMs, directPipes }, signal);
    } catch (error) {
      void this.#remove(id);
      throw error;
    }
  }

  async #create(spec: SandboxSpec, id: SandboxId, about: Surroundings): Promise<Docker.Container> {
    const { instance } = this.#options;
    const network =
      spec.network === "none" ? undefined : { name: this.#egress.name, resolvers: this.#egress.resolvers };
    const { name, ...body } = createOptions(spec, { sandbox: id, instance, daemon: this.#daemon, network }, about);
    return this.#call(
      "create",
      undefined,
      (abortSignal) => this.#docker.createContainer({ ...apart({ name }, body), abortSignal }),
      spec.image,
    );
  }

  /**
   * The name of an operator's image may mean another one by now, with volumes that nobody has seen. The look before the next
   * attempt sees them.
   * @throws EngineRefusedError
   */
  async #requireSame(container: Docker.Container, image: string, imageId: string): Promise<void> {
    const found = await this.#call("inspect", undefined, (abortSignal) => container.inspect({ abortSignal }));
    if (found.Image !== imageId) throw new EngineRefusedError(`The image ${image} is another one than a moment ago.`);
  }

  /** Attaches before the start, so that no byte of the runner's is missed. */
  async #start(
    container: Docker.Container,
    about: { id: SandboxId; createMs: number; directPipes: DirectPipesChoice },
    signal: AbortSignal,
  ): Promise<RunningSandbox> {
    const { id, createMs, directPipes } = about;
    const { address, clock, log } = this.#options;
    const created = clock.now();
    const socket = await this.#call("attach", signal, (abort) => attach(address, container.id, abort));
    const attached = clock.now();
    try {
      signal.throwIfAborted();
      await this.#call("start", undefined, (abortSignal) => container.start({ abortSignal }));
      signal.throwIfAborted();
    } catch (error) {
      socket.destroy();
      throw error;
    }
    const timings = { createMs, attachMs: attached - created, startMs: clock.now() - attached };
    const remove = (): Promise<void> => this.#remove(id);
    const removalFault = (): DaemonError | undefined => this.#removing.get(id)?.fault;
    return new DockerSandbox({
      id,
      container,
      socket,
      timings,
      directPipes,
      remove,
      removalFault,
      clock,
      log,
    });
  }

  #directPipesOf(ociRuntime: string | undefined): DirectPipesChoice {
    const { directPipes: wanted, log } = this.#options;
    const choice = this.#directPipes.get(ociRuntime) ?? new DirectPipesChoice({ wanted, log });
    this.#directPipes.set(ociRuntime, choice);
    return choice;
  }

  async reap({ signal }: { signal: AbortSignal }): Promise<number> {
    const { instance } = this.#options;
    const { found, isOurs } = await this.#compare(signal);
    const now = Date.now() / 1000;
    const leftovers = found.filter((container) => {
      const id = container.Labels[SANDBOX_LABEL];
      // One of another name was made by somebody else from our options, and would be counted at each look.
      if (id === undefined || !container.Names.includes(`/${containerName(id as SandboxId)}`)) return false;
      if (container.Labels[INSTANCE_LABEL] === instance) return !isOurs(id);
      return container.State !== "running" && now - container.Created > ABANDONED_AFTER_S;
    });
    await Promise.all(leftovers.map((container) => this.#remove(container.Labels[SANDBOX_LABEL] as SandboxId)));
    await this.#sweepVolumes(signal);
    return leftovers.length;
  }

  /**
   * The engine's list beside the ledger. The list is of some moment between the question and the answer, so a sandbox is ours
   * if it was in the ledger at any moment of that time; and one that was in removal before the question and is not in the list
   * is gone, whatever the engine answers to its removal.
   */
  async #compare(signal: AbortSignal): Promise<{ found: Docker.ContainerInfo[]; isOurs: (id: string) => boolean }> {
    const known = new Set(this.#ledger);
    const asked = [...this.#removing].filter(([, { askedAt }]) => askedAt !== undefined);
    this.#knownSince.add(known);
    try {
      const found = await this.#list([INSTANCE_LABEL], signal);
      const listed = new Set(found.map(({ Labels: labels }) => labels[SANDBOX_LABEL]));
      for (const [id, { over }] of asked) if (!listed.has(id)) over.abort(NOT_LISTED);
      return { found, isOurs: (id) => known.has(id as SandboxId) };
    } finally {
      this.#knownSince.delete(known);
    }
  }

  #adopt(id: SandboxId): void {
    this.#ledger.add(id);
    for (const known of this.#knownSince) known.add(id);
  }

  async #sweepVolumes(signal: AbortSignal): Promise<void> {
    try {
      await this.#call("list", signal, () => this.#runnerVolumes.sweep());
    } catch (error) {
      // A guard in front of the engine may keep volumes from us, and lanes with images of ours need none.
      if (!(error instanceof EngineRefusedError)) throw error;
      this.#options.log.debug({ err: error }, "could not look for leftover volumes");
    }
  }

  async count({ signal }: { signal: AbortSignal }): Promise<number> {
    const found = await this.#list([`${INSTANCE_LABEL}=${this.#options.instance}`], signal);
    return found.filter((container) => SANDBOX_LABEL in container.Labels).length;
  }

  /** Waits for removals under way, gives up those that do not get through in time, and lets go of the engine. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, callDeadlineMs } = this.#options;
    const done = new AbortController();
    const deadline = clock.sleep(callDeadlineMs, { signal: done.signal }).catch(() => undefined);
    if (this.#mayHaveStrays) await Promise.race([this.reap({ signal: done.signal }).catch(() => undefined), deadline]);
    await Promise.race([Promise.all(this.#pendingRemovals), deadline]);
    // What goes wrong here is put right by the next daemon's sweep.
    await Promise.race([this.#runnerVolumes[Symbol.asyncDispose]().catch(() => undefined), deadline]);
    done.abort();
    // With something left behind it is the watchdog's turn, as it is when this process dies here.
    if (this.#ledger.size === 0 && !this.#mayHaveStrays) this.#watchdog[Symbol.dispose]();
    this.#closing.abort(new Error("the runtime is closing"));
    await this.#egress[Symbol.asyncDispose]();
    this.#agent.destroy();
  }

  async #list(labels: string[], signal: AbortSignal): Promise<Docker.ContainerInfo[]> {
    return this.#call("list", signal, (abortSignal) =>
      this.#docker.listContainers({ all: true, filters: { label: labels }, abortSignal }),
    );
  }

  /**
   * Kills and removes in one request, again and again until the engine says that the container is gone; gives up only when
   * the runtime closes. Few at a time: removals in parallel starve starts (moby #41738).
   */
  async #remove(id: SandboxId): Promise<void> {
    const removal = this.#removeUntilGone(id).finally(() => this.#pendingRemovals.delete(removal));
    this.#pendingRemovals.add(removal);
    return removal;
  }

  async #removeUntilGone(id: SandboxId): Promise<void> {
    const backoff = new Backoff({ minMs: this.#options.retryMinMs, maxMs: this.#options.retryMaxMs });
    const container = this.#docker.getContainer(containerName(id));
    const removal: Removal = { askedAt: undefined, over: new AbortController(), fault: undefined };
    const { signal } = removal.over;
    const onClosing = (): void => {
      removal.over.abort(abortReason(this.#closing.signal));
    };
    if (this.#closing.signal.aborted) onClosing();
    this.#closing.signal.addEventListener("abort", onClosing, { once: true });
    this.#removing.set(id, removal);
    try {
      for (;;) {
        const release = await this.#removals.acquire(signal);
        try {
          removal.askedAt ??= this.#options.clock.now();
          this.#lookForOverdue();
          if (await this.#tryRemove(container, signal)) break;
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof DaemonError) removal.fault = error;
          this.#options.log.warn({ sandbox: id, err: error }, "a container could not be removed yet");
        } finally {
          release();
        }
        await this.#options.clock.sleep(backoff.next(), { signal });
      }
      this.#ledger.delete(id);
    } catch (error) {
      if (!signal.aborted) throw error;
      if (signal.reason === NOT_LISTED) this.#ledger.delete(id);
      else this.#options.log.warn({ sandbox: id }, "the daemon stops before the engine removed this container");
    } finally {
      this.#closing.signal.removeEventListener("abort", onClosing);
      this.#removing.delete(id);
    }
  }

  /** While removals are overdue, asks the engine's list about them: it may remove and not say so. */
  #lookForOverdue(): void {
    if (this.#isLookingForRemovals) return;
    this.#isLookingForRemovals = true;
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    const isOverdue = ({ askedAt }: Removal): boolean =>
      askedAt !== undefined && clock.now() - askedAt >= REMOVAL_OVERDUE_MS;
    const look = async (): Promise<void> => {
      while (this.#removing.size > 0) {
        await clock.sleep(REMOVAL_OVERDUE_MS, { signal });
        if (![...this.#removing.values()].some(isOverdue)) continue;
        await this.#compare(signal).catch((error: unknown) => {
          signal.throwIfAborted();
          log.debug({ err: error }, "could not look for overdue removals; trying again later");
        });
      }
    };
    void look()
      .catch(() => undefined) // Only a closing runtime ends it so.
      .finally(() => (this.#isLookingForRemovals = false));
  }

  /** @returns whether the container is gone */
  async #tryRemove(container: Docker.Container, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#call("remove", signal, (abortSignal) => container.remove({ force: true, v: true, abortSignal }));
      return true;
    } catch (error) {
      const status = engineStatus(error instanceof Error ? error.cause : undefined);
      if (status === 404) return true;
      // The engine is removing it already, because its runner has exited.
      if (status !== 409) throw error;
    }
    const deadline = this.#options.clock.now() + this.#options.callDeadlineMs;
    while (this.#options.clock.now() < deadline) {
      try {
        await this.#call("inspect", signal, (abortSignal) => container.inspect({ abortSignal }));
      } catch (error) {
        if (engineStatus(error instanceof Error ? error.cause : undefined) === 404) return true;
        throw error;
      }
      await this.#options.clock.sleep(REMOVAL_POLL_MS, { signal });
    }
    return false;
  }

  /**
   * One call with the deadline that every call has, also where dockerode cannot abort it; whatever goes wrong becomes an
   * error of ours.
   */
  async #call<T>(
    name: EngineCall,
    signal: AbortSignal | undefined,
    call: (abortSignal: AbortSignal) => Promise<T>,
    image?: string,
  ): Promise<T> {
    const { clock, callDeadlineMs: ms, onCall } = this.#options;
    const began = clock.now();
    try {
      const answer = await withDeadline({ clock, ms, ...(signal === undefined ? {} : { signal }) }, call);
      onCall?.(name, clock.now() - began, "ok");
      return answer;
    } catch (error) {
      // Given up by us: that says nothing about the engine.
      signal?.throwIfAborted();
      onCall?.(name, clock.now() - began, engineStatus(error) === undefined ? "failed" : "refused");
      const engine = describeAddress(this.#options.address);
      throw engineError(error, { what: CALLS[name], engine, ...(image === undefined ? {} : { image }) });
    }
  }
}

/**
 * Arguments of a call, told apart into what belongs into its address and what into its body: docker-modem puts all of them
 * into both else, a seccomp profile included. Its types do not know of it.
 */
function apart(query: Readonly<Record<string, string | undefined>>, body: object): object {
  return { _query: query, _body: body };
}

/** Removes every container and volume with this label; for the watchdog of a daemon that has died. @returns how many containers there were */
export async function removeLabelled(address: EngineAddress, label: string, signal: AbortSignal): Promise<number> {
  const agent = new EngineAgent();
  try {
    const docker = connectToEngine(address, agent);
    const found = await docker.listContainers({ all: true, filters: { label: [label] }, abortSignal: signal });
    const gone = found.map(({ Id: id }) =>
      docker.getContainer(id).remove({ force: true, v: true, abortSignal: signal }),
    );
    await Promise.allSettled(gone);
    await removeVolumes(docker, { label, signal });
    return found.length;
  } finally {
    agent.destroy();
  }
}
