import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";
import { tokenOf } from "./authenticate.js";

/**
 * Whom a connection is counted with when sandboxes are shared out: whoever opens a hundred of them is not a hundred clients.
 * Who holds the same token, where the daemon has several; else who comes from the same address. All of this machine's are
 * one, whichever of its loopback addresses they come from, and so are all of one IPv6 network of a household's size.
 */
export function partyOf(request: IncomingMessage, tokens: readonly string[]): string {
  const token = tokens.length > 1 ? tokenOf(request, "socket") : undefined;
  if (token !== undefined) return `token ${createHash("sha256").update(token).digest("hex")}`;
  return `address ${addressOf(request.socket.remoteAddress)}`;
}

/** @param address undefined on a unix socket, or where the other side has gone already */
function addressOf(address = "local"): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (plain.startsWith("127.") || plain === "::1") return "local";
  return isIPv6(plain) ? `${networkOf(plain)}/64` : plain;
}

/** The first four groups. */
function networkOf(address: string): string {
  const [head = "", tail] = address.replace(/%.*$/, "").toLowerCase().split("::");
  const before = head.split(":").filter((group) => group !== "");
  const after = (tail ?? "").split(":").filter((group) => group !== "");
  const zeros = Array.from(
    { length: tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length) },
    () => "0",
  );
  return [...before, ...zeros, ...after].slice(0, 4).join(":");
}
