import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { messageOf } from "../errors.js";
import { isWorkspacePath } from "../protocol/names.js";
import type { RunRequest } from "../protocol/messages.js";
import { CliError } from "./cli-error.js";

export interface FileArgument {
  readonly local: string;
  readonly remote: string;
}

/**
 * Reads `local[:remote]`; the last colon divides, and without one the file keeps its name, at the top of the workspace.
 * @throws TypeError for a remote path that leaves the workspace
 */
export function parseFileArgument(text: string): FileArgument {
  const split = text.lastIndexOf(":");
  const local = split < 0 ? text : text.slice(0, split);
  const remote = split < 0 ? basename(text) : text.slice(split + 1);
  if (local === "") throw new TypeError(`"${text}" must look like data.csv or data.csv:in/data.csv`);
  if (!isWorkspacePath(remote)) {
    throw new TypeError(`"${remote}" is not a path inside the workspace: no leading "/", no "." or ".." in it`);
  }
  return { local, remote };
}

/** Reads the files that a run brings along, exactly as they are. @throws CliError that names the file */
export async function readInputFiles(files: readonly FileArgument[]): Promise<NonNullable<RunRequest["files"]>> {
  return Promise.all(
    files.map(async ({ local, remote }) => {
      const { content, mode } = await readLocal(local);
      return { path: remote, content: content.toString("base64"), encoding: "base64" as const, mode: mode & 0o777 };
    }),
  );
}

/** Reads a program's text. @throws CliError when it cannot be read or is not UTF-8 */
export async function readCode(file: string): Promise<string> {
  return decodeText((await readLocal(file)).content, file);
}

/** Reads a stream to its end as text. @throws CliError when it is not UTF-8 */
export async function readText(stream: AsyncIterable<Buffer>, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return decodeText(Buffer.concat(chunks), name);
}

function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CliError(`${name} is not UTF-8 text.`, { cause: error });
  }
}

async function readLocal(path: string): Promise<{ content: Buffer; mode: number }> {
  try {
    const { mode } = await stat(path);
    return { content: await readFile(path), mode };
  } catch (error) {
    throw new CliError(`Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
