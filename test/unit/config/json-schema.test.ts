import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configJsonSchema } from "../../../src/config/json-schema.js";
import { packageRoot } from "../../../src/package-root.js";

interface Node {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
}

/** Keys that hold a value, dotted; a lane stands for all lanes. */
function leaves(node: Node, key = ""): [string, Node][] {
  const inner = Object.entries(node.properties ?? {});
  if (typeof node.additionalProperties === "object") inner.push(["*", node.additionalProperties]);
  if (inner.length === 0) return [[key, node]];
  return inner.flatMap(([name, child]) => leaves(child, key === "" ? name : `${key}.${name}`));
}

describe("the JSON schema of the configuration", () => {
  it("is the one in config/schema.json (`npx vitest run --project unit test/unit/config -u` writes it)", async () => {
    const text = `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
    await expect(text).toMatchFileSnapshot(join(packageRoot(), "config", "schema.json"));
  });

  it("describes every key", () => {
    const keys = leaves(configJsonSchema());
    expect(keys.length).toBeGreaterThan(60);
    expect(keys.filter(([, { description }]) => description === undefined).map(([key]) => key)).toEqual([]);
  });

  it("is named by the file that comes with Matchbox, beside it", async () => {
    const [first] = (await readFile(join(packageRoot(), "config", "default.yaml"), "utf8")).split("\n");
    expect(first).toBe("# yaml-language-server: $schema=schema.json");
  });
});
