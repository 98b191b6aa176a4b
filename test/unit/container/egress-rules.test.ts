import { isIPv4 } from "node:net";
import { describe, expect, it } from "vitest";
import { EgressError } from "../../../src/container/egress-error.js";
import { egressRules } from "../../../src/container/egress-rules.js";
import type { EgressPolicy } from "../../../src/container/egress-rules.js";

const BRIDGE = "mbx0a1b2c3d";
const strict: EgressPolicy = { allowPrivate: false, allow: [], dns: [], maxConnections: 256 };

/** What the rules make of the first packet of a connection from a sandbox; "passed" is on to the engine's own rules. */
function verdict(policy: EgressPolicy, destination: string, protocol = "tcp", port = 443): string {
  const [chain] = egressRules(BRIDGE, policy).ipv4.chains;
  for (const rule of chain!.rules) {
    if (!matches(rule, destination, protocol, port)) continue;
    return rule.includes("-j RETURN") ? "passed" : "stopped";
  }
  return "passed";
}

function matches(rule: string, destination: string, protocol: string, port: number): boolean {
  const words = rule.split(" ");
  const option = (name: string): string | undefined => words.at(words.indexOf(name) + 1);
  if (words.includes("-o")) return false;
  if (words.includes("--ctstate")) return false;
  if (words.includes("-d") && !contains(option("-d")!, destination)) return false;
  if (words.includes("-p") && option("-p") !== protocol) return false;
  return !words.includes("--dport") || Number(option("--dport")) === port;
}

function contains(net: string, address: string): boolean {
  const [base = "", bits = "32"] = net.split("/");
  const shift = 32 - Number(bits);
  const number = (text: string): number => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return Math.floor(number(base) / 2 ** shift) === Math.floor(number(address) / 2 ** shift);
}

describe("the rules of a bridge", () => {
  it.each(["1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.128.0.1", "223.255.255.255"])(
    "let %s pass, over TCP and UDP",
    (address) => {
      expect(isIPv4(address)).toBe(true);
      expect(verdict(strict, address)).toBe("passed");
      expect(verdict(strict, address, "udp")).toBe("passed");
    },
  );

  it.each(["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "127.0.0.1", "198.18.0.1"])(
    "stop %s unless private addresses are allowed",
    (address) => {
      expect(verdict(strict, address)).toBe("stopped");
      expect(verdict({ ...strict, allowPrivate: true }, address)).toBe("passed");
    },
  );

  it.each(["169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16"])(
    "stop the metadata service at %s whatever the policy says",
    (address) => {
      expect(verdict({ ...strict, allowPrivate: true, allow: ["0.0.0.0/0", address] }, address, "tcp", 80)).toBe(
        "stopped",
      );
    },
  );

  it.each(["224.0.0.1", "239.255.255.250", "255.255.255.255", "0.0.0.0"])(
    "stop %s, which is nobody's address",
    (address) => {
      expect(verdict({ ...strict, allowPrivate: true }, address, "udp")).toBe("stopped");
    },
  );

  it("stop mail, also to what is allowed", () => {
    expect(verdict({ ...strict, allow: ["10.1.0.0/16"] }, "1.1.1.1", "tcp", 25)).toBe("stopped");
    expect(verdict({ ...strict, allow: ["10.1.0.0/16"] }, "10.1.2.3", "tcp", 25)).toBe("stopped");
  });

  it.each(["icmp", "sctp", "gre"])("stop %s", (protocol) => {
    expect(verdict({ ...strict, allow: ["10.1.0.0/16"] }, "10.1.2.3", protocol)).toBe("stopped");
    expect(verdict(strict, "1.1.1.1", protocol)).toBe("stopped");
  });

  it("let an allowed network pass and not its neighbour", () => {
    const policy = { ...strict, allow: ["10.1.0.0/16", "192.168.7.7"] };
    expect(verdict(policy, "10.1.255.1")).toBe("passed");
    expect(verdict(policy, "10.2.0.1")).toBe("stopped");
    expect(verdict(policy, "192.168.7.7", "udp")).toBe("passed");
    expect(verdict(policy, "192.168.7.8")).toBe("stopped");
  });

  it("let a private resolver's port 53 pass and no other port of it", () => {
    const policy = { ...strict, dns: ["10.0.0.53"] };
    expect(verdict(policy, "10.0.0.53", "udp", 53)).toBe("passed");
    expect(verdict(policy, "10.0.0.53", "tcp", 53)).toBe("passed");
    expect(verdict(policy, "10.0.0.53", "tcp", 80)).toBe("stopped");
    expect(verdict(policy, "10.0.0.54", "udp", 53)).toBe("stopped");
  });

  it("give everything to the host itself, and all of IPv6, no way through", () => {
    const { ipv4, ipv6 } = egressRules(BRIDGE, { ...strict, allowPrivate: true });
    expect(ipv4.chains.find(({ name }) => name === "MBX-I-0a1b2c3d")?.rules).toEqual(["-j MBX-R-0a1b2c3d"]);
    const refusals = ipv4.chains.find(({ name }) => name === "MBX-R-0a1b2c3d")!.rules;
    expect(refusals.every((rule) => rule.includes("-j REJECT"))).toBe(true);
    expect(refusals.at(-1)).toMatch(/^-j /);
    expect(ipv6.chains.flatMap((chain) => chain.rules)).toEqual(["-j DROP", "-j DROP"]);
  });

  it.each<[string, Partial<EgressPolicy>]>([
    ["a name", { allow: ["example.com"] }],
    ["too many bits", { allow: ["10.0.0.0/33"] }],
    ["more than one slash", { allow: ["10.0.0.0/8/8"] }],
    ["a rule in disguise", { allow: ["10.0.0.0/8 -j ACCEPT"] }],
    ["a line break", { dns: ["10.0.0.53\n-A INPUT -j ACCEPT"] }],
    ["a resolver of IPv6", { dns: ["::1"] }],
    ["no connections", { maxConnections: 0 }],
  ])("refuse a policy with %s", (_case, change) => {
    expect(() => egressRules(BRIDGE, { ...strict, ...change })).toThrow(EgressError);
  });

  it("refuse an interface that is not Matchbox's", () => {
    expect(() => egressRules("eth0", strict)).toThrow(EgressError);
  });
});
