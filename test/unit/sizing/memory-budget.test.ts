import { describe, expect, it } from "vitest";
import { type Claim, MemoryBudget, shareOut } from "../../../src/sizing/memory-budget.js";
import { seededNumbers } from "../../../src/sizing/seeded.js";

const claim = (warm: number, fields: Partial<Claim> = {}): Claim => ({ min: 0, warm, sandboxBytes: 10, ...fields });

describe("memory shared out among lanes", () => {
  it("gives each what it claims where there is enough", () => {
    expect(shareOut(1_000, [claim(3), claim(5)])).toEqual([3, 5]);
  });

  it("leaves the small ones what they need, and the great ones equal memory", () => {
    expect(shareOut(100, [claim(2), claim(20), claim(20)])).toEqual([2, 4, 4]);
    expect(shareOut(100, [claim(20), claim(20, { sandboxBytes: 30 })])).toEqual([4, 2]);
  });

  it("gives the least of each before more of any", () => {
    expect(shareOut(100, [claim(20, { min: 7 }), claim(20, { min: 1 })])).toEqual([7, 3]);
    expect(shareOut(50, [claim(20, { min: 7 }), claim(20, { min: 7 })])).toEqual([3, 2]);
  });

  it("never gives more than there is or than was claimed, and leaves nothing over that somebody could use", () => {
    const random = seededNumbers(8);
    for (let round = 0; round < 200; round += 1) {
      const claims = Array.from({ length: 4 }, () => {
        const warm = Math.floor(random() * 12);
        return claim(warm, { min: Math.floor(random() * 4), sandboxBytes: 5 + Math.floor(random() * 20) });
      });
      const bytes = Math.floor(random() * 500);
      const shares = shareOut(bytes, claims);
      const left = bytes - shares.reduce((sum, share, index) => sum + share * claims[index]!.sandboxBytes, 0);
      expect(left).toBeGreaterThanOrEqual(0);
      claims.forEach(({ warm, sandboxBytes }, index) => {
        expect(shares[index]).toBeLessThanOrEqual(warm);
        expect(shares[index] === warm || sandboxBytes > left).toBe(true);
      });
    }
  });
});

describe("a budget", () => {
  /** A lane's part, and what it was told. */
  function member(budget: MemoryBudget, name: string, told: [string, number][] = []) {
    return { told, share: budget.join(name, (share) => told.push([name, share])) };
  }

  it("bounds nothing where there is none", () => {
    const one = member(new MemoryBudget(null), "one");
    one.share.claim(claim(500));
    expect(one.told).toEqual([["one", 500]]);
  });

  it("tells the lane that has to give something up before the one that gets it", () => {
    const budget = new MemoryBudget(100);
    const told: [string, number][] = [];
    const [one, two] = [member(budget, "one", told), member(budget, "two", told)];
    one.share.claim(claim(10));
    two.share.claim(claim(10));
    expect(told.slice(-2)).toEqual([
      ["one", 5],
      ["two", 5],
    ]);
    two.share.leave();
    expect(told.at(-1)).toEqual(["one", 10]);
  });

  it("counts at once when it changes", () => {
    const budget = new MemoryBudget(100);
    const one = member(budget, "one");
    one.share.claim(claim(10));
    budget.resize(35);
    expect(one.told.at(-1)).toEqual(["one", 3]);
    budget.resize(null);
    expect(one.told.at(-1)).toEqual(["one", 10]);
  });

  it("counts a lane once while it is being replaced, and the old one again when that came to nothing", () => {
    const budget = new MemoryBudget(100);
    const [old, other] = [member(budget, "one"), member(budget, "two")];
    old.share.claim(claim(5));
    other.share.claim(claim(5));
    const successor = member(budget, "one");
    successor.share.claim(claim(2));
    expect(successor.told.at(-1)).toEqual(["one", 2]);
    expect(old.told.at(-1)).toEqual(["one", 5]);
    old.share.claim(claim(7));
    expect(old.told.at(-1)).toEqual(["one", 5]);
    successor.share.leave();
    old.share.claim(claim(4));
    expect(old.told.at(-1)).toEqual(["one", 4]);
  });
});
