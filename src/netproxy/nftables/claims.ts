import type { Claim, Element } from './service-claims.js';

interface Held {
  readonly owner: string;
  readonly claim: Claim;
}

/** Elements to be removed, and then added. */
export interface ElementChanges {
  readonly removed: readonly Element[];
  readonly added: readonly Element[];
}

const none: readonly Element[] = [];

/** Who claims what, who gets it, and how that differs from what the kernel has. */
export class Claims {
  readonly #byOwner = new Map<string, readonly Claim[]>();
  /** The best claim first. */
  readonly #byId = new Map<string, readonly Held[]>();
  readonly #applied = new Map<string, readonly Element[]>();
  readonly #dirty = new Set<string>();

  /** Replaces all that `owner` claims. */
  set(owner: string, claims: readonly Claim[]): void {
    for (const { id } of this.#byOwner.get(owner) ?? []) {
      const left = (this.#byId.get(id) ?? []).filter((held) => held.owner !== owner);
      if (left.length === 0) this.#byId.delete(id);
      else this.#byId.set(id, left);
      this.#dirty.add(id);
    }
    for (const claim of claims) {
      const held = [...(this.#byId.get(claim.id) ?? []), { owner, claim }];
      this.#byId.set(claim.id, held.length === 1 ? held : held.sort(better));
      this.#dirty.add(claim.id);
    }
    if (claims.length === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, claims);
  }

  /** The claims that are granted. */
  wanted(): Claim[] {
    return [...this.#byId.values()].flatMap(([first]) => (first === undefined ? [] : first.claim));
  }

  /** What must change in the kernel. */
  changes(): ElementChanges {
    const removed: Element[] = [];
    const added: Element[] = [];
    for (const id of this.#dirty) {
      const before = new Map(this.#applied.get(id)?.map((one) => [nameOf(one), one]));
      for (const element of this.#wantedOf(id)) {
        const name = nameOf(element);
        const there = before.get(name);
        before.delete(name);
        if (there?.value === element.value && there.comment === element.comment) continue;
        if (there !== undefined) removed.push(there);
        added.push(element);
      }
      removed.push(...before.values());
    }
    return { removed, added };
  }

  /** The last changes are in the kernel. */
  commit(): void {
    for (const id of this.#dirty) {
      const wanted = this.#wantedOf(id);
      if (wanted.length === 0) this.#applied.delete(id);
      else this.#applied.set(id, wanted);
    }
    this.#dirty.clear();
  }

  /** All that is wanted is in the kernel, and nothing else. */
  commitAll(): void {
    this.#applied.clear();
    for (const [id, [first]] of this.#byId) {
      if (first !== undefined) this.#applied.set(id, first.claim.elements);
    }
    this.#dirty.clear();
  }

  /** The claims that have elements in the kernel, in no order; changes meanwhile do no harm. */
  ids(): IterableIterator<string> {
    return this.#applied.keys();
  }

  /** The elements of claims in the kernel that do not change. */
  settled(ids: readonly string[]): Element[] {
    return ids.flatMap((id) => (this.#dirty.has(id) ? none : (this.#applied.get(id) ?? none)));
  }

  #wantedOf(id: string): readonly Element[] {
    return this.#byId.get(id)?.[0]?.claim.elements ?? none;
  }
}

function better(a: Held, b: Held): number {
  const [first, second] = [a.claim.rank, b.claim.rank];
  return first === second ? (a.owner < b.owner ? -1 : 1) : first - second;
}

function nameOf({ collection, key }: Element): string {
  return `${collection} ${key}`;
}
