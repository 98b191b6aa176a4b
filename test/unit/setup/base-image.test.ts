import { describe, expect, it } from "vitest";
import { aptOptions, sourcesFor } from "../../../src/setup/base-image.js";

describe("sourcesFor", () => {
  it("takes the machine's own mirrors, whatever release it runs itself", () => {
    const targets = [
      "Debian Debian http://mirror.example/debian/",
      "Debian Debian http://mirror.example/debian/",
      "Debian Debian-Security http://mirror.example/security/",
      "Other Other http://elsewhere.example/",
    ].join("\n");
    expect(sourcesFor(targets)).toEqual([
      "deb http://mirror.example/debian/ trixie main",
      "deb http://mirror.example/debian/ trixie-updates main",
      "deb http://mirror.example/security/ trixie-security main",
    ]);
  });

  it("names none on a system that is not Debian", () => {
    expect(sourcesFor("Ubuntu Ubuntu http://mirror.example/ubuntu/\n")).toEqual([]);
  });
});

describe("aptOptions", () => {
  it("keeps what decides whether the mirrors can be used, and nothing else", () => {
    const settings = [
      'Acquire "";',
      'Acquire::http::Proxy "http://proxy.example:3142";',
      'Acquire::http::Proxy::mirror.example "DIRECT";',
      'Acquire::https::Proxy "";',
      'Acquire::Check-Valid-Until "false";',
      'Acquire::Languages "none";',
      'APT::Install-Recommends "1";',
    ].join("\n");
    expect(aptOptions(settings)).toEqual([
      'Acquire::http::Proxy "http://proxy.example:3142";',
      'Acquire::http::Proxy::mirror.example "DIRECT";',
      'Acquire::Check-Valid-Until "false";',
    ]);
  });
});
