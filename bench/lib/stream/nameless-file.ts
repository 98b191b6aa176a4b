import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An empty file in the folder for temporary ones, with no name any more: it is gone when it is closed, however that happens. */
export async function namelessFile(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), "matchbox-bench-"));
  try {
    return await open(join(folder, "file"), "w+");
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** All that has been written to it, as text. */
export async function contentOf(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  const content = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const { bytesRead } = await file.read(content, at, size - at, at);
    if (bytesRead === 0) throw new Error(`the file ended after ${at} of ${size} bytes`);
    at += bytesRead;
  }
  return content.toString("utf8");
}
