import { isIPv4 } from "node:net";
import { EgressError } from "./egress-error.js";

/** What sandboxes with a network may reach, beyond the public Internet. */
export interface EgressPolicy {
  /** Whether private, shared and loopback addresses may be reached; never the host itself, nor a metadata service. */
  readonly allowPrivate: boolean;
  /** IPv4 addresses or networks (`192.168.7.0/24`) that may be reached although they are private; TCP and UDP, any port but SMTP. */
  readonly allow: readonly string[];
  /** IPv4 addresses of resolvers: their port 53 may be reached, wherever they are. */
  readonly dns: readonly string[];
  /** Connections, counted as the host tracks them, that one sandbox may have: it must not fill the host's table. */
  readonly maxConnections: number;
}

/** Rules in the words of iptables, without the command and the chain in front. */
export interface Chain {
  readonly name: string;
  readonly rules: readonly string[];
}

/** A rule that sends packets to a chain of ours from one that belongs to somebody else. */
export interface Jump {
  readonly from: string;
  readonly rule: string;
}

/** All that one interface needs in the filter table of one address family. */
export interface FilterRules {
  readonly chains: readonly Chain[];
  /** In the order in which they must stand, ahead of everybody else's rules. */
  readonly jumps: readonly Jump[];
}

/**
 * The chain that an engine leaves to its operator: it survives the engine's restarts and is asked before the engine's own
 * rules, which accept what leaves a bridge.
 */
export const OPERATOR_CHAIN = "DOCKER-USER";

const INTERFACE_NAME = /^mbx([0-9a-f]{8})$/;
const OUR_JUMP = /^-[io] mbx[0-9a-f]{8} -j MBX-[FI]-[0-9a-f]{8}$/;

/**
 * Where clouds answer who asks without credentials: link-local (AWS, GCP, Azure, and the task credentials of ECS), Alibaba,
 * Oracle, Azure's host. No policy opens these.
 */
const METADATA = ["169.254.0.0/16", "100.100.100.200/32", "192.0.0.0/24", "168.63.129.16/32"] as const;
/** This network, multicast, reserved and broadcast. */
const NOT_A_PEER = ["0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"] as const;
const PRIVATE = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "198.18.0.0/15",
] as const;

const SMTP_PORT = 25;
const DNS_PORT = 53;
/**
 * Rules for one bridge, a pure function of its name and the policy. Packets come in three kinds:
 * from a sandbox to elsewhere and from elsewhere to a sandbox (FORWARD), and from a sandbox to the host itself (INPUT), which
 * the engine's own rules do not touch.
 *
 * DNS: on a network of its own, a container asks the engine's resolver at 127.0.0.11. Measured on engine 20.10.24, with
 * `HostConfig.Dns` set: the resolver's questions leave from the container's network namespace, over the bridge and through
 * FORWARD (3 of 3; none through the host's OUTPUT or INPUT), and fail when they are dropped there. So a resolver at a private
 * address needs the exception below, and no rule is needed for the host. A `Dns` of 127.x is the container's own loopback.
 *
 * @throws EgressError for a name or a policy that cannot be put into rules
 */
export function egressRules(interfaceName: string, policy: EgressPolicy): { ipv4: FilterRules; ipv6: FilterRules } {
  const { forward, input, refuse } = chainNames(interfaceName);
  const [from, to] = [`-i ${interfaceName}`, `-o ${interfaceName}`];
  const jumpsFrom = (chain: string): Jump[] => [
    { from: chain, rule: `${from} -j ${forward}` },
    { from: chain, rule: `${to} -j ${forward}` },
    { from: "INPUT", rule: `${from} -j ${input}` },
  ];
  return {
    ipv4: {
      chains: [
        {
          name: forward,
          rules: [
            // No sandbox to another, in whatever direction, and nothing to a sandbox but answers.
            `${from} ${to} -j DROP`,
            `${to} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`,
            `${to} -j DROP`,
            // From here on every packet is from a sandbox. What is not tracked would leave with its private address.
            "-m conntrack --ctstate INVALID -j DROP",
            `-m conntrack --ctstate NEW -m connlimit --connlimit-above ${connections(policy)} --connlimit-mask 32 --connlimit-saddr -j DROP`,
            ...policy.dns.flatMap((entry) => {
              const resolver = address(entry, "dns");
              return ["udp", "tcp"].map((protocol) => `-d ${resolver} -p ${protocol} --dport ${DNS_PORT} -j RETURN`);
            }),
            ...METADATA.map((net) => `-d ${net} -j ${refuse}`),
            ...NOT_A_PEER.map((net) => `-d ${net} -j DROP`),
            `-p tcp --dport ${SMTP_PORT} -j ${refuse}`,
            ...policy.allow.flatMap((entry) => {
              const net = network(entry, "allow");
              return ["tcp", "udp"].map((protocol) => `-d ${net} -p ${protocol} -j RETURN`);
            }),
            ...(policy.allowPrivate ? [] : PRIVATE.map((net) => `-d ${net} -j ${refuse}`)),
            // No ping, no tunnels: back to the rules of operator and engine with TCP and UDP only.
            "-p tcp -j RETURN",
            "-p udp -j RETURN",
            "-j DROP",
          ],
        },
        // Refused, not dropped: a program that may not connect shall hear so at once, and not wait for minutes. A reset for
        // TCP, because the kernel sends only one ICMP error a second to one address.
        {
          name: refuse,
          rules: ["-p tcp -j REJECT --reject-with tcp-reset", "-j REJECT --reject-with icmp-admin-prohibited"],
        },
        // The bridge's gateway, every other address of the host, every service on it.
        { name: input, rules: [`-j ${refuse}`] },
      ],
      jumps: jumpsFrom(OPERATOR_CHAIN),
    },
    // The network is made without IPv6; should it appear all the same, it leads nowhere.
    ipv6: {
      chains: [
        { name: forward, rules: ["-j DROP"] },
        { name: input, rules: ["-j DROP"] },
      ],
      jumps: jumpsFrom("FORWARD"),
    },
  };
}

/** The chains of an interface. @throws EgressError when it is not named as `egressInterface` does */
export function chainNames(interfaceName: string): { forward: string; input: string; refuse: string } {
  const id = INTERFACE_NAME.exec(interfaceName)?.[1];
  if (id === undefined)
    throw new EgressError(`"${interfaceName}" is not the name of a bridge of Matchbox's (mbx and 8 digits).`);
  return { forward: `MBX-F-${id}`, input: `MBX-I-${id}`, refuse: `MBX-R-${id}` };
}

/** Whether a rule is one that Matchbox puts in front, for this bridge or another daemon's. */
export function isJumpOfMatchbox(rule: string): boolean {
  return OUR_JUMP.test(rule);
}

function connections({ maxConnections }: EgressPolicy): number {
  if (Number.isInteger(maxConnections) && maxConnections > 0) return maxConnections;
  throw new EgressError(`The network policy's maxConnections is ${maxConnections}; it must be a whole number above 0.`);
}

function network(text: string, where: string): string {
  const [base = "", bits = "32", ...rest] = text.split("/");
  if (rest.length === 0 && /^\d{1,2}$/.test(bits) && Number(bits) <= 32)
    return `${address(base, where, text)}/${Number(bits)}`;
  throw new EgressError(
    `The network policy's ${where} has "${text}"; it must be an IPv4 address or network, such as 192.168.7.0/24.`,
  );
}

function address(text: string, where: string, shown = text): string {
  if (isIPv4(text)) return text;
  throw new EgressError(`The network policy's ${where} has "${shown}"; it must be IPv4: sandboxes have no IPv6.`);
}
