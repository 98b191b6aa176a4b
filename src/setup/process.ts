import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import path from "node:path";

export interface ProgramEnd {
  readonly ok: boolean;
  /** Both its outputs, as they came. */
  readonly output: string;
}

/** Runs a program to its end. @throws when it cannot be started or `signal` aborts. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { onText?: (text: string) => void; env?: Record<string, string>; signal?: AbortSignal | undefined } = {},
): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
      signal: options.signal,
    });
    let output = "";
    const keep = (text: string): void => {
      output += text;
      options.onText?.(text);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ ok: code === 0, output });
    });
  });
}

/** Where a program lies; undefined when there is none. Looks where root's programs are as well. */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  for (const folder of folders.filter((entry) => entry !== "")) {
    const file = path.join(folder, name);
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  return undefined;
}

/** The last lines of a longer text, for a message. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
