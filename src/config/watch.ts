import { watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a file has to be left alone before it is read: who writes it may take several steps. */
const QUIET_MS = 200;

/**
 * Calls `onChange`, which must not reject, whenever the content of a file has changed, until the signal is aborted. What
 * is watched is its folder: editors and deployments put a new file in the place of the old one, or move a link.
 * @throws Error when the folder cannot be watched
 */
export async function watchFile(
  path: string,
  { onChange, signal }: { onChange: () => Promise<void>; signal: AbortSignal },
): Promise<void> {
  let known = await contentOf(path);
  let events = 0;
  let seen = 0;
  const look = async (): Promise<void> => {
    while (seen < events) {
      seen = events;
      await sleep(QUIET_MS, undefined, { signal });
      if (seen < events) continue;
      const content = await contentOf(path);
      // Gone for a moment, or for good: in neither case is there anything to read.
      if (content === undefined || content === known) continue;
      known = content;
      await onChange();
    }
  };
  let looking: Promise<void> | undefined;
  const watcher = watch(dirname(path), { signal }, () => {
    events += 1;
    looking ??= look()
      .catch(() => undefined) // Aborted.
      .finally(() => {
        looking = undefined;
      });
  });
  await new Promise<void>((resolve, reject) => {
    watcher.once("close", resolve);
    watcher.once("error", reject);
  });
}

async function contentOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
