import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { Cleanup } from "../../src/cleanup.js";
import { PROBES } from "./probes.js";

const execute = promisify(execFile);
const IP = "ip";

/** Runs a program of the host to its end. @returns what it wrote to stdout */
export async function onHost(program: string, ...args: string[]): Promise<string> {
  return (await execute(program, args)).stdout;
}

/**
 * A machine with whatever addresses a test wants, beyond the host: a network namespace at the end of a wire. Only packets
 * that come from one bridge find their way to it, by a table of routes of its own, and none leaves this host.
 */
export class FarMachine implements AsyncDisposable {
  /** The host's end of the wire. */
  static readonly HOST_END = "198.51.100.1";
  readonly namespace: string;
  readonly #cleanup = new Cleanup();
  #heard = "";
  #stopServer: () => Promise<void> = () => Promise.resolve();

  private constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** @param options.names what its resolver, at the first of the addresses, knows */
  static async create(options: {
    bridge: string;
    addresses: readonly string[];
    names: Readonly<Record<string, string>>;
  }): Promise<FarMachine> {
    const id = randomBytes(3).toString("hex");
    const machine = new FarMachine(`mbxt-${id}`);
    try {
      await machine.#make(id, options);
    } catch (error) {
      await machine.#cleanup.run();
      throw error;
    }
    return machine;
  }

  async #make(id: string, options: Parameters<typeof FarMachine.create>[0]): Promise<void> {
    const { namespace } = this;
    const { bridge, addresses, names } = options;
    const [hostEnd, farEnd] = [`mbxt${id}a`, `mbxt${id}b`];
    const routes = String(10_000 + (parseInt(id, 16) % 1_000_000));
    const inside = (...args: string[]) => onHost("ip", "-n", namespace, ...args);
    await onHost("ip", "netns", "add", namespace);
    await this.#cleanup.add("namespace", async () => {
      await onHost("ip", "netns", "delete", namespace);
    });
    await onHost("ip", "link", "add", hostEnd, "type", "veth", "peer", "name", farEnd, "netns", namespace);
    await onHost("ip", "address", "add", `${FarMachine.HOST_END}/32`, "dev", hostEnd);
    await onHost("ip", "link", "set", hostEnd, "up");
    await inside("link", "set", "lo", "up");
    await inside("link", "set", farEnd, "up");
    await inside("route", "add", FarMachine.HOST_END, "dev", farEnd);
    await inside("route", "add", "default", "via", FarMachine.HOST_END, "dev", farEnd);
    await onHost("ip", "rule", "add", "iif", bridge, "lookup", routes);
    await this.#cleanup.add("rule", async () => {
      await onHost("ip", "rule", "delete", "iif", bridge, "lookup", routes);
    });
    for (const address of addresses) {
      await inside("address", "add", `${address}/32`, "dev", farEnd);
      await onHost("ip", "route", "add", address, "dev", hostEnd, "src", FarMachine.HOST_END, "table", routes);
    }
    const known = Object.entries(names).map(([name, address]) => `${name}=${address}`);
    const program = ["netns", "exec", namespace, "python3", join(PROBES, "far.py"), addresses[0]!, ...known];
    const server = spawn(IP, program, { stdio: ["ignore", "pipe", "inherit"] });
    const closed = once(server, "close");
    this.#stopServer = async () => {
      server.kill("SIGKILL");
      await closed;
    };
    await this.#cleanup.add("server", () => this.#stopServer());
    server.stdout.setEncoding("utf8").on("data", (text: string) => (this.#heard += text));
    await once(server.stdout, "data");
  }

  /** A line for each question and each datagram; see `far.py`. */
  get heard(): readonly string[] {
    return this.#heard.split("\n").slice(1, -1);
  }

  /** Runs a program as the far machine. */
  async run(program: string, ...args: string[]): Promise<string> {
    return onHost("ip", "netns", "exec", this.namespace, program, ...args);
  }

  /** The machine stays, and nobody on it answers any more. */
  async stopServer(): Promise<void> {
    await this.#stopServer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.run();
  }
}
