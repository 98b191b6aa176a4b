import { Ranking } from "./ranking.js";
import type { Sandbox } from "./sandbox.js";

/** For so long after its last run a client counts as one that may come back any moment, in ms. */
const LATELY_MS = 30_000;
/** Clients, and parties, without a run that are remembered at most. */
const MAX_ABSENT = 1_024;

/** Whose a run is: connections are clients, and clients of one token or address are one party (server/party.ts). */
export interface Asker {
  readonly client: string;
  readonly party: string;
}

/** A run that waits for a sandbox. */
export interface Waiter extends Asker {
  readonly resolve: (sandbox: Sandbox) => void;
  readonly reject: (error: Error) => void;
  /** The place last told, from 1; 0 before that. */
  place: number;
  /** Hears of its place; absent for a run that is served at once. */
  onPlace?: (place: number) => void;
}

export interface LineOptions {
  /** Sandboxes of the lane in whatever state, at most. */
  readonly maxSandboxes: number;
  /** In ms. */
  readonly now: () => number;
}

/** What turns and bounds go by, of a client and of a party alike. */
abstract class Standing {
  /** Sandboxes that it has, those included that are on their way out. */
  live = 0;
  waiting = 0;
  /** Grows with every turn that somebody takes: of those that have as many sandboxes, whoever had no turn for longest is next. */
  turn = 0;
}

class Party extends Standing {
  readonly name: string;
  readonly clients = new Map<string, Client>();
  readonly absent = new Absent<Client>((client) => this.clients.delete(client.name));
  readonly turns = new Ranking<Client>(isBefore);
  readonly crowds = new Ranking<Client>(hasMore);

  constructor(name: string) {
    super();
    this.name = name;
  }
}

class Client extends Standing {
  readonly party: Party;
  readonly name: string;
  /** Its runs in the order in which they came. */
  first: Seat | undefined;
  last: Seat | undefined;

  constructor(party: Party, name: string) {
    super();
    this.party = party;
    this.name = name;
  }
}

/** A waiter's place among those of its client: it leaves from anywhere without a search. */
interface Seat {
  readonly waiter: Waiter;
  readonly client: Client;
  before: Seat | undefined;
  after: Seat | undefined;
}

/** Who has no run at present and had one lately. */
class Absent<Who> {
  /** Since when; in that order. */
  readonly #since = new Map<Who, number>();
  readonly #forget: (who: Who) => void;

  constructor(forget: (who: Who) => void) {
    this.#forget = forget;
  }

  get size(): number {
    return this.#since.size;
  }

  add(who: Who, now: number): void {
    this.#since.delete(who);
    this.#since.set(who, now);
    this.forgetOld(now);
  }

  delete(who: Who): void {
    this.#since.delete(who);
  }

  forgetOld(now: number): void {
    for (const [who, since] of this.#since) {
      if (now - since <= LATELY_MS && this.#since.size <= MAX_ABSENT) return;
      this.#since.delete(who);
      this.#forget(who);
    }
  }
}

/**
 * The line in front of a lane's stock, and the account of who has how many of its sandboxes. First come, first served within
 * a client. Among parties, and among the clients of a party, the next turn is that of whoever has the fewest sandboxes.
 *
 * Who has its share of the sandboxes gets more only while a place is left for each that was there lately and has none at
 * present, but for half of all places at most: a run cannot be taken away again for somebody who comes back.
 *
 * Every change costs log n.
 */
export class WaitingLine {
  readonly #options: LineOptions;
  readonly #parties = new Map<string, Party>();
  readonly #absent = new Absent<Party>((party) => this.#parties.delete(party.name));
  readonly #turns = new Ranking<Party>(isBefore);
  readonly #crowds = new Ranking<Party>(hasMore);
  readonly #seats = new Map<Waiter, Seat>();
  #live = 0;
  #turn = 0;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#seats.size;
  }

  /** How many of those that wait could be served at present, were there sandboxes for them. */
  get servable(): number {
    const { maxSandboxes } = this.#options;
    const next = this.#next();
    if (next === undefined) return 0;
    const free = maxSandboxes - this.#live - this.#reservedFrom(next);
    return Math.min(this.length, Math.max(1, free));
  }

