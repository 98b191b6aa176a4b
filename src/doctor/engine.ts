import { isOlder, OLDEST_API } from "../setup/engine-version.js";
import type { Ping } from "../setup/ping.js";
import { fail, ok, type Verdict, warn } from "./check.js";
import type { EngineInfo } from "./engine-info.js";

/** What came of asking the engine. */
export type EngineAnswer =
  | { readonly kind: "away"; readonly ping: Exclude<Ping, { kind: "answers" }> }
  | { readonly kind: "answers"; readonly apiVersion: string; readonly info: EngineInfo };

export interface EngineFacts {
  /** As `unix:///path` or `tcp://host:port`. */
  readonly address: string;
  /** What names the address, such as `DOCKER_HOST`. */
  readonly origin: string;
  readonly answer: EngineAnswer;
}

/** Engines before this one cannot be relied on to apply the profile's answer to `clone3`. */
const OLDEST_VERSION = [20, 10, 10];

export function checkEngine({ address, origin, answer }: EngineFacts): Verdict {
  if (answer.kind === "away")
    return fail(`${reason(answer.ping)} at ${address} (${origin})`, remedy(answer.ping, origin));
  const { apiVersion, info } = answer;
  const what = `${info.ServerVersion}, API ${apiVersion}, at ${address} (${origin}), kernel ${info.KernelVersion}`;
  if (isOlder(apiVersion, OLDEST_API))
    return fail(
      `${what}: too old`,
      `Install Docker 20.10.10 or newer (API ${OLDEST_API.join(".")}): https://docs.docker.com/engine/install/`,
    );
  // Other engines that speak this API count their versions in their own way; Docker's first number is 17 or more.
  if (Number.parseInt(info.ServerVersion) >= 17 && isOlder(info.ServerVersion, OLDEST_VERSION))
    return warn(`${what}: before 20.10.10 the seccomp profile may not hold`, "Update the engine and its runc.");
  return ok(what);
}

function reason(ping: Exclude<Ping, { kind: "answers" }>): string {
  switch (ping.kind) {
    case "nobody":
      return "nobody listens";
    case "forbidden":
      return "this user may not speak to the engine";
    case "silent":
      return `no answer as an engine gives it (${ping.detail})`;
  }
}

function remedy(ping: Exclude<Ping, { kind: "answers" }>, origin: string): string {
  switch (ping.kind) {
    case "nobody":
      return [
        `If an engine runs elsewhere, name it in engine.socket or DOCKER_HOST; the address in force is from ${origin}.`,
        'Else start it: systemctl start docker. As root on Debian "npm start" installs and starts one.',
      ].join("\n");
    case "forbidden":
      return "Run as root, or as a member of the socket's group (which is as much as root): usermod -aG docker USER";
    case "silent":
      return "See what the engine does (journalctl -u docker), restart it, or name another in engine.socket.";
  }
}

/** Images that lanes take, and whether the engine has them. */
export interface ImageFacts {
  readonly reference: string;
  readonly lanes: readonly string[];
  readonly isThere: boolean;
  /** The command that gets it, in words. */
  readonly remedy: string;
}

export function checkImages(images: readonly ImageFacts[]): Verdict {
  const name = ({ reference, lanes }: ImageFacts): string => `${reference} (${lanes.join(", ")})`;
  const missing = images.filter(({ isThere }) => !isThere);
  if (missing.length === 0) return ok(images.map(name).join(", "));
  return fail(`not there: ${missing.map(name).join(", ")}`, missing.map(({ remedy: fix }) => fix).join("\n"));
}
