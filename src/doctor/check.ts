/** What a check comes to. `skip`: something that it needs has failed, so there is nothing to say. */
export const STATUSES = ["ok", "warn", "fail", "skip"] as const;
export type Status = (typeof STATUSES)[number];

/** A finding in a few words; whatever is not well comes with what to do about it, one line for each step. */
export type Verdict =
  | { readonly status: "ok" | "skip"; readonly finding: string }
  | { readonly status: "warn" | "fail"; readonly finding: string; readonly fix: string };

/** One line of what the doctor says. Names are unique among the checks of one look. */
export type Check = { readonly name: string } & Verdict;

export function ok(finding: string): Verdict {
  return { status: "ok", finding };
}

/** Sandboxes run, but worse or less safely than they could. */
export function warn(finding: string, fix: string): Verdict {
  return { status: "warn", finding, fix };
}

/** A lane, or all of them, would stay closed, or a limit that is relied on would not hold. */
export function fail(finding: string, fix: string): Verdict {
  return { status: "fail", finding, fix };
}

export function skip(finding: string): Verdict {
  return { status: "skip", finding };
}
