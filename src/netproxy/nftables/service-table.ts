/**
 * The table of services: what is wanted against what the kernel has, and the transaction that turns the second into the
 * first. Pure: what was sent is in the kernel only by `commit`.
 *
 * The first transaction, and the one after a failure, replaces the whole table in one step; sets of clients with
 * affinity keep their elements. Later ones have what changed. At each look the rules, and a part of the elements in
 * turns, are taken out and put back in one transaction, which changes nothing, and fails where they are missing:
 * somebody else has been there, and the whole table is replaced. Reading them would take seconds: `nft` reads all
 * elements for any of them.
 */
import { assert } from '../../lib/assert.js';
import type { ServiceRules } from '../kernel/service-proxier.js';
import type { ServicePort } from '../model/service-model.js';
import { Claims } from './claims.js';
import type { Chain, TableConfig } from './layout.js';
import { baseChains, collections, nodePortAddresses, sharedChains } from './layout.js';
import { table } from './names.js';
import type { FoundNames } from './found-names.js';
import { readFoundNames } from './found-names.js';
import { Script } from './script.js';
import type { Contribution, Element } from './service-claims.js';
import { buildServiceClaims } from './service-claims.js';

/** Claims and chains of services that one look asserts. */
const assertedMax = 50;
/** After so many looks the whole table is replaced: an hour, as kube-proxy does. */
const looksPerRenewal = 360;

/** A chain of the kernel's that nothing leads to any more, and for how many looks. */
type Stale = 'new' | 'old';

/** The rules of services in nft's language; see the head of this file. */
export class ServiceTable implements ServiceRules {
  readonly #config: TableConfig;
  readonly #owners = new Map<string, Contribution>();
  readonly #dirty = new Set<string>();
  readonly #claims = new Claims();
  /** What the kernel has, but for the base. */
  readonly #chains = new Map<string, Chain>();
  readonly #sets = new Map<string, string>();
  readonly #stale = new Map<string, Stale>();
  /** How often shared chains are named by elements in the kernel. */
  readonly #uses = new Map<string, number>();
  /** Chains and sets of each owner in the kernel. */
  readonly #applied = new Map<string, Contribution>();
  #pending: (() => void)[] = [];
  /** Chains that the plan under way writes or leaves. */
  readonly #touched = new Set<string>();
  #found: FoundNames = { chains: [], sets: [], maps: [] };
  /** The kernel is not known to have what was committed. */
  #isUnknown = true;
  #isUnderWay = false;
  /** The last replacement was refused: something in the table is not as we make it. */
  #isAnew = false;
  #isLooking = false;
  #looks = 0;
  #turn: { chains: Iterator<string>; claims: Iterator<string> } | undefined;

  constructor(config: TableConfig) {
    this.#config = config;
  }

  /** True when the next plan needs the names of what is in the kernel. */
  get needsNames(): boolean {
    return this.#isUnknown || this.#isUnderWay || this.#looks >= looksPerRenewal;
  }

