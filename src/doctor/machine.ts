type Environment = Readonly<Record<string, string | undefined>>;

/** What an engine's address in the configuration in force comes from, in the words of whoever would change it. */
export function originOf(socket: string | null, env: Environment): string {
  if (socket === null || socket === "") return "the default";
  const named = ["MATCHBOX_ENGINE_SOCKET", "DOCKER_HOST"].find((variable) => env[variable] === socket);
  return named ?? "engine.socket";
}

/** @param limits the text of /proc/PID/limits @returns undefined for no limit, or none that can be read */
export function parseOpenFilesLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
