import type { WatchAdvice } from "../../protocol/watch.js";
import { formatCount, formatShare } from "../shared/format.js";

export interface LaneCounsel {
  /** In a word or two. */
  readonly verdict: string;
  readonly words: string;
  /** Whether something is to be done. */
  readonly isChange: boolean;
}

/** What to say about a lane's size. @param present what it keeps ready now, which may have changed since the advice */
export function counselFor(advice: WatchAdvice, lane: string, present: number): LaneCounsel {
  switch (advice.state) {
    case "off":
      return quiet(
        "no record",
        "Set sizing.traceFile in the configuration, and the daemon advises on this lane's size.",
      );
    case "pending":
      return quiet("in a moment", "The record is being replayed.");
    case "failed":
      return quiet("no advice", advice.message);
    case "ready": {
      const own = advice.lanes.find((one) => one.lane === lane);
      if (own === undefined)
        return quiet(
          "no runs yet",
          "The record has no run of this lane yet: the advice comes with the first, and is worth most after a day like most.",
        );
      const basis = ` (${formatCount(own.runs)} runs, target ${formatShare(advice.targetHitRate)})`;
      if (own.present === null) return quiet(`follows the runs: ${present}`, `${own.reason}${basis}`);
      const isChange = own.recommended !== present;
      return {
        verdict: isChange ? `set warm: ${own.recommended}` : `keep warm: ${present}`,
        words: `${own.reason}${basis}`,
        isChange,
      };
    }
    default:
      return advice satisfies never;
  }
}

function quiet(verdict: string, words: string): LaneCounsel {
  return { verdict, words, isChange: false };
}
