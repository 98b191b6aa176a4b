import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Peer } from "../peer.js";

/** Where the daemon, which runs in the test's process, has one in its environment. */
const VARIABLE = "MATCHBOX_TEST_CANARY";

/** A word that is nowhere else. `hunt.py` knows its form. */
export function newCanary(place: string): string {
  return `canary-${place}-${randomBytes(16).toString("hex")}`;
}

/**
 * Random words in places that no program may see: the daemon's environment and token, a file of the host, the command
 * line and environment of a process of the host, and whatever a suite plants besides. None of them may ever come back.
 */
export class Canaries implements AsyncDisposable {
  /** The daemon's own token: the only one that a client knows, and has no reason to hear. */
  readonly token = newCanary("token");
  readonly #planted = [this.token];
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(folder: string) {
    this.#folder = folder;
    process.env[VARIABLE] = this.plant("environment");
    this.#process = spawn("sleep", ["86400"], {
      argv0: this.plant("command"),
      env: { ...process.env, [VARIABLE]: this.plant("process") },
      stdio: "ignore",
    });
  }

  static async create(): Promise<Canaries> {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-canary-"));
    const canaries = new Canaries(folder);
    await once(canaries.#process, "spawn");
    await writeFile(join(folder, "canary"), canaries.plant("file"));
    return canaries;
  }

  /** One more, for the caller to put somewhere. */
  plant(place: string): string {
    const canary = newCanary(place);
    this.#planted.push(canary);
    return canary;
  }

  /** Those that a text holds, by their random part, so that a name cut off does not hide one. */
  foundIn(text: string): string[] {
    return this.#planted.filter((canary) => text.includes(canary.slice(canary.lastIndexOf("-") + 1)));
  }

  /** Those that a client has heard: in any message, in output put together again, and in what was sent as base64. */
  heardBy(peer: Peer): string[] {
    const pieces = new Map<string, string>();
    const add = (key: string, text: string): void => void pieces.set(key, (pieces.get(key) ?? "") + text);
    for (const message of peer.messages) {
      add("messages", `${JSON.stringify(message)}\n`);
      if (message.type === "stdout" || message.type === "stderr") {
        add(`${message.type} of ${message.id}`, message.data);
        add(`${message.type} of ${message.id} as base64`, Buffer.from(message.data, "base64").toString("latin1"));
      } else if (message.type === "file" && message.content !== undefined) {
        add(`file of ${message.id}`, Buffer.from(message.content, "base64").toString("latin1"));
      }
    }
    return [...new Set([...pieces.values()].flatMap((text) => this.foundIn(text)))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, "exit");
    if (this.#process.kill("SIGKILL")) await ended;
    await rm(this.#folder, { recursive: true, force: true });
    Reflect.deleteProperty(process.env, VARIABLE);
  }
}
