/** Members in an order that changes while they are in it: the first is at hand, every change costs log n. */
export class Ranking<Member> {
  readonly #precedes: (one: Member, other: Member) => boolean;
  /** A binary heap. */
  readonly #members: Member[] = [];
  readonly #places = new Map<Member, number>();

  constructor(precedes: (one: Member, other: Member) => boolean) {
    this.#precedes = precedes;
  }

  get first(): Member | undefined {
    return this.#members[0];
  }

  /** In no order. */
  get members(): readonly Member[] {
    return this.#members;
  }

  /** Takes a member in, or puts it where it belongs by now. */
  place(member: Member): void {
    let at = this.#places.get(member);
    if (at === undefined) {
      at = this.#members.length;
      this.#members.push(member);
      this.#places.set(member, at);
    }
    this.#sink(member, this.#rise(member, at));
  }

  remove(member: Member): void {
    const at = this.#places.get(member);
    if (at === undefined) return;
    this.#places.delete(member);
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#put(last, at);
    this.#sink(last, this.#rise(last, at));
  }

  #rise(member: Member, from: number): number {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#members[above];
      if (parent === undefined || !this.#precedes(member, parent)) break;
      this.#put(parent, at);
      at = above;
    }
    this.#put(member, at);
    return at;
  }

  #sink(member: Member, from: number): void {
    let at = from;
    for (;;) {
      const [left, right] = [this.#members[2 * at + 1], this.#members[2 * at + 2]];
      if (left === undefined) break;
      const isRight = right !== undefined && this.#precedes(right, left);
      const child = isRight ? right : left;
      if (!this.#precedes(child, member)) break;
      this.#put(child, at);
      at = 2 * at + (isRight ? 2 : 1);
    }
    this.#put(member, at);
  }

  #put(member: Member, at: number): void {
    this.#members[at] = member;
    this.#places.set(member, at);
  }
}
