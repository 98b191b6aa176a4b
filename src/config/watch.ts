import { readFile, watch } from "node:fs/promises";
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
  let isDue = false;
  const look = async (): Promise<void> => {
    while (isDue) {
      isDue = false;
      await sleep(QUIET_MS, undefined, { signal });
      if (isDue) continue;
      const content = await contentOf(path);
      // Gone for a moment, or for good: in neither case is there anything to read.
      if (content === undefined || content === known) continue;
      known = content;
      await onChange();
    }
  };
  let looking: Promise<void> | undefined;
  try {
    for await (const _event of watch(dirname(path), { signal })) {
      isDue = true;
      looking ??= look()
        .catch(() => undefined) // Aborted.
        .finally(() => {
          looking = undefined;
        });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
