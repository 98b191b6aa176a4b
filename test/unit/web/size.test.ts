import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.js";

const BUILT = join(packageRoot(), "dist", "web");

/** Every file that a page may come to load: what it names, and what those name. */
function loadedBy(page: string): string[] {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    if (!/\.(?:html|js)$/.test(file)) return;
    const text = readFileSync(join(BUILT, file), "utf8");
    for (const [, name = ""] of text.matchAll(/["'`(/]([\w-]+\.(?:js|css|svg|woff2|wasm))["'`)]/g)) {
      for (const place of [join("assets", name), name]) if (existsSync(join(BUILT, place))) visit(place);
    }
  };
  visit(page);
  return [...found];
}

describe.runIf(existsSync(BUILT))("the built pages", () => {
  it.each([
    ["index.html", 60_000],
    ["playground.html", 150_000],
  ])("%s comes to less than %d bytes with all that it loads, compressed", (page, limit) => {
    const files = loadedBy(page);
    expect(files.filter((file) => file.endsWith(".css"))).not.toEqual([]);
    expect(files.filter((file) => file.endsWith(".js")).length).toBeGreaterThan(1);
    expect(files.reduce((sum, file) => sum + readFileSync(join(BUILT, `${file}.br`)).length, 0)).toBeLessThan(limit);
  });

  it.each(["index.html", "playground.html"])("%s has nothing inline, and nothing from elsewhere", (page) => {
    const html = readFileSync(join(BUILT, page), "utf8");
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|(?:src|href)="(?:https?:)?\/\//);
  });
});
