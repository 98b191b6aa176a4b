import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasCode, messageOf } from "../errors.js";
import { isWorkspacePath } from "../protocol/names.js";

export interface SaveOptions {
  /** The folder below which files are written; made when it is not there. Undefined is the current one. */
  readonly folder: string | undefined;
  /** Replace files that are there. */
  readonly force: boolean;
}

export interface ReceivedFile {
  readonly path: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

/** What became of a file that came from a sandbox: where it is, or why it is not. */
export type Saved = { readonly savedAs: string } | { readonly problem: string };

/**
 * Writes a file that a sandbox sent. Its name and content are the program's choice, so nothing is trusted: it stays below
 * the folder, follows no symbolic link, and replaces nothing unless told to.
 *
 * Hidden files (a name beginning with ".") are written only below a folder that was named: in the current one, a
 * `.git/hooks/post-checkout` would be run by the next harmless command.
 */
export async function saveCollectedFile(file: ReceivedFile, { folder, force }: SaveOptions): Promise<Saved> {
  if (!isWorkspacePath(file.path)) return { problem: "its name is not one inside a folder" };
  const names = file.path.split("/");
  if (folder === undefined && names.some((name) => name.startsWith("."))) {
    return { problem: "hidden files are only written below a folder named with --out" };
  }
  const root = folder ?? ".";
  try {
    if (folder !== undefined) await mkdir(folder, { recursive: true });
    const blocked = await makeFolders(root, names.slice(0, -1));
    if (blocked !== undefined) return { problem: blocked };
    const target = join(root, ...names);
    return await (force ? replace(target, file) : create(target, file));
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** Makes the folders on the way one by one, so that no link among them is followed. */
async function makeFolders(root: string, names: readonly string[]): Promise<string | undefined> {
  let path = root;
  for (const name of names) {
    path = join(path, name);
    try {
      await mkdir(path);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      if (!(await lstat(path)).isDirectory()) return `${path} is there and is not a folder`;
    }
  }
  return undefined;
}

async function create(target: string, file: ReceivedFile): Promise<Saved> {
  try {
    await writeNew(target, file);
    return { savedAs: target };
  } catch (error) {
    if (hasCode(error, "EEXIST")) return { problem: `${target} is there already; --force replaces it` };
    throw error;
  }
}

/** A rename replaces the name itself, so a link under that name is not followed; and nobody sees half a file. */
async function replace(target: string, file: ReceivedFile): Promise<Saved> {
  const temporary = join(dirname(target), `.matchbox-${randomBytes(8).toString("hex")}`);
  await writeNew(temporary, file);
  try {
    await rename(temporary, target);
    return { savedAs: target };
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
}

async function writeNew(path: string, { bytes, mode }: ReceivedFile): Promise<void> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, (mode & 0o755) | 0o600);
  try {
    await handle.writeFile(bytes);
  } catch (error) {
    await unlink(path);
    throw error;
  } finally {
    await handle.close();
  }
}