  join(waiter: Waiter): void {
    const client = this.#clientOf(waiter);
    const seat: Seat = { waiter, client, before: client.last, after: undefined };
    if (client.last === undefined) client.first = seat;
    else client.last.after = seat;
    client.last = seat;
    this.#seats.set(waiter, seat);
    if (client.waiting === 0) client.turn = this.#nextTurn();
    if (client.party.waiting === 0) client.party.turn = this.#nextTurn();
    this.#waits(client, 1);
  }

  /** Takes out whose turn it is; nobody where all that wait have their share. */
  next(): Waiter | undefined {
    const client = this.#next();
    const seat = client?.first;
    if (client === undefined || seat === undefined) return undefined;
    client.turn = this.#nextTurn();
    client.party.turn = this.#nextTurn();
    this.#remove(seat);
    return seat.waiter;
  }

  /** Takes one out before its turn. @returns whether it was still there */
  leave(waiter: Waiter): boolean {
    const seat = this.#seats.get(waiter);
    if (seat !== undefined) this.#remove(seat);
    return seat !== undefined;
  }

  /**
   * Makes room for a run of somebody who has fewer in the line than others: takes out the latest run of whoever has most.
   * @returns that run; undefined where nobody would have more than the newcomer then
   */
  displaceFor({ client: name, party: partyName }: Asker): { waiter: Waiter; waiting: number } | undefined {
    const own = this.#parties.get(partyName);
    const most = this.#crowds.first;
    if (most === undefined) return undefined;
    const isOther = most !== own && (own?.waiting ?? 0) + 1 < most.waiting;
    const from = isOther ? most : own;
    const client = from?.crowds.first;
    if (client?.last === undefined) return undefined;
    if (!isOther && (own?.clients.get(name)?.waiting ?? 0) + 1 >= client.waiting) return undefined;
    const { waiter } = client.last;
    const { waiting } = client;
    this.#remove(client.last);
    return { waiter, waiting };
  }

  /** How many runs of a client wait. */
  waitingOf({ client, party }: Asker): number {
    return this.#parties.get(party)?.clients.get(client)?.waiting ?? 0;
  }

  /** Whether a ready sandbox may go to this client now: nobody has the turn before it, and it leaves to others what is theirs. */
  mayTake(asker: Asker): boolean {
    return this.#next() === undefined && this.#isWithinShare(this.#clientOf(asker));
  }

  /** A client has got a sandbox. @returns what to call when that is gone */
  hold(asker: Asker): () => void {
    const client = this.#clientOf(asker);
    this.#holds(client, 1);
    let isHeld = true;
    return () => {
      if (isHeld) this.#holds(client, -1);
      isHeld = false;
    };
  }

