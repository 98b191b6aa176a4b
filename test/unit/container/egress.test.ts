import { describe, expect, it } from "vitest";
import { egressInterface, EgressRules } from "../../../src/container/egress.js";
import { EgressError } from "../../../src/container/egress-error.js";
import type { EgressHost, Firewall } from "../../../src/container/egress-host.js";

const BRIDGE = "mbx0a1b2c3d";
const policy = { allowPrivate: false, allow: [], dns: [], maxConnections: 256 };
const { signal } = new AbortController();

describe("the name of a bridge", () => {
  it("is the same for one instance, another for another, and fits into what Linux allows", () => {
    expect(egressInterface("a")).toBe(egressInterface("a"));
    expect(egressInterface("a")).not.toBe(egressInterface("b"));
    expect(egressInterface("a long name with spaces; and $(more)")).toMatch(/^mbx[0-9a-f]{8}$/);
  });
});

describe("rules on a host", () => {
  it("stand in front when installed, and nothing is left of them when disposed", async () => {
    const host = new FakeHost();
    const before = host.dump();
    const rules = await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host });
    expect(host.ipv4.rules("INPUT")[0]).toBe(`-i ${BRIDGE} -j MBX-I-0a1b2c3d`);
    expect(host.ipv4.rules("DOCKER-USER").slice(0, 2)).toEqual([
      `-i ${BRIDGE} -j MBX-F-0a1b2c3d`,
      `-o ${BRIDGE} -j MBX-F-0a1b2c3d`,
    ]);
    expect(await rules.verify({ signal })).toBe(true);
    await rules[Symbol.asyncDispose]();
    await rules[Symbol.asyncDispose]();
    expect(host.dump()).toBe(before);
  });

  it("take the place of those that an earlier daemon left", async () => {
    const host = new FakeHost();
    await EgressRules.install({ interfaceName: BRIDGE, policy: { ...policy, allow: ["10.9.9.9"] }, signal, host });
    await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host });
    expect(host.ipv4.rules("INPUT")).toEqual([`-i ${BRIDGE} -j MBX-I-0a1b2c3d`, "-p tcp -j ACCEPT"]);
    expect(host.ipv4.rules("MBX-F-0a1b2c3d").join("\n")).not.toContain("10.9.9.9");
  });

  it("of two instances stand side by side, and one leaves without the other", async () => {
    const host = new FakeHost();
    await using first = await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host });
    const second = await EgressRules.install({ interfaceName: "mbxffffffff", policy, signal, host });
    expect(await first.verify({ signal })).toBe(true);
    expect(await second.verify({ signal })).toBe(true);
    await second[Symbol.asyncDispose]();
    expect(await first.verify({ signal })).toBe(true);
    expect(host.dump()).not.toContain("ffffffff");
  });

  it.each<[string, (host: FakeHost) => void]>([
    ["a jump is gone", (host) => host.ipv4.delete("INPUT", 0)],
    ["another rule comes before the jump", (host) => host.ipv4.insert("INPUT", "-j ts-input")],
    ["another rule comes before the operator's chain", (host) => host.ipv4.insert("FORWARD", "-j ts-forward")],
    ["a rule of the chain is gone", (host) => host.ipv4.delete("MBX-F-0a1b2c3d", 2)],
    ["a rule was added to the chain", (host) => host.ipv4.insert("MBX-I-0a1b2c3d", "-j ACCEPT")],
    ["everything was flushed", (host) => host.ipv4.flush()],
    ["the rules for IPv6 are gone", (host) => host.ipv6.flush()],
  ])("are not as installed when %s, until they are put in place anew", async (_case, disturb) => {
    const host = new FakeHost();
    await using rules = await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host });
    disturb(host);
    expect(await rules.verify({ signal })).toBe(false);
    await rules.reassert({ signal });
    expect(await rules.verify({ signal })).toBe(true);
  });

  it("are made with the operator's chain where no engine has made one", async () => {
    const host = new FakeHost();
    host.ipv4.flush();
    await using rules = await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host });
    expect(host.ipv4.rules("FORWARD")[0]).toBe("-j DOCKER-USER");
    expect(await rules.verify({ signal })).toBe(true);
  });

  it("are read anew when another program changed the table in between", async () => {
    const host = new FakeHost();
    host.ipv4.refuseWrites(2);
    await using rules = await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host });
    expect(await rules.verify({ signal })).toBe(true);
  });

  it("are written again when another program undoes them at that very moment, unless it goes on doing so", async () => {
    const host = new FakeHost();
    const disturb = (): void => host.ipv4.insert("INPUT", "-j ts-input");
    host.ipv4.afterWrites(2, disturb);
    const rules = await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host });
    expect(await rules.verify({ signal })).toBe(true);
    host.ipv4.afterWrites(3, disturb);
    await expect(rules.reassert({ signal })).rejects.toThrow("keeps changing");
  });

  it("are not left in part when one side cannot be installed", async () => {
    const host = new FakeHost();
    const before = host.dump();
    host.ipv6.refuseWrites(3);
    const error = await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(EgressError);
    expect(error).toMatchObject({ code: "egress_unavailable", message: "refused" });
    expect(host.dump()).toBe(before);
  });

  it("are refused where they would not see the bridge's packets", async () => {
    const host = new FakeHost();
    host.blind = "elsewhere";
    await expect(EgressRules.install({ interfaceName: BRIDGE, policy, signal, host })).rejects.toThrow("elsewhere");
    host.blind = undefined;
    await using rules = await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host });
    host.blind = "br_netfilter was unloaded";
    expect(await rules.verify({ signal })).toBe(false);
  });

  it("are not put back after they were disposed", async () => {
    const host = new FakeHost();
    const rules = await EgressRules.install({ interfaceName: BRIDGE, policy, signal, host });
    await rules[Symbol.asyncDispose]();
    await expect(rules.reassert({ signal })).rejects.toThrow(EgressError);
    expect(await rules.verify({ signal })).toBe(false);
  });
});

