/** What an engine is told to use where a spec leaves the choice to us: undefined is its own default. */
type Choice = string | undefined;

/** Written in C and much smaller than runc: about a third less for each container (docs/performance.md). */
const FAST_RUNTIME = "crun";

/**
 * Which OCI runtime `auto` is, on one engine: crun where the engine has it, unless it turns out that it cannot start a
 * sandbox there (an old one on a host with both cgroup versions, say); else the engine's default.
 */
export class OciRuntimeChoice {
  #offered: readonly string[] = [];
  #hasStarted = false;
  #isUnfit = false;

  /** The engine says what it has, for the first time or after something went wrong: what was found out is forgotten. */
  look(offered: readonly string[]): void {
    this.#offered = offered;
    this.#hasStarted = false;
    this.#isUnfit = false;
  }

  /** @param wanted the engine's name of a runtime, `auto`, or undefined for the engine's default */
  choose(wanted: string | undefined): Choice {
    if (wanted !== "auto") return wanted;
    return !this.#isUnfit && this.#offered.includes(FAST_RUNTIME) ? FAST_RUNTIME : undefined;
  }

  /** A sandbox started under what was chosen. */
  started(chosen: Choice): void {
    if (chosen === FAST_RUNTIME) this.#hasStarted = true;
  }

  /**
   * The engine refused to start a sandbox under what was chosen for `wanted`.
   * @returns whether to try again, because the choice was ours, never worked, and is another now
   */
  refused(wanted: string | undefined, chosen: Choice): boolean {
    if (wanted !== "auto" || chosen === undefined || this.#hasStarted) return false;
    this.#isUnfit = true;
    return true;
  }
}
