import { type IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.js";
import { Door } from "../../../src/server/authenticate.js";
import { parseListenAddress } from "../../../src/server/listen-address.js";

const TOKEN = "correct-horse-battery";
const LOCAL = { host: "127.0.0.1:7070" };

function doorOf(
  options: { listen?: string; tokens?: string[]; allowedOrigins?: string[]; allowedHosts?: string[] } = {},
): Door {
  const { listen = "127.0.0.1:7070", ...lists } = options;
  return new Door(parseListenAddress(listen), { tokens: [], allowedOrigins: [], allowedHosts: [], ...lists });
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}

function verdict(
  door: Door,
  headers: IncomingHttpHeaders,
  path = "/v1/ws",
  entrance?: "request" | "page" | "socket",
): string {
  const request = new IncomingMessage(new Socket());
  request.headers = headers;
  return door.check(request, path, entrance)?.code ?? "in";
}

describe("the door's building", () => {
  it.each(["0.0.0.0:7070", "192.168.1.5:7070", "[::]:7070", "example.org:7070"])(
    "fails on %s without a token",
    (listen) => {
      expect(() => doorOf({ listen })).toThrow(ConfigError);
      expect(() => doorOf({ listen })).toThrow(/no token .*server\.tokens.*MATCHBOX_TOKEN/);
      expect(() => doorOf({ listen, tokens: [TOKEN] })).not.toThrow();
    },
  );

  it.each(["127.0.0.1:7070", "127.9.9.9:1", "localhost:7070", "[::1]:7070", "unix:/run/m.sock"])(
    "needs no token on %s",
    (listen) => {
      expect(() => doorOf({ listen })).not.toThrow();
    },
  );
});

describe("a token at the door", () => {
  const door = doorOf({ tokens: ["another-token-of-16", TOKEN] });

  it.each<[string, string | undefined, string]>([
    ["the right one", `Bearer ${TOKEN}`, "in"],
    ["another right one", "Bearer another-token-of-16", "in"],
    ["the right one, the scheme in small letters", `bearer ${TOKEN}`, "in"],
    ["none", undefined, "unauthorized"],
    ["an empty header", "", "unauthorized"],
    ["only the scheme", "Bearer", "unauthorized"],
    ["an empty token", "Bearer ", "unauthorized"],
    ["a wrong one of equal length", `Bearer ${TOKEN.replace("c", "k")}`, "unauthorized"],
    ["the beginning of it", `Bearer ${TOKEN.slice(0, -1)}`, "unauthorized"],
    ["more than it", `Bearer ${TOKEN}x`, "unauthorized"],
    ["both in one", `Bearer ${TOKEN} another-token-of-16`, "unauthorized"],
    ["other letters", `Bearer ${TOKEN.toUpperCase()}`, "unauthorized"],
    ["another scheme", `Basic ${TOKEN}`, "unauthorized"],
    ["no scheme", TOKEN, "unauthorized"],
    ["a space too many", `Bearer  ${TOKEN}`, "unauthorized"],
    ["a megabyte", `Bearer ${"x".repeat(1_000_000)}`, "unauthorized"],
  ])("lets in who has the right one only: %s", (_what, authorization, expected) => {
    expect(verdict(door, { ...LOCAL, ...(authorization === undefined ? {} : { authorization }) })).toBe(expected);
  });

  it("is not looked for in the address, where it would be logged", () => {
    expect(verdict(door, LOCAL, `/v1/ws?token=${TOKEN}`)).toBe("unauthorized");
  });

  it.each(["/healthz", "/readyz"])("is not needed to ask %s", (path) => {
    expect(verdict(door, LOCAL, path)).toBe("in");
  });

  it.each(["/", "/metrics", "/v1/lanes", "/v1/ws", "/healthz/", "/healthz/..", "//healthz", "/HEALTHZ"])(
    "is needed for %s",
    (path) => {
      expect(verdict(door, LOCAL, path)).toBe("unauthorized");
    },
  );

  it.each<[string, string, string]>([
    ["the right one", `matchbox.v1, matchbox.token.${base64url(TOKEN)}`, "in"],
    ["before the version, without a space", `matchbox.token.${base64url(TOKEN)},matchbox.v1`, "in"],
    ["a wrong one", `matchbox.v1, matchbox.token.${base64url(`${TOKEN}x`)}`, "unauthorized"],
    ["the right one as it is", `matchbox.v1, matchbox.token.${TOKEN}`, "unauthorized"],
    ["an empty one", "matchbox.v1, matchbox.token.", "unauthorized"],
    ["under another name", `matchbox.v1, xmatchbox.token.${base64url(TOKEN)}`, "unauthorized"],
    ["a right one after a wrong one", `matchbox.token.eA, matchbox.token.${base64url(TOKEN)}`, "unauthorized"],
    ["none", "matchbox.v1", "unauthorized"],
  ])(
    "may come as a subprotocol of a WebSocket, where a page can set no other header: %s",
    (_what, offered, expected) => {
      const headers = { ...LOCAL, "sec-websocket-protocol": offered };
      expect(verdict(door, headers, "/v1/watch", "socket")).toBe(expected);
      // A plain request has a header for it.
      expect(verdict(door, headers, "/v1/lanes", "request")).toBe("unauthorized");
    },
  );

  it("in the header counts before one in the subprotocols", () => {
    const headers = { ...LOCAL, "sec-websocket-protocol": `matchbox.token.${base64url(TOKEN)}` };
    expect(verdict(door, { ...headers, authorization: "Bearer wrong-wrong-wrong-wrong" }, "/v1/ws", "socket")).toBe(
      "unauthorized",
    );
  });

  it("is not needed for a page, whose Host and Origin are looked at all the same", () => {
    expect(verdict(door, LOCAL, "/", "page")).toBe("in");
    expect(verdict(door, { host: "evil.example" }, "/", "page")).toBe("forbidden_origin");
    expect(verdict(door, { ...LOCAL, origin: "http://evil.example" }, "/", "page")).toBe("forbidden_origin");
  });

  it("is not asked for where none is configured", () => {
    expect(verdict(doorOf(), LOCAL)).toBe("in");
  });
});

describe("the Origin of a request", () => {
  const door = doorOf({ allowedOrigins: ["https://app.example.org"] });

  it.each<[string, string | undefined, string]>([
    ["none, as programs send it", undefined, "in"],
    ["the daemon's own", "http://127.0.0.1:7070", "in"],
    ["an allowed one", "https://app.example.org", "in"],
    ["another site", "http://evil.example", "forbidden_origin"],
    ["null, as sandboxed frames send it", "null", "forbidden_origin"],
    ["nothing", "", "forbidden_origin"],
    ["another port of the same machine", "http://127.0.0.1:8080", "forbidden_origin"],
    ["no port", "http://127.0.0.1", "forbidden_origin"],
    ["another name for the same machine", "http://localhost:7070", "forbidden_origin"],
    ["a name that begins alike", "http://127.0.0.1:7070.evil.example", "forbidden_origin"],
    ["a name that ends alike", "http://evil-127.0.0.1:7070", "forbidden_origin"],
    ["another scheme", "https://127.0.0.1:7070", "forbidden_origin"],
    ["an allowed name with another scheme", "http://app.example.org", "forbidden_origin"],
    ["an allowed name with a port", "https://app.example.org:444", "forbidden_origin"],
    ["an allowed name in capitals", "HTTPS://APP.EXAMPLE.ORG", "forbidden_origin"],
    ["an allowed name below another", "https://app.example.org.evil.example", "forbidden_origin"],
    ["an allowed name and a path", "https://app.example.org/", "forbidden_origin"],
    ["two", "https://app.example.org http://evil.example", "forbidden_origin"],
    ["localhost below a stranger", "http://localhost.evil.com", "forbidden_origin"],
  ])("decides about web pages: %s", (_what, origin, expected) => {
    expect(verdict(door, { ...LOCAL, ...(origin === undefined ? {} : { origin }) })).toBe(expected);
  });

  it("is decided before the token, so that a page learns nothing about tokens", () => {
    const locked = doorOf({ tokens: [TOKEN] });
    expect(verdict(locked, { ...LOCAL, origin: "http://evil.example", authorization: `Bearer ${TOKEN}` })).toBe(
      "forbidden_origin",
    );
  });

  it("holds for a unix socket too, should anything ever carry a page there", () => {
    expect(verdict(doorOf({ listen: "unix:/m.sock" }), { host: "m", origin: "http://evil.example" })).toBe(
      "forbidden_origin",
    );
  });
});

describe("the Host of a request", () => {
  const door = doorOf({ allowedHosts: ["box.example.org", "Proxy.Example.org:8443"] });

  it.each<[string | undefined, string]>([
    ["127.0.0.1:7070", "in"],
    ["127.0.0.1", "in"],
    ["localhost:7070", "in"],
    ["LOCALHOST:7070", "in"],
    ["[::1]:7070", "in"],
    ["box.example.org", "in"],
    ["box.example.org:9000", "in"],
    ["BOX.example.org", "in"],
    ["proxy.example.org:8443", "in"],
    ["proxy.example.org", "forbidden_origin"],
    ["proxy.example.org:1", "forbidden_origin"],
    ["evil.example:7070", "forbidden_origin"],
    ["localhost.evil.example", "forbidden_origin"],
    ["127.0.0.1.evil.example:7070", "forbidden_origin"],
    ["evil.box.example.org", "forbidden_origin"],
    ["localhost.", "forbidden_origin"],
    ["localhost:7070:7070", "forbidden_origin"],
    ["user@localhost:7070", "forbidden_origin"],
    ["2130706433", "forbidden_origin"],
    ["127.1", "forbidden_origin"],
    ["192.168.1.5:7070", "forbidden_origin"],
    ["[::1", "forbidden_origin"],
    ["", "forbidden_origin"],
    [undefined, "forbidden_origin"],
  ])("is one of ours, against rebound names: %j is %s", (host, expected) => {
    expect(verdict(door, host === undefined ? {} : { host })).toBe(expected);
  });

  it.each<[string, string]>([
    ["203.0.113.7:7070", "in"],
    ["[2001:db8::1]:7070", "in"],
    ["evil.example:7070", "forbidden_origin"],
    ["localhost:7070", "forbidden_origin"],
  ])(
    "may be any address, which no name server can play with, where the daemon listens to others: %s is %s",
    (host, expected) => {
      const open = doorOf({ listen: "0.0.0.0:7070", tokens: [TOKEN] });
      expect(verdict(open, { host, authorization: `Bearer ${TOKEN}` })).toBe(expected);
    },
  );

  it("is of no account on a unix socket", () => {
    expect(verdict(doorOf({ listen: "unix:/m.sock" }), { host: "whatever" })).toBe("in");
  });
});
