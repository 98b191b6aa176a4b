import { showShare } from "../sizing/advise.js";
import { type FleetHost, type FleetOutcome, type Placement, PLACEMENTS, simulateFleet } from "../sizing/fleet.js";
import { count } from "./advice-table.js";
import { showLatency } from "./lane-table.js";
import { renderTable } from "./table.js";

const RATES_PER_S = [1, 10, 100, 1_000, 10_000] as const;
const ARRIVALS = { alone: null, bursts: { least: 4, most: 12 } } as const;
/** Runs simulated for each row: at a hit rate of 99.9 % some hundred of them miss. */
const RUNS = 300_000;
const SEED = 20_261_126;
/** Share of what a machine's starts can make that is to be asked of it on average. */
const USED = 0.7;
/** Processor time of the engine for one container's life, in s (`npm run bench -- refill`, lane python). */
const CPU_S_PER_RUN = 0.25;

export interface FleetRow extends FleetOutcome {
  readonly ratePerS: number;
  readonly arrivals: keyof typeof ARRIVALS;
  readonly placement: Placement;
  readonly hosts: number;
  /** Of all idle sandboxes. */
  readonly idleMiB: number;
  /** What the stock holds while 1,000 runs come. */
  readonly idleMiBSPer1000Runs: number;
  readonly cpuSPer1000Runs: number;
}

export interface FleetQuestion {
  readonly host: FleetHost;
  readonly idleMiB: number;
  readonly targetHitRate: number;
}

/** What it takes to serve from 1 to 10,000 runs a second on machines that are alike. */
export function fleetRows({ host, idleMiB, targetHitRate }: FleetQuestion): FleetRow[] {
  const perHostPerS = (USED * host.startsInParallel * 1_000) / host.refillMs;
  const rows: FleetRow[] = [];
  for (const arrivals of ["alone", "bursts"] as const) {
    for (const ratePerS of RATES_PER_S) {
      const hosts = Math.ceil(ratePerS / perHostPerS);
      // With one machine there is nothing to choose.
      for (const placement of hosts === 1 ? PLACEMENTS.slice(-1) : PLACEMENTS) {
        const burst = ARRIVALS[arrivals];
        const outcome = simulateFleet({
          ...{ ratePerS, burst, placement, hosts, host, targetHitRate, runs: RUNS, seed: SEED },
        });
        const idle = outcome.stockPerHost * hosts * idleMiB;
        rows.push({
          ...{ ratePerS, arrivals, placement, hosts, ...outcome, idleMiB: idle },
          ...{ idleMiBSPer1000Runs: (idle * 1_000) / ratePerS, cpuSPer1000Runs: 1_000 * CPU_S_PER_RUN },
        });
      }
    }
  }
  return rows;
}

/** What `matchbox advise --fleet` shows, line by line. */
export function renderFleet(rows: readonly FleetRow[], { host, idleMiB, targetHitRate }: FleetQuestion): string[] {
  const right = ["RUNS/S", "HOSTS", "STOCK A HOST", "ALL STOCK", "HIT RATE", "WAIT P99", "P99.99", "IDLE MEMORY"];
  const columns = [
    ...right.slice(0, 1).map((title) => ({ title, align: "right" as const })),
    { title: "THAT COME" },
    { title: "PLACED" },
    ...right.slice(1).map((title) => ({ title, align: "right" as const })),
    { title: "MIB S / 1000 RUNS", align: "right" as const },
  ];
  const cells = rows.map((row) => [
    count(row.ratePerS),
    row.arrivals,
    row.hosts === 1 ? "-" : row.placement,
    count(row.hosts),
    row.stockPerHost.toFixed(row.placement === "one pool" && row.hosts > 1 ? 1 : 0),
    count(Math.round(row.stockPerHost * row.hosts)),
    showShare(row.hitRate),
    showLatency(row.waitMs.p99),
    showLatency(row.waitMs.p9999),
    `${count(Math.round(row.idleMiB))} MiB`,
    count(Math.round(row.idleMiBSPer1000Runs)),
  ]);
  return [
    `Machines with ${host.startsInParallel} starts at once of ${host.refillMs} ms, ${Math.round(USED * 100)} % of them used on average, ` +
      `at most ${count(host.mostWarm)} ready sandboxes of ${idleMiB} MiB on each. Target ${showShare(targetHitRate)}.`,
    `Processor time is the same at every rate: ${count(1_000 * CPU_S_PER_RUN)} s for 1,000 runs at ${CPU_S_PER_RUN} s a container's life.`,
    "",
    ...renderTable(columns, cells),
  ];
}