  /** About which place the last of a client's runs has: exact where sandboxes go round evenly. */
  placeOfLast({ client: name, party: partyName }: Asker): number {
    const party = this.#parties.get(partyName);
    const client = party?.clients.get(name);
    if (party === undefined || client === undefined) return 1;
    const inParty = placeAmong(client, client.waiting, party.turns.members);
    return placeAmong(party, inParty, this.#turns.members);
  }

  /** All that wait, in the order of their turns as far as that is known: who gets its sandbox back sooner has its turn sooner. */
  *[Symbol.iterator](): Generator<Waiter> {
    const parties = [...this.#turns.members].sort(byTurn);
    const rows = parties.map((party) => {
      const clients = [...party.turns.members].sort(byTurn);
      return alternating(clients.map(seatsOf));
    });
    for (const { waiter } of alternating(rows)) yield waiter;
  }

  #clientOf({ client: name, party: partyName }: Asker): Client {
    let party = this.#parties.get(partyName);
    if (party === undefined) {
      party = new Party(partyName);
      this.#parties.set(partyName, party);
      this.#absent.add(party, this.#options.now());
    }
    let client = party.clients.get(name);
    if (client === undefined) {
      client = new Client(party, name);
      party.clients.set(name, client);
      party.absent.add(client, this.#options.now());
    }
    return client;
  }

  /** Whose turn it is. */
  #next(): Client | undefined {
    const first = this.#turns.first?.turns.first;
    if (first === undefined || this.#isWithinShare(first)) return first;
    // Rare: its party keeps places for others of its own, and another party may have somebody without a sandbox.
    return [...this.#turns.members]
      .sort(byTurn)
      .map((party) => party.turns.first)
      .find((client) => client !== undefined && this.#isWithinShare(client));
  }

  #isWithinShare(client: Client): boolean {
    const { party } = client;
    if (client.live === 0 && party.live === 0) return true;
    const { maxSandboxes } = this.#options;
    if (this.#live + this.#reservedFrom(client) < maxSandboxes) return true;
    const ofParty = share(maxSandboxes, this.#parties.size);
    return party.live < ofParty && client.live < share(ofParty, party.clients.size);
  }

  /** Places that are left free for parties, and for other clients of the same one, that have no run at present. */
  #reservedFrom(client: Client): number {
    const { party } = client;
    const now = this.#options.now();
    this.#absent.forgetOld(now);
    party.absent.forgetOld(now);
    const others = this.#absent.size - (isAbsent(party) ? 1 : 0) + party.absent.size - (isAbsent(client) ? 1 : 0);
    return Math.min(others, Math.floor(this.#options.maxSandboxes / 2));
  }

  #remove(seat: Seat): void {
    const { client, before, after, waiter } = seat;
    if (before === undefined) client.first = after;
    else before.after = after;
    if (after === undefined) client.last = before;
    else after.before = before;
    this.#seats.delete(waiter);
    this.#waits(client, -1);
  }

  #waits(client: Client, change: 1 | -1): void {
    client.waiting += change;
    client.party.waiting += change;
    this.#settle(client);
  }

  #holds(client: Client, change: 1 | -1): void {
    client.live += change;
    client.party.live += change;
    this.#live += change;
    this.#settle(client);
  }

  /** Puts a client and its party where they belong by now. */
  #settle(client: Client): void {
    const { party } = client;
    const now = this.#options.now();
    rank(client, party, now);
    rank(party, { turns: this.#turns, crowds: this.#crowds, absent: this.#absent }, now);
  }

  #nextTurn(): number {
    return (this.#turn += 1);
  }
}

function rank<Who extends Standing>(
  who: Who,
  among: { turns: Ranking<Who>; crowds: Ranking<Who>; absent: Absent<Who> },
  now: number,
): void {
  if (who.waiting > 0) {
    among.turns.place(who);
    among.crowds.place(who);
  } else {
    among.turns.remove(who);
    among.crowds.remove(who);
  }
  if (isAbsent(who)) among.absent.add(who, now);
  else among.absent.delete(who);
}

function isAbsent({ waiting, live }: Standing): boolean {
  return waiting + live === 0;
}

function isBefore(one: Standing, other: Standing): boolean {
  return byTurn(one, other) < 0;
}

function byTurn(one: Standing, other: Standing): number {
  return one.live - other.live || one.turn - other.turn;
}

function hasMore(one: Standing, other: Standing): boolean {
  return one.waiting > other.waiting;
}

function share(whole: number, among: number): number {
  return Math.max(1, Math.floor(whole / Math.max(1, among)));
}

/** Where the run is that is the n-th of its own, when all take turns. */
function placeAmong<Who extends Standing>(own: Who, nth: number, all: readonly Who[]): number {
  let place = nth;
  for (const other of all) {
    if (other === own) continue;
    place += Math.min(other.waiting, isBefore(other, own) ? nth : nth - 1);
  }
  return place;
}

function* seatsOf(client: Client): Generator<Seat> {
  for (let seat = client.first; seat !== undefined; seat = seat.after) yield seat;
}

/** One of each row, then the next of each. */
function* alternating<Item>(rows: readonly Iterator<Item, unknown>[]): Generator<Item> {
  let left = rows;
  while (left.length > 0) {
    const more: Iterator<Item, unknown>[] = [];
    for (const row of left) {
      const next = row.next();
      if (next.done === true) continue;
      yield next.value;
      more.push(row);
    }
    left = more;
  }
}
