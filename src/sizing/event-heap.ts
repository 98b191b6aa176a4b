/** What lies in an `EventHeap`: anything with a moment. */
interface Timed {
  readonly atMs: number;
}

/** Events to come, the earliest first: a binary heap, so that a day of them costs n log n and not n squared. */
export class EventHeap<Event extends Timed> {
  readonly #events: Event[] = [];

  push(event: Event): void {
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = events[above];
      if (parent === undefined || parent.atMs <= event.atMs) break;
      events[at] = parent;
      at = above;
    }
    events[at] = event;
  }

  /** Takes the earliest out, if it is due by then. */
  popDue(byMs: number): Event | undefined {
    const events = this.#events;
    const first = events[0];
    if (first === undefined || first.atMs > byMs) return undefined;
    const last = events.pop();
    if (last === undefined || events.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const isRightEarlier = (events[left + 1]?.atMs ?? Infinity) < (events[left]?.atMs ?? Infinity);
      const below = isRightEarlier ? left + 1 : left;
      const child = events[below];
      if (child === undefined || child.atMs >= last.atMs) break;
      events[at] = child;
      at = below;
    }
    events[at] = last;
    return first;
  }
}
