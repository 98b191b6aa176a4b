import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompress, constants, gzip } from "node:zlib";
import { promisify } from "node:util";
import { defineConfig, type Plugin } from "vite";

const here = import.meta.dirname;
const outDir = join(here, "..", "..", "dist", "web");

/**
 * Puts `shared/head.html` where a page says `<!-- head -->`, and `shared/header.html` where it says `<!-- header: NAME -->`,
 * with the link to that page marked as the current one.
 */
function sharedParts(): Plugin {
  const read = (name: string): Promise<string> => readFile(join(here, "shared", name), "utf8");
  return {
    name: "matchbox-shared-parts",
    transformIndexHtml: {
      order: "pre",
      async handler(html) {
        const [head, header] = await Promise.all([read("head.html"), read("header.html")]);
        return html
          .replace("<!-- head -->", () => head)
          .replace(/<!-- header: (\w+) -->/, (_all, page: string) =>
            header.replace(`data-page="${page}"`, 'aria-current="page"').replace(/ data-page="\w+"/g, ""),
          );
      },
    },
  };
}

/** Writes each file a second and a third time, compressed as far as it goes: the daemon only picks one. */
function precompress(): Plugin {
  return {
    name: "matchbox-precompress",
    async closeBundle() {
      const entries = await readdir(outDir, { recursive: true, withFileTypes: true });
      for (const entry of entries.filter((one) => one.isFile())) {
        const file = join(entry.parentPath, entry.name);
        const content = await readFile(file);
        const brotli = await promisify(brotliCompress)(content, {
          params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
        });
        await writeFile(`${file}.br`, brotli);
        await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: here,
  base: "/",
  logLevel: "warn",
  plugins: [sharedParts(), precompress()],
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    // Everything is a file of its own that the policy of the pages ('self') covers, and nothing is inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      // Of a dependency's comments, which nobody here can change.
      onLog: (level, log, warn) => {
        if (log.code !== "INVALID_ANNOTATION") warn(level, log);
      },
      input: [join(here, "index.html"), join(here, "playground.html")],
      // The client's way to a socket in Node, which it looks for only there.
      external: /\/node-socket\.js$/,
    },
  },
});
