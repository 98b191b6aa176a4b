// @ts-check
import { spawn } from "node:child_process";

/**
 * Runs a program to its end and keeps what it printed.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, onLine?: (text: string) => void }} options
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function runTool(command, args, { cwd, onLine }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    /** @param {string} text */
    const keep = (text) => {
      output += text;
      onLine?.(text);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", reject);
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/** A failure that is explained by its message alone. */
export class SetupError extends Error {
  /** @override */
  name = "SetupError";
}
