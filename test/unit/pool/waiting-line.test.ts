import { describe, expect, it } from "vitest";
import { type Waiter, WaitingLine } from "../../../src/pool/waiting-line.js";

interface Named extends Waiter {
  readonly name: string;
}

/** A waiter named after its client and its number, as in `x1`. */
function waiter(name: string): Named {
  const client = name.slice(0, 1);
  return { name, client, party: client, resolve: () => undefined, reject: () => undefined, place: 0 };
}

function lineOf(names: string): { line: WaitingLine; waiters: Map<string, Named> } {
  const line = new WaitingLine({ maxSandboxes: 32, now: () => 0 });
  const waiters = new Map(names.split(" ").map((name) => [name, waiter(name)]));
  for (const one of waiters.values()) line.join(one);
  return { line, waiters };
}

function namesOf(waiters: Iterable<Waiter>): string {
  return [...waiters].map((one) => (one as Named).name).join(" ");
}

function emptied(line: WaitingLine): string {
  const order: Waiter[] = [];
  for (let next = line.next(); next !== undefined; next = line.next()) order.push(next);
  return namesOf(order);
}

describe("the waiting line", () => {
  it.each([
    ["one client keeps its order", "x1 x2 x3", "x1 x2 x3"],
    ["two clients alternate", "x1 x2 x3 y1 y2", "x1 y1 x2 y2 x3"],
    ["a hundred runs of one do not hold back the one of another", "x1 x2 x3 x4 x5 x6 y1", "x1 y1 x2 x3 x4 x5 x6"],
    ["three clients go round", "x1 y1 z1 x2 y2 z2", "x1 y1 z1 x2 y2 z2"],
    ["whoever came first has the first turn", "y1 x1 y2 x2", "y1 x1 y2 x2"],
  ])("is fair: %s", (_rule, joined, served) => {
    const { line } = lineOf(joined);
    expect(namesOf(line)).toBe(served);
    expect(emptied(line)).toBe(served);
    expect(line.length).toBe(0);
  });

  it("puts a client that was just served behind all others", () => {
    const { line } = lineOf("x1 x2 y1");
    expect(namesOf([line.next()!])).toBe("x1");
    line.join(waiter("z1"));
    line.join(waiter("x3"));
    expect(emptied(line)).toBe("y1 x2 z1 x3");
  });

  it.each([
    ["the first", "x1", "y1 x2 x3 y2"],
    ["one in the middle", "x2", "x1 y1 x3 y2"],
    ["the last of its client", "y2", "x1 y1 x2 x3"],
  ])("lets %s leave before its turn", (_which, name, rest) => {
    const { line, waiters } = lineOf("x1 x2 x3 y1 y2");
    expect(line.leave(waiters.get(name)!)).toBe(true);
    expect(line.leave(waiters.get(name)!)).toBe(false);
    expect(line.length).toBe(4);
    expect(emptied(line).split(" ").sort()).toEqual(rest.split(" ").sort());
  });

  it("does not let anybody leave who was served", () => {
    const { line, waiters } = lineOf("x1 x2");
    line.next();
    expect(line.leave(waiters.get("x1")!)).toBe(false);
    expect(line.length).toBe(1);
  });

  it("is empty at first and in the end", () => {
    const line = new WaitingLine({ maxSandboxes: 32, now: () => 0 });
    expect([line.length, line.next(), [...line].length]).toEqual([0, undefined, 0]);
    const only = waiter("x1");
    line.join(only);
    line.leave(only);
    expect([line.length, line.next(), [...line].length]).toEqual([0, undefined, 0]);
  });
});
