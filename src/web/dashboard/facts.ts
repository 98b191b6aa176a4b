import type { LanesReport } from "../../protocol/lanes.js";
import { byId, setText } from "../shared/dom.js";
import { formatCount, formatDuration, formatShare } from "../shared/format.js";
import { lastMinuteOf } from "./arrivals.js";
import type { Model } from "./model.js";

/** The line of facts over everything: the daemon as a whole. */
export function showFacts({ report, arrivals }: Model): void {
  const lastMinute = Object.values(arrivals.lanes).reduce((total, counts) => total + lastMinuteOf(counts), 0);
  setText(byId("fact-version"), report.server);
  setText(byId("fact-uptime"), formatDuration(report.uptimeMs));
  setText(byId("fact-connections"), formatCount(report.connections));
  setText(byId("fact-runs"), formatCount(report.lanes.reduce((total, { runs }) => total + runs.total, 0)));
  setText(byId("fact-rate"), formatCount(lastMinute));
  setText(byId("fact-hits"), formatShare(hitRateOf(report)));
}

function hitRateOf({ lanes }: LanesReport): number | null {
  const total = lanes.reduce((sum, { runs }) => sum + runs.warm + runs.cold + runs.refused, 0);
  const warm = lanes.reduce((sum, { runs }) => sum + runs.warm, 0);
  return total === 0 ? null : warm / total;
}
