import { objectKey } from '../../../../api/facts/keys.js';
import { resourceQuotaKind } from '../../../../api/core/limits.js';
import type { KindDeclaration } from '../../../../api/kind.js';
import type { ResourceQuota } from '../../../../api/types/core.js';
import type { Objects } from '../../registry/objects.js';
import type { Amounts } from '../../../../api/facts/amounts.js';
import {
  addAmounts,
  amountsOf,
  formatAmounts,
  listOf,
  maskAmounts,
  subtractAmounts,
} from '../../../../api/facts/amounts.js';

const kind: KindDeclaration = resourceQuotaKind;

interface Entry {
  readonly delta: Amounts;
  /** Called with `''`, or with the reason why the amount is not there. */
  readonly settle: (refusal: string) => void;
  readonly fail: (error: unknown) => void;
  /** Refunds are never refused. */
  readonly isRefund: boolean;
}

/**
 * Charges quotas. All creations that wait for one quota are charged by one conditional write, so that many at once cost
 * few writes and no two of them use the same remainder.
 */
export class QuotaLedger {
  readonly #objects: Objects;
  /** By `namespace/name`. Present while a round is under way. */
  readonly #waiting = new Map<string, Entry[]>();

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  /**
   * Adds to what is used of a quota.
   * @returns `''`, or why it was refused
   * @throws StatusError when the store does not take it
   */
  charge(namespace: string, name: string, delta: Amounts): Promise<string> {
    return this.#enter(namespace, name, delta, false);
  }

  /** Gives back what was charged for a write that did not happen. */
  async refund(namespace: string, name: string, delta: Amounts): Promise<void> {
    await this.#enter(namespace, name, subtractAmounts(new Map(), delta), true);
  }

  #enter(namespace: string, name: string, delta: Amounts, isRefund: boolean): Promise<string> {
    return new Promise((settle, fail) => {
      const key = objectKey({ namespace, name });
      const entry = { delta, settle, fail, isRefund };
      const waiting = this.#waiting.get(key);
      if (waiting !== undefined) {
        waiting.push(entry);
        return;
      }
      this.#waiting.set(key, [entry]);
      void this.#run(namespace, name, key);
    });
  }

  async #run(namespace: string, name: string, key: string): Promise<void> {
    for (;;) {
      const round = this.#waiting.get(key) ?? [];
      if (round.length === 0) break;
      this.#waiting.set(key, []);
      await this.#write(namespace, name, round);
    }
    this.#waiting.delete(key);
  }

  async #write(namespace: string, name: string, round: readonly Entry[]): Promise<void> {
    let refusals: readonly string[] = [];
    try {
      await this.#objects.change({ kind, namespace, name }, (old) => {
        const quota = old as ResourceQuota;
        const outcome = settleRound(quota, round);
        refusals = outcome.refusals;
        if (outcome.used === undefined) return { next: old };
        const next = { ...quota, status: { ...quota.status, used: listOf(outcome.used) } };
        return { next };
      });
      for (const [index, entry] of round.entries()) entry.settle(refusals[index] ?? '');
    } catch (error) {
      for (const entry of round) entry.fail(error);
    }
  }
}

/** Takes the entries in order, each against what those before it left. */
function settleRound(
  quota: ResourceQuota,
  round: readonly Entry[],
): { readonly used: Amounts | undefined; readonly refusals: readonly string[] } {
  const hard = amountsOf(quota.status?.hard);
  let used = amountsOf(quota.status?.used);
  let isChanged = false;
  const refusals = round.map(({ delta, isRefund }) => {
    const requested = maskAmounts(delta, hard);
    const after = addAmounts(used, requested);
    const exceeded = new Set(
      [...requested.keys()].filter((name) => {
        const [limit, total] = [hard.get(name), after.get(name)];
        return limit !== undefined && total !== undefined && total.compare(limit) > 0;
      }),
    );
    if (exceeded.size > 0 && !isRefund) {
      const [asked, had, bound] = [requested, used, hard].map((amounts) =>
        formatAmounts(maskAmounts(amounts, exceeded)),
      );
      return (
        `exceeded quota: ${quota.metadata.name}, requested: ${asked ?? ''}, ` +
        `used: ${had ?? ''}, limited: ${bound ?? ''}`
      );
    }
    used = after;
    isChanged = true;
    return '';
  });
  return { used: isChanged ? used : undefined, refusals };
}

/** The refusal that a charge would meet now; `''` when it would be taken. */
export function checkCharge(quota: ResourceQuota, delta: Amounts): string {
  const entry: Entry = { delta, settle: () => undefined, fail: () => undefined, isRefund: false };
  return settleRound(quota, [entry]).refusals[0] ?? '';
}
