import { TRACE_HEADER, type TraceLine, traceLineOf } from "./trace.js";

/** Arrivals that are kept at most: as many as are replayed. 14 bytes each. */
const MAX_ARRIVALS = 50_000;
const BYTES_EACH = 14;
/** How long one counts, in ms. */
const DAY_MS = 86_400_000;

/** Arrivals as numbers, so that a thread gets them without a copy of each. */
export interface PackedArrivals {
  /** In ms since 1970. */
  readonly t: Float64Array;
  /** NaN where the run got no sandbox. */
  readonly ms: Float32Array;
  /** Which of `lanes`. */
  readonly lane: Uint16Array;
  readonly lanes: readonly string[];
}

/**
 * The arrivals of the last day, as far as they fit, in memory: what a lane's size is advised from where no file is
 * configured. A run costs three numbers.
 */
export class ArrivalMemory {
  readonly #capacity: number;
  readonly #t: Float64Array;
  readonly #ms: Float32Array;
  readonly #lane: Uint16Array;
  readonly #lanes: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** Of all that ever came. */
  #count = 0;

  /** @param maxBytes of all that are kept, should that be less than its own bound */
  constructor(maxBytes: number) {
    this.#capacity = Math.max(1, Math.min(MAX_ARRIVALS, Math.floor(maxBytes / BYTES_EACH)));
    this.#t = new Float64Array(this.#capacity);
    this.#ms = new Float32Array(this.#capacity);
    this.#lane = new Uint16Array(this.#capacity);
  }

  add({ t, lane, ms }: TraceLine): void {
    const at = this.#count % this.#capacity;
    this.#t[at] = Math.round(t);
    this.#ms[at] = ms === null ? NaN : Math.round(ms);
    this.#lane[at] = this.#numberOf(lane);
    this.#count += 1;
  }

  /** Oldest first as they were added. */
  packed(nowMs: number): PackedArrivals {
    const kept = Math.min(this.#count, this.#capacity);
    const order = Uint32Array.from(
      { length: kept },
      (_, index) => (this.#count - kept + index) % this.#capacity,
    ).filter((at) => nowMs - (this.#t[at] ?? 0) <= DAY_MS);
    return {
      t: Float64Array.from(order, (at) => this.#t[at] ?? 0),
      ms: Float32Array.from(order, (at) => this.#ms[at] ?? 0),
      lane: Uint16Array.from(order, (at) => this.#lane[at] ?? 0),
      lanes: [...this.#lanes],
    };
  }

  /** In the form of a trace's file. */
  text(nowMs: number): string {
    return TRACE_HEADER + unpacked(this.packed(nowMs)).map(traceLineOf).join("");
  }

  /** Only names of lanes that are or were configured come here. */
  #numberOf(lane: string): number {
    const known = this.#numbers.get(lane);
    if (known !== undefined) return known;
    const number = this.#lanes.push(lane) - 1;
    this.#numbers.set(lane, number);
    return number;
  }
}

/** In the order of arrival: they are noted when runs end, which is another order. */
export function unpacked({ t, ms, lane, lanes }: PackedArrivals): TraceLine[] {
  return Array.from(t, (at, index) => {
    const took = ms[index] ?? NaN;
    return { t: at, lane: lanes[lane[index] ?? 0] ?? "", ms: Number.isNaN(took) ? null : took };
  }).sort((one, other) => one.t - other.t);
}
