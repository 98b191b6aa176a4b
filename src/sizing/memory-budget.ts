/** What one lane would keep ready, if there were memory for it. */
export interface Claim {
  readonly min: number;
  readonly warm: number;
  readonly sandboxBytes: number;
}

/**
 * Shares memory out among lanes, in whole sandboxes: to each its `min` first, then more, always to the one that has least
 * memory so far, until it has what it claims. A claim changes slowly (up at once, down after a hold), so shares do too.
 * @returns sandboxes for each claim
 */
export function shareOut(budgetBytes: number, claims: readonly Claim[]): number[] {
  const shares = claims.map(() => 0);
  let leftBytes = budgetBytes;
  const give = (upTo: (claim: Claim) => number): void => {
    for (;;) {
      let poorest: number | undefined;
      claims.forEach((claim, index) => {
        if ((shares[index] ?? 0) >= upTo(claim) || claim.sandboxBytes > leftBytes) return;
        if (poorest === undefined || weight(index) < weight(poorest)) poorest = index;
      });
      if (poorest === undefined) return;
      shares[poorest] = (shares[poorest] ?? 0) + 1;
      leftBytes -= claims[poorest]?.sandboxBytes ?? 0;
    }
  };
  const weight = (index: number): number => (shares[index] ?? 0) * (claims[index]?.sandboxBytes ?? 0);
  give(({ min, warm }) => Math.min(min, warm));
  give(({ warm }) => warm);
  return shares;
}

/** A lane's part in a budget. */
export interface BudgetShare {
  /** Takes the place of what was claimed before; what changes, for whomever, is told at once. */
  claim(claim: Claim): void;
  /** Gives the claim up. */
  leave(): void;
}

interface Claimant {
  readonly lane: string;
  claim: Claim;
  share: number;
  readonly onShare: (share: number) => void;
}

const NOTHING: Claim = { min: 0, warm: 0, sandboxBytes: 1 };
/** A share that nobody was told of yet: the first one is, whatever it is. */
const UNTOLD = -1;

/** The memory that the stocks of all adaptive lanes may take together. */
export class MemoryBudget {
  #bytes: number | null;
  #claimants: readonly Claimant[] = [];

  /** @param bytes null for no bound */
  constructor(bytes: number | null) {
    this.#bytes = bytes;
  }

  /** Another budget counts at once. */
  resize(bytes: number | null): void {
    this.#bytes = bytes;
    this.#share();
  }

  /**
   * A lane takes part. While it does, one of the same name that joined before keeps the share it has, and does not count:
   * the two are the same lane, before and after a change that is under way.
   * @param onShare hears of the sandboxes that the lane may keep, whenever their number changes
   */
  join(lane: string, onShare: (share: number) => void): BudgetShare {
    const claimant: Claimant = { lane, claim: NOTHING, share: UNTOLD, onShare };
    this.#claimants = [...this.#claimants, claimant];
    return {
      claim: (claim) => {
        claimant.claim = claim;
        this.#share();
      },
      leave: () => {
        this.#claimants = this.#claimants.filter((other) => other !== claimant);
        this.#share();
      },
    };
  }

  #share(): void {
    const latest = [...new Map(this.#claimants.map((claimant) => [claimant.lane, claimant])).values()];
    const claims = latest.map(({ claim }) => claim);
    const shares = this.#bytes === null ? claims.map(({ warm }) => warm) : shareOut(this.#bytes, claims);
    const changes = latest
      .map((claimant, index) => ({ claimant, from: claimant.share, to: shares[index] ?? 0 }))
      .filter(({ from, to }) => from !== to)
      // Those that give something up first.
      .sort((one, other) => one.to - one.from - (other.to - other.from));
    for (const { claimant, to } of changes) {
      claimant.share = to;
      claimant.onShare(to);
    }
  }
}
