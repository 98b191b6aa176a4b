import { showThemeToggle } from "../shared/theme.js";

showThemeToggle();

/** Everything but the page's frame, which is drawn first: the rest takes a slow machine a second to read. */
async function load(): Promise<void> {
  // Before whatever makes a schema.
  await import("../shared/zod-without-eval.js");
  const { start } = await import("./start.js");
  start();
}

if (document.hidden) void load();
else requestAnimationFrame(() => setTimeout(() => void load()));
