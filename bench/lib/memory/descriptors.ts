import { readdir, readFile, readlink } from "node:fs/promises";

/** What a process has open. */
export interface Descriptors {
  /** Unix sockets that are connected: of a daemon, those to its engine. */
  readonly unixConnections: number;
  /** All the rest: files, pipes, TCP connections, listeners. */
  readonly others: number;
}

/** @throws Error when the process is gone, or belongs to another user and this one is not root */
export async function openDescriptors(pid: number): Promise<Descriptors> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  const links = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => undefined))); // Closed meanwhile.
  return sortDescriptors(
    links.filter((link) => link !== undefined),
    await readFile("/proc/net/unix", "utf8"),
  );
}

/** @param links such as `socket:[17]`; @param unixSockets the text of `/proc/net/unix` */
export function sortDescriptors(links: readonly string[], unixSockets: string): Descriptors {
  const connected = new Set(unixSockets.split("\n").flatMap((line) => connectedInode(line) ?? []));
  const unixConnections = links.filter((link) => connected.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? "")).length;
  return { unixConnections, others: links.length - unixConnections };
}

const STREAM = "0001";
const CONNECTED = "03";

/** A line has: address, references, protocol, flags, type, state, inode, and a path where there is one. */
function connectedInode(line: string): string | undefined {
  const [, , , , type, state, inode] = line.trim().split(/\s+/);
  return type === STREAM && state === CONNECTED ? inode : undefined;
}
