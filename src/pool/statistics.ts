import { isAmount } from "../amount.js";
import { toMicroseconds } from "../clock.js";
import { type LaneReport, type MissReason, type RefillStep, STATISTICS_WINDOW } from "../protocol/lanes.js";
import type { Launch } from "../protocol/messages.js";
import { noMisses } from "./misses.js";

type Percentiles = LaneReport["handoutMs"];

/** The last values of one measure, for percentiles that mean "lately": in order always, so that asking costs nothing. */
class Window {
  /** As they came; the next takes the place of the oldest. */
  readonly #values = new Float64Array(STATISTICS_WINDOW);
  /** The same, in ascending order. */
  readonly #sorted = new Float64Array(STATISTICS_WINDOW);
  #length = 0;
  #next = 0;

  /** @param value is left out where it is no amount: nothing has a place in the order beside NaN */
  add(value: number): void {
    if (!isAmount(value)) return;
    if (this.#length === STATISTICS_WINDOW) this.#remove(this.#values[this.#next] ?? 0);
    const place = this.#placeOf(value);
    this.#sorted.copyWithin(place + 1, place, this.#length);
    this.#sorted[place] = value;
    this.#length += 1;
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % STATISTICS_WINDOW;
  }

  percentiles(): Percentiles {
    if (this.#length === 0) return null;
    // The nearest-rank definition: the smallest value that at least this share of all does not exceed.
    const at = (share: number): number =>
      toMicroseconds(this.#sorted[Math.max(0, Math.ceil(share * this.#length) - 1)] ?? 0);
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
  }

  #remove(value: number): void {
    const place = this.#placeOf(value);
    this.#sorted.copyWithin(place, place + 1, this.#length);
    this.#length -= 1;
  }

  /** Where the first value stands that is not below this one. */
  #placeOf(value: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What `GET /v1/lanes` tells of a lane's runs. */
export class LaneStatistics {
  readonly #byReason = new Map<string, number>();
  readonly #launches: Record<Launch, number> = { warm: 0, cold: 0 };
  readonly #misses = noMisses();
  readonly #queue = new Window();
  readonly #handout = new Window();
  readonly #firstByte = new Window();
  readonly #refill: Readonly<Record<RefillStep, Window>> = {
    create: new Window(),
    attach: new Window(),
    start: new Window(),
    ready: new Window(),
    remove: new Window(),
  };
  #refused = 0;

  /** A sandbox took one step of its life. */
  refillStep(step: RefillStep, ms: number): void {
    this.#refill[step].add(ms);
  }

  missed(reason: MissReason): void {
    this.#misses[reason] += 1;
  }

  handedOut(launch: Launch, { queueMs, handoutMs }: { queueMs: number; handoutMs: number }): void {
    this.#launches[launch] += 1;
    this.#queue.add(queueMs);
    this.#handout.add(handoutMs);
  }

  ended(outcome: string, run: { firstByteMs: number | null } | undefined): void {
    this.#byReason.set(outcome, (this.#byReason.get(outcome) ?? 0) + 1);
    if (run === undefined) this.#refused += 1;
    else if (run.firstByteMs !== null) this.#firstByte.add(run.firstByteMs);
  }

  report(): Pick<LaneReport, "runs" | "hitRate" | "queueMs" | "handoutMs" | "firstByteMs" | "refillMs"> {
    const { warm, cold } = this.#launches;
    return {
      runs: {
        total: warm + cold + this.#refused,
        warm,
        cold,
        refused: this.#refused,
        misses: { ...this.#misses },
        byReason: Object.fromEntries(this.#byReason),
      },
      hitRate: warm + cold === 0 ? null : warm / (warm + cold),
      queueMs: this.#queue.percentiles(),
      handoutMs: this.#handout.percentiles(),
      firstByteMs: this.#firstByte.percentiles(),
      refillMs: {
        create: this.#refill.create.percentiles(),
        attach: this.#refill.attach.percentiles(),
        start: this.#refill.start.percentiles(),
        ready: this.#refill.ready.percentiles(),
        remove: this.#refill.remove.percentiles(),
      },
    };
  }
}
