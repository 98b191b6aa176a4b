import { fail, ok, skip, type Verdict } from "./check.js";
import { type EngineInfo, hasSecurityOption } from "./engine-info.js";

/** A lane's seccomp profile, as far as it can be read. */
export interface ProfileFacts {
  readonly lane: string;
  /** Undefined for Matchbox's own. */
  readonly path: string | undefined;
  /** Why it cannot be used; one that can denies what it does not name. */
  readonly fault: string | undefined;
}

/** @param info undefined while the engine does not answer */
export function checkSeccomp(
  profiles: readonly ProfileFacts[],
  info: Pick<EngineInfo, "SecurityOptions"> | undefined,
): Verdict {
  const faults = profiles.flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
  if (faults.length > 0)
    return fail(faults.join("; "), "Mend the file, or set the lane's seccomp to null for Matchbox's own profile.");
  const paths = [...new Set(profiles.map(({ path }) => path ?? "Matchbox's own profile"))].map(
    (path) =>
      `${path} (${profiles
        .filter((profile) => (profile.path ?? "Matchbox's own profile") === path)
        .map(({ lane }) => lane)
        .join(", ")})`,
  );
  const read = `${paths.join(", ")} denies by default`;
  if (info === undefined) return skip(`${read}; whether the engine can apply it, only the engine can say`);
  if (!hasSecurityOption(info, "seccomp"))
    return fail(
      "the engine cannot filter system calls, so it makes no sandbox",
      "Use a kernel with CONFIG_SECCOMP_FILTER and an engine that is built with seccomp (those of distributions and of Docker are).",
    );
  return ok(`the engine filters system calls; ${read}`);
}

/** Whether root in a container is somebody else outside of it. */
export function checkUserNamespaces(info: Pick<EngineInfo, "SecurityOptions">): Verdict {
  if (hasSecurityOption(info, "rootless"))
    return ok("the engine runs as a user (rootless): what gets out of a sandbox is that user at most");
  if (hasSecurityOption(info, "userns"))
    return ok("the engine maps users of containers to users without rights (userns-remap)");
  // No warning: what Matchbox does on an engine with userns-remap has not been tried, so there is no fix to recommend.
  return ok("off, as engines are by default; programs run as a user that is not root, without capabilities");
}

/** What `engine.ociRuntime`, and the lanes' own, come to on this engine. */
export interface RuntimeFacts {
  /** `auto`, a name, or null for the engine's default. */
  readonly configured: string | null;
  /** The name that sandboxes are asked for; undefined for the engine's default. */
  readonly chosen: string | undefined;
  /** Lanes that go by it. */
  readonly lanes: readonly string[];
  /** Lanes that name one themselves. */
  readonly own: readonly { readonly lane: string; readonly ociRuntime: string }[];
}

export function checkRuntimes(
  { configured, chosen, lanes, own }: RuntimeFacts,
  info: Pick<EngineInfo, "Runtimes" | "DefaultRuntime">,
): Verdict {
  // The engine's own names for its shims are no choice that anybody makes.
  const known = Object.keys(info.Runtimes).filter((name) => !name.startsWith("io.containerd."));
  const all = known.length === 0 ? "the engine names none" : `the engine knows ${known.join(", ")}`;
  const fix = (name: string, key: string, instead: string): string =>
    `Install ${name} and name it under "runtimes" in /etc/docker/daemon.json, or set ${key} to ${instead}.`;
  if (chosen !== undefined && lanes.length > 0 && !Object.hasOwn(info.Runtimes, chosen))
    return fail(`${chosen} for every lane (engine.ociRuntime), but ${all}`, fix(chosen, "engine.ociRuntime", "auto"));
  const missing = own.filter(({ ociRuntime }) => !Object.hasOwn(info.Runtimes, ociRuntime));
  if (missing.length > 0)
    return fail(
      `${missing.map(({ lane, ociRuntime }) => `${ociRuntime} for lane ${lane}`).join(", ")}, but ${all}`,
      missing.map(({ lane, ociRuntime }) => fix(ociRuntime, `lanes.${lane}.ociRuntime`, "null")).join("\n"),
    );
  const hint = configured === "auto" && chosen === undefined ? "; with crun sandboxes would start faster" : "";
  const general =
    lanes.length === 0 ? [] : [`${chosen ?? `${info.DefaultRuntime}, the engine's default,`} for ${lanes.join(", ")}`];
  const particular = own.map(({ lane, ociRuntime }) => `${ociRuntime} for ${lane}`);
  return ok(`${[...general, ...particular].join("; ")}; ${all}${hint}`);
}
