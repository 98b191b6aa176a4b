import { describe, expect, it } from "vitest";
import { isInstalled } from "../../../scripts/dependencies.mjs";

const manifest = { dependencies: { a: "1" }, devDependencies: { b: "2" } };
const a = { version: "1.0.0", integrity: "sha-a" };
const b = { version: "2.0.0", integrity: "sha-b" };
const wanted = { packages: { "": manifest, "node_modules/a": a, "node_modules/b": b } };

describe("isInstalled", () => {
  it("recognises what npm ci left", () => {
    expect(isInstalled(manifest, wanted, { packages: { "node_modules/a": a, "node_modules/b": b } })).toBe(true);
  });

  it("accepts that packages for other systems are missing", () => {
    const other = { packages: { ...wanted.packages, "node_modules/c": { version: "3", optional: true } } };
    expect(isInstalled(manifest, other, { packages: { "node_modules/a": a, "node_modules/b": b } })).toBe(true);
  });

  it.each([
    ["nothing is installed", undefined],
    ["a package is missing", { "node_modules/a": a }],
    ["a package is another version", { "node_modules/a": a, "node_modules/b": { ...b, version: "2.0.1" } }],
    ["a package has other content", { "node_modules/a": a, "node_modules/b": { ...b, integrity: "sha-x" } }],
    ["there is one too many", { "node_modules/a": a, "node_modules/b": b, "node_modules/z": a }],
  ])("asks for an install when %s", (_, packages) => {
    expect(isInstalled(manifest, wanted, packages && { packages })).toBe(false);
  });

  it("asks for an install when package.json and the lock file differ, so that npm says so", () => {
    const changed = { ...manifest, dependencies: { a: "2" } };
    expect(isInstalled(changed, wanted, { packages: { "node_modules/a": a, "node_modules/b": b } })).toBe(false);
  });
});
