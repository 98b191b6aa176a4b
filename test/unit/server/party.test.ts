import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { partyOf } from "../../../src/server/party.js";

const TOKENS = ["first-token-of-this-daemon", "second-token-of-this-daemon"];

function request(remoteAddress: string | undefined, token?: string): IncomingMessage {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
}

describe("whom a connection is counted with", () => {
  it.each([
    ["192.168.7.1", "192.168.7.1"],
    ["127.0.0.1", "127.8.9.10"],
    ["127.0.0.1", "::1"],
    ["127.0.0.1", "::ffff:127.0.0.1"],
    ["192.168.7.1", "::ffff:192.168.7.1"],
    ["2001:db8:0:7::1", "2001:db8:0:7:aaaa:bbbb:cccc:dddd"],
    ["2001:db8::1", "2001:DB8:0:0:ffff::"],
    [undefined, undefined],
  ])("is the same for %s and %s", (one, other) => {
    expect(partyOf(request(one), [])).toBe(partyOf(request(other), []));
  });

  it.each([
    ["192.168.7.1", "192.168.7.2"],
    ["2001:db8:0:7::1", "2001:db8:0:8::1"],
    ["2001:db8::1", "127.0.0.1"],
  ])("is not the same for %s and %s", (one, other) => {
    expect(partyOf(request(one), [])).not.toBe(partyOf(request(other), []));
  });

  it("is the token where there are several, wherever who holds it is, and the address where all hold the same", () => {
    const [first, second] = TOKENS as [string, string];
    expect(partyOf(request("192.168.7.1", first), TOKENS)).toBe(partyOf(request("192.168.7.2", first), TOKENS));
    expect(partyOf(request("192.168.7.1", first), TOKENS)).not.toBe(partyOf(request("192.168.7.1", second), TOKENS));
    expect(partyOf(request("192.168.7.1", first), [first])).not.toBe(partyOf(request("192.168.7.2", first), [first]));
  });

  it("never has the token itself in it", () => {
    expect(partyOf(request("192.168.7.1", TOKENS[0]), TOKENS)).not.toContain(TOKENS[0]);
  });
});
