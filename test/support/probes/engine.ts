import { request } from "node:http";
import { engineAddress } from "../../../src/container/engine-address.js";
import type { ImageTarget } from "../../../src/image-targets.js";
import { imageTag } from "../../../src/setup/sandbox-image.js";

const CALL_DEADLINE_MS = 60_000;

/** The image that probes run in: the one of the target, or for the sandbox image what MATCHBOX_TEST_IMAGE names. */
export function testImage(target: ImageTarget = "sandbox"): string {
  const chosen = target === "sandbox" ? process.env["MATCHBOX_TEST_IMAGE"] : undefined;
  return chosen ?? imageTag(target);
}

/** One call of the engine's HTTP API, without anything of ours in between. @throws when it answers 400 or more */
export function callEngine(method: string, path: string, body?: unknown): Promise<Buffer> {
  const address = engineAddress(process.env["DOCKER_HOST"] ?? null);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        ...(address.kind === "socket"
          ? { socketPath: address.socketPath }
          : { host: address.host, port: address.port }),
        method,
        path,
        headers: { Host: "engine", "Content-Type": "application/json" },
        signal: AbortSignal.timeout(CALL_DEADLINE_MS),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("error", reject);
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const answer = Buffer.concat(chunks);
          const status = response.statusCode ?? 0;
          if (status < 400) resolve(answer);
          else reject(new Error(`${method} ${path}: ${status} ${answer.toString()}`));
        });
      },
    );
    call.on("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Asks the engine for something. @returns its answer, read as JSON; what form it has the caller knows */
export async function askEngine(path: string): Promise<unknown> {
  return JSON.parse((await callEngine("GET", path)).toString());
}

/** The part of a question that leaves only what has this label. */
export function labelFilter(label: string): string {
  return `filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`;
}

export interface ProbeContainer {
  readonly command: readonly string[];
  readonly label: string;
  readonly user?: string;
  readonly hostname?: string;
  /** Another one than the sandboxes'. */
  readonly image?: string;
  /** Added to the safe defaults. */
  readonly hostConfig?: Record<string, unknown>;
}

/** A started container in the posture of a sandbox; disposing removes it. */
export async function startContainer(probe: ProbeContainer): Promise<{ id: string } & AsyncDisposable> {
  const created = await callEngine("POST", "/containers/create", {
    Image: probe.image ?? testImage(),
    ...(probe.hostname === undefined ? {} : { Hostname: probe.hostname }),
    Entrypoint: probe.command,
    Cmd: [],
    User: probe.user ?? "10001:10001",
    Labels: { matchbox: probe.label },
    HostConfig: {
      NetworkMode: "none",
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": "rw,exec,nosuid,nodev,size=67108864,mode=1777" },
      PidsLimit: 128,
      ...probe.hostConfig,
    },
  });
  const { Id: id } = JSON.parse(created.toString()) as { Id: string };
  const remove = async (): Promise<void> => {
    await callEngine("DELETE", `/containers/${id}?force=1&v=1`);
  };
  try {
    await callEngine("POST", `/containers/${id}/start`);
  } catch (error) {
    await remove();
    throw error;
  }
  return { id, [Symbol.asyncDispose]: remove };
}

/** Runs a container to its end. @returns what it wrote to both outputs */
export async function runContainer(probe: ProbeContainer): Promise<{ exitCode: number; output: string }> {
  await using container = await startContainer(probe);
  const ended = await callEngine("POST", `/containers/${container.id}/wait`);
  const { StatusCode: exitCode } = JSON.parse(ended.toString()) as { StatusCode: number };
  const logs = await callEngine("GET", `/containers/${container.id}/logs?stdout=1&stderr=1`);
  return { exitCode, output: withoutHeaders(logs) };
}

/** How many containers with this label there are, in whatever state. */
export async function countContainers(label: string): Promise<number> {
  const found = (await askEngine(`/containers/json?all=1&${labelFilter(`matchbox=${label}`)}`)) as unknown[];
  return found.length;
}

/** The engine puts 8 bytes before each piece: the stream, three zeros, the length. */
function withoutHeaders(logs: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= logs.length;) {
    const length = logs.readUInt32BE(at + 4);
    pieces.push(logs.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString();
}