class FakeHost implements EgressHost {
  readonly ipv4 = new FakeFirewall({
    INPUT: ["-p tcp -j ACCEPT"],
    FORWARD: ["-j DOCKER-USER", "-i docker0 -j ACCEPT"],
    "DOCKER-USER": ["-j RETURN"],
  });
  readonly ipv6 = new FakeFirewall({ INPUT: [], FORWARD: [] });
  blind: string | undefined;

  blindSpot(): Promise<string | undefined> {
    return Promise.resolve(this.blind);
  }

  monitor(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  [Symbol.dispose](): void {
    // Holds nothing.
  }

  dump(): string {
    return this.ipv4.dump() + this.ipv6.dump();
  }
}

/** A filter table that reads scripts as iptables-restore --noflush does, as far as they are used here. */
class FakeFirewall implements Firewall {
  #chains: Map<string, string[]>;
  #refusals = 0;
  #disturbances = 0;
  #disturb: () => void = () => undefined;

  constructor(chains: Record<string, string[]>) {
    this.#chains = new Map(Object.entries(chains));
  }

  read(): Promise<string> {
    return Promise.resolve(this.dump());
  }

  async write(script: string): Promise<void> {
    await Promise.resolve();
    if (this.#refusals-- > 0) throw new EgressError("refused");
    const chains = new Map([...this.#chains].map(([name, rules]) => [name, [...rules]]));
    for (const line of script.split("\n")) carryOut(line, chains);
    this.#chains = chains;
    if (this.#disturbances-- > 0) this.#disturb();
  }

  /** Somebody else acts right after each of the next writes. */
  afterWrites(count: number, disturb: () => void): void {
    this.#disturbances = count;
    this.#disturb = disturb;
  }

  dump(): string {
    const names = [...this.#chains.keys()].map((name) => `:${name} - [0:0]`);
    const rules = [...this.#chains].flatMap(([name, all]) => all.map((rule) => `-A ${name} ${rule}`));
    return ["*filter", ...names, ...rules, "COMMIT", ""].join("\n");
  }

  rules(chain: string): readonly string[] {
    return this.#chains.get(chain) ?? [];
  }

  insert(chain: string, rule: string): void {
    this.#chains.get(chain)!.unshift(rule);
  }

  delete(chain: string, position: number): void {
    this.#chains.get(chain)!.splice(position, 1);
  }

  flush(): void {
    this.#chains = new Map([
      ["INPUT", []],
      ["FORWARD", []],
    ]);
  }

  refuseWrites(count: number): void {
    this.#refusals = count;
  }
}

function carryOut(line: string, chains: Map<string, string[]>): void {
  const [word = "", chain = "", ...rest] = line.split(" ");
  if (word.startsWith(":")) return void chains.set(word.slice(1), []);
  if (!word.startsWith("-")) return;
  const rules = chains.get(chain);
  if (rules === undefined) throw new EgressError(`no chain ${chain}`);
  if (word === "-A") rules.push(rest.join(" "));
  else if (word === "-I") rules.splice(Number(rest[0]) - 1, 0, rest.slice(1).join(" "));
  else if (word === "-F") chains.set(chain, []);
  else if (word === "-X") chains.delete(chain);
  else if (rules.includes(rest.join(" "))) rules.splice(rules.indexOf(rest.join(" ")), 1);
  else throw new EgressError(`no rule ${line}`);
}