  setPort(owner: string, port: ServicePort | undefined): void {
    this.set(owner, port && buildServiceClaims(port, this.#config));
  }

  /** Sets what `owner` wants; undefined: nothing any more. */
  set(owner: string, contribution: Contribution | undefined): void {
    // The second look at what was made of names that somebody else chose.
    const chains = (contribution?.chains ?? []).flatMap(({ name, rules }) => [name, ...rules]);
    assert(!chains.some((text) => /[\p{Cc};"]/u.test(text)), 'a rule is one line');
    for (const { elements } of contribution?.claims ?? []) {
      const words = elements.flatMap(({ key, value }) => [key, value]);
      assert(
        !words.some((text) => /[^\w ./-]/.test(text)),
        'an element is one word after the other',
      );
    }
    if (contribution === undefined) this.#owners.delete(owner);
    else this.#owners.set(owner, contribution);
    this.#claims.set(owner, contribution?.claims ?? []);
    this.#dirty.add(owner);
  }

  observe(found: string): void {
    if (found !== '') this.#found = readFoundNames(found);
    if (this.#looks >= looksPerRenewal) this.#isUnknown = true;
    this.#isLooking = true;
  }

  plan(): string {
    this.#pending = [];
    this.#touched.clear();
    if (this.#isUnderWay) {
      this.#isAnew = this.#isUnknown;
      this.#isUnknown = true;
    }
    this.#isUnderWay = true;
    const script = new Script();
    if (this.#isUnknown) this.#planAll(script);
    else {
      this.#planChanges(script);
      if (this.#isLooking) this.#planLook(script);
    }
    return script.toString();
  }

  commit(): void {
    for (const step of this.#pending) step();
    this.#pending = [];
    this.#looks = this.#isUnknown ? 0 : this.#looks + (this.#isLooking ? 1 : 0);
    this.#dirty.clear();
    this.#isUnknown = false;
    this.#isUnderWay = false;
    this.#isAnew = false;
    this.#isLooking = false;
  }

  planRemoval(): string {
    return `add table ip ${table}\ndelete table ip ${table}\n`;
  }

  /** The whole table, whatever is there. */
  #planAll(script: Script): void {
    script.table(this.#isAnew);
    const wantedChains = new Map<string, Chain>();
    const wantedSets = new Map<string, string>();
    const uses = new Map<string, number>();
    const elements = this.#claims.wanted().flatMap((claim) => claim.elements);
    for (const { value } of elements) {
      for (const chain of this.#sharedChains(value)) {
        wantedChains.set(chain.name, chain);
        uses.set(chain.name, (uses.get(chain.name) ?? 0) + 1);
      }
    }
    for (const { chains, sets } of this.#owners.values()) {
      for (const chain of chains) wantedChains.set(chain.name, chain);
      for (const [name, definition] of sets) wantedSets.set(name, definition);
    }
    for (const collection of collections) {
      script.define(collection);
      script.empty(collection);
    }
    for (const [name, definition] of wantedSets) script.define({ kind: 'set', name, definition });
    const base = baseChains(this.#config);
    for (const chain of [...base, ...wantedChains.values()]) script.chain(chain);
    for (const element of [...this.#baseElements(), ...elements]) script.add(element);
    const known = new Set([...collections, ...base].map(({ name }) => name));
    const isLeft = (name: string): boolean => !this.#isAnew && !known.has(name);
    const left = this.#found.chains.filter((name) => isLeft(name) && !wantedChains.has(name));
    for (const kind of ['set', 'map'] as const) {
      for (const name of this.#found[`${kind}s`]) {
        if (isLeft(name) && !wantedSets.has(name)) script.drop(kind, name);
      }
    }
    this.#pending.push(() => {
      replace(this.#chains, wantedChains);
      replace(this.#sets, wantedSets);
      replace(this.#uses, uses);
      replace(this.#applied, this.#owners);
      replace(this.#stale, new Map(left.map((name) => [name, 'new'])));
      this.#claims.commitAll();
      this.#turn = undefined;
    });
  }

  #planChanges(script: Script): void {
    const changes = this.#claims.changes();
    const uses = new Map<string, number>();
    const count = ({ value }: Element, by: number): void => {
      for (const { name } of this.#sharedChains(value)) {
        uses.set(name, (uses.get(name) ?? this.#uses.get(name) ?? 0) + by);
      }
    };
    for (const element of changes.removed) {
      script.remove(element);
      count(element, -1);
    }
    for (const element of changes.added) {
      count(element, 1);
      for (const chain of this.#sharedChains(element.value)) this.#want(script, chain);
    }
    for (const [name, times] of uses) if (times === 0) this.#leave(script, name);
    this.#planOwned(script);
    for (const element of changes.added) script.add(element);
    this.#pending.push(() => {
      for (const [name, times] of uses) {
        if (times === 0) this.#uses.delete(name);
        else this.#uses.set(name, times);
      }
      this.#claims.commit();
      for (const owner of this.#dirty) {
        const wanted = this.#owners.get(owner);
        if (wanted === undefined) this.#applied.delete(owner);
        else this.#applied.set(owner, wanted);
      }
    });
  }

  /** Chains and sets of the owners that changed. */
  #planOwned(script: Script): void {
    for (const owner of this.#dirty) {
      const before = this.#applied.get(owner);
      const now = this.#owners.get(owner);
      for (const [name, definition] of now?.sets ?? []) {
        if (this.#sets.has(name)) continue;
        script.define({ kind: 'set', name, definition });
        this.#pending.push(() => this.#sets.set(name, definition));
      }
      for (const chain of now?.chains ?? []) this.#want(script, chain);
      const kept = new Set(now?.chains.map(({ name }) => name));
      for (const { name } of before?.chains ?? []) if (!kept.has(name)) this.#leave(script, name);
      for (const name of before?.sets.keys() ?? []) {
        if (now?.sets.has(name) === true) continue;
        script.drop('set', name);
        this.#pending.push(() => this.#sets.delete(name));
      }
    }
  }

  /** Changes nothing where all is well, and fails where somebody else took something away. */
  #planLook(script: Script): void {
    const nodePorts = collections.find(({ name }) => name === 'nodeport-ips');
    if (nodePorts !== undefined) script.empty(nodePorts);
    for (const chain of baseChains(this.#config)) script.chain(chain);
    for (const element of this.#baseElements()) script.add(element);
    this.#turn ??= { chains: this.#chains.keys(), claims: this.#claims.ids() };
    const { chains, claims } = this.#turn;
    for (const name of take(chains, assertedMax)) {
      const chain = this.#chains.get(name);
      if (chain !== undefined && !this.#touched.has(name)) script.chain(chain);
    }
    const ids = take(claims, assertedMax);
    for (const element of this.#claims.settled(ids)) {
      script.remove(element);
      script.add(element);
    }
    if (ids.length < assertedMax) this.#turn = undefined;
    for (const [name, age] of this.#stale) {
      if (this.#touched.has(name)) continue;
      if (age === 'old') script.drop('chain', name);
      this.#pending.push(() =>
        age === 'old' ? this.#stale.delete(name) : this.#stale.set(name, 'old'),
      );
    }
  }

  #want(script: Script, chain: Chain): void {
    const there = this.#chains.get(chain.name);
    if (this.#touched.has(chain.name)) return;
    if (there !== undefined && sameRules(there.rules, chain.rules)) return;
    this.#touched.add(chain.name);
    script.chain(chain);
    this.#pending.push(() => {
      this.#chains.set(chain.name, chain);
      this.#stale.delete(chain.name);
    });
  }

  #leave(script: Script, name: string): void {
    this.#touched.add(name);
    script.leave(name);
    this.#pending.push(() => {
      this.#chains.delete(name);
      this.#stale.set(name, 'new');
    });
  }

  #sharedChains(verdict: string): readonly Chain[] {
    if (!verdict.startsWith('goto ')) return [];
    return sharedChains(verdict.slice('goto '.length), this.#config.clusterCidr);
  }

  #baseElements(): Element[] {
    const collection = 'nodeport-ips';
    return nodePortAddresses(this.#config).map((key) => ({
      collection,
      key,
      value: '',
      comment: '',
    }));
  }
}

function take<T>(from: Iterator<T>, most: number): T[] {
  const taken: T[] = [];
  while (taken.length < most) {
    const next = from.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

function replace<K, V>(map: Map<K, V>, by: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of by) map.set(key, value);
}

function sameRules(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((rule, at) => rule === others[at]);
}
