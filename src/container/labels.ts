import { randomBytes } from "node:crypto";
import type { SandboxId } from "./runtime.js";

/** On every container, network and volume of ours; its value is the daemon's instance, so that two daemons never touch each other's. */
export const INSTANCE_LABEL = "matchbox";
/** One process of a daemon, from its start to its end. */
export const DAEMON_LABEL = "matchbox.daemon";
export const LANE_LABEL = "matchbox.lane";
export const SANDBOX_LABEL = "matchbox.sandbox";
/** On images whose programs find `localhost` without /etc/hosts. */
export const LOCALHOST_LABEL = "matchbox.localhost";

export function newSandboxId(): SandboxId {
  return randomBytes(16).toString("hex") as SandboxId;
}

/** A container's name carries no client's data: the engine's resolver would tell it to every container on its network. */
export function containerName(id: SandboxId): string {
  return `matchbox-${id}`;
}
