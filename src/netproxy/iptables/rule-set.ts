/**
 * Wanted rules against the rules that are there, and the input for one `iptables-restore --noflush` that turns the
 * second into the first. Pure: what was sent becomes "there" only by `commit`.
 *
 * Chains are of three kinds: owned (rewritten whole when they differ), shared (single rules are added in front and
 * deleted, so that one service among thousands costs two lines), and hooks in the kernel's chains (added when absent;
 * whatever else stands there is not ours).
 *
 * `iptables-restore` commits table by table, and between two commits packets pass. A service without endpoints is
 * refused in the filter table; without that, and without its rule in nat, its packets would leave the node for whoever
 * answers there. So what is new in filter comes before nat, and what goes from filter comes after it.
 *
 * A plan of many chains is cut into several transactions of their table (`sections.ts`): chains of owners first, with
 * the chains that they lead to, then the shared ones that lead to them, then what goes.
 */
import { assert } from '../../lib/assert.js';
import type { Hook } from './base-rules.js';
import type { ChainId, Rule, Table } from './rule.js';
import { Lines, chainsPerSection, cutIntoSections, lastTargetFirst } from './sections.js';
import type { Contribution } from './service-rules.js';

/** The chains that a {@link RuleSet} is responsible for. */
export interface RuleSetLayout {
  readonly base: ReadonlyMap<ChainId, readonly Rule[]>;
  readonly shared: ReadonlyMap<ChainId, readonly Rule[]>;
  readonly hooks: readonly Hook[];
  /** Tells whether a chain (without table) that is not in the layout is ours, and may be removed. */
  readonly owns: (chain: string) => boolean;
}

const tables: readonly Table[] = ['mangle', 'nat', 'filter'];

/** The sections of a plan, in the order in which they are committed. */
const sections: readonly { readonly table: Table; readonly parts: readonly Part[] }[] = [
  { table: 'mangle', parts: ['new', 'old'] },
  { table: 'filter', parts: ['new'] },
  { table: 'nat', parts: ['new', 'old'] },
  { table: 'filter', parts: ['old'] },
];

/** Lines that add rules or rewrite chains, and lines that only take away. */
type Part = 'new' | 'old';

/** What a chain should hold; without rules it should not be there. */
interface WantedChain {
  /** "" for the layout's own. */
  readonly owner: string;
  readonly rules?: readonly Rule[];
}

const unwanted: WantedChain = { owner: '' };

/** Wanted and observed rules, and the difference between them; see the head of this file. */
export class RuleSet {
  readonly #layout: RuleSetLayout;
  readonly #owners = new Map<string, Contribution>();
  /** Our chains and hooks in the kernel, as far as known. */
  readonly #chains = new Map<ChainId, readonly Rule[]>();
  readonly #shared = new Map<ChainId, Set<Rule>>();
  readonly #hooks = new Set<Hook>();
  /** Owners and chains to look at in the next plan. */
  readonly #dirty = new Set<string>();
  #pending: (() => void)[] = [];
  #full = true;
  readonly #applied = new Map<string, Contribution>();

  constructor(layout: RuleSetLayout) {
    this.#layout = layout;
  }

  /** Sets what `owner` wants; undefined: nothing any more. */
  set(owner: string, contribution: Contribution | undefined): void {
    // A line break would let whoever named something write rules: builders parse what they are given, this is the
    // second look.
    for (const [, rules] of [...(contribution?.chains ?? []), ...(contribution?.shared ?? [])]) {
      assert(!rules.some((rule) => /\p{Cc}/u.test(rule)), 'a rule is one line');
    }
    if (contribution === undefined) this.#owners.delete(owner);
    else this.#owners.set(owner, contribution);
    this.#dirty.add(owner);
  }

  /** The owners that want something. */
  owners(): IterableIterator<string> {
    return this.#owners.keys();
  }

  /** Takes `iptables-save` output of all tables as what is there. The next plan compares everything. */
  observe(saved: string): void {
    this.#chains.clear();
    this.#shared.clear();
    this.#hooks.clear();
    const all = parseSaved(saved);
    for (const [id, rules] of all) {
      if (this.#layout.shared.has(id)) this.#shared.set(id, new Set(rules));
      else if (this.#layout.base.has(id) || this.#layout.owns(nameOf(id))) {
        this.#chains.set(id, rules);
      }
    }
    // Hooks that are there but in the wrong order or twice still lead to our chains: presence is enough.
    for (const hook of this.#layout.hooks) {
      if (all.get(hook.chain)?.includes(hook.rule) === true) this.#hooks.add(hook);
    }
    this.#full = true;
  }

  /** Input for `iptables-restore --noflush`; "" when nothing differs. */
  plan(): string {
    this.#pending = [];
    const full = this.#full;
    const chains = full ? this.#wantedChains() : this.#dirtyChains();
    const planned = new Map(tables.map((table) => [table, this.#planTable(table, chains, full)]));
    const text = sections.flatMap(({ table, parts }) =>
      cutIntoSections(table, Lines.join(parts.flatMap((part) => planned.get(table)?.[part] ?? []))),
    );
    const applied = [...this.#dirty];
    this.#pending.push(() => {
      for (const owner of applied) {
        const wanted = this.#owners.get(owner);
        if (wanted === undefined) this.#applied.delete(owner);
        else this.#applied.set(owner, wanted);
        this.#dirty.delete(owner);
      }
      this.#full = false;
    });
    return text.join('');
  }

  /** The last plan has been applied. No `set` or `observe` may have come between. */
  commit(): void {
    for (const step of this.#pending) step();
    this.#pending = [];
  }

  /** Input that removes every rule and chain of ours that was observed or applied. */
  planRemoval(): string {
    return tables
      .map((table) => {
        const lines: string[] = [];
        for (const hook of this.#hooks) {
          if (tableOf(hook.chain) === table) lines.push(`-D ${nameOf(hook.chain)} ${hook.rule}`);
        }
        const names = [...this.#chains.keys(), ...this.#shared.keys()]
          .filter((id) => tableOf(id) === table)
          .map(nameOf);
        const removal = new Lines();
        removal.deleted.push(...lines);
        removal.removed.push(...names);
        return cutIntoSections(table, removal).join('');
      })
      .join('');
  }

  #planTable(
    table: Table,
    wanted: ReadonlyMap<ChainId, WantedChain>,
    full: boolean,
  ): Record<Part, Lines> {
    const out = { new: new Lines(), old: new Lines() };
    for (const [id, { owner, rules: now }] of wanted) {
      if (tableOf(id) !== table) continue;
      const name = nameOf(id);
      if (now === undefined) {
        if (!this.#chains.has(id)) continue;
        out.old.removed.push(name);
        this.#pending.push(() => this.#chains.delete(id));
      } else if (!sameRules(this.#chains.get(id), now)) {
        out.new.written.push({ owner, name, rules: now });
        this.#pending.push(() => this.#chains.set(id, now));
      }
    }
    if (full) this.#planSharedAnew(table, out);
    else this.#planSharedChanges(table, out);
    if (full) {
      for (const hook of [...this.#layout.hooks].reverse()) {
        if (tableOf(hook.chain) !== table || this.#hooks.has(hook)) continue;
        const verb = hook.last === true ? '-A' : '-I';
        out.new.added.push(`${verb} ${nameOf(hook.chain)} ${hook.rule}`);
        this.#pending.push(() => this.#hooks.add(hook));
      }
    }
    return out;
  }

  #planSharedChanges(table: Table, out: Record<Part, Lines>): void {
    const changed = this.#changedShared();
    for (const id of this.#layout.shared.keys()) {
      if (tableOf(id) !== table) continue;
      const name = nameOf(id);
      const there = this.#shared.get(id);
      const { add, remove } = changed.get(id) ?? { add: [], remove: [] };
      for (const rule of remove) out.old.deleted.push(`-D ${name} ${rule}`);
      for (const rule of add) out.new.added.push(`-I ${name} ${rule}`);
      this.#pending.push(() => {
        for (const rule of remove) there?.delete(rule);
        for (const rule of add) there?.add(rule);
      });
    }
  }

  /** A chain that holds what is not wanted is rewritten; before that it gets what it lacks. */
  #planSharedAnew(table: Table, out: Record<Part, Lines>): void {
    const wanted = this.#wantedShared();
    for (const [id, tail] of this.#layout.shared) {
      if (tableOf(id) !== table) continue;
      const name = nameOf(id);
      const there = this.#shared.get(id);
      const rules = [...(wanted.get(id) ?? [])];
      const sorted = rules.length > chainsPerSection ? lastTargetFirst(rules) : rules;
      const now = [...sorted, ...tail];
      const lacks = now.filter((rule) => there?.has(rule) !== true);
      const isWhole = there !== undefined && there.size + lacks.length === now.length;
      if (isWhole && lacks.length === 0) continue;
      const rewrite = (part: Lines): void => {
        part.declared.push(`:${name} - [0:0]`);
        for (const rule of now) part.added.push(`-A ${name} ${rule}`);
      };
      // In one section with the rest of its table a chain is rewritten at once.
      if (there === undefined || table !== 'filter') rewrite(out.new);
      else {
        for (const rule of lacks) out.new.added.push(`-I ${name} ${rule}`);
        if (!isWhole) rewrite(out.old);
      }
      this.#pending.push(() => this.#shared.set(id, new Set(now)));
    }
  }

  /** Every chain that is wanted, and those that are there without being wanted. */
  #wantedChains(): Map<ChainId, WantedChain> {
    const wanted = new Map<ChainId, WantedChain>();
    for (const [id, rules] of this.#layout.base) wanted.set(id, { owner: '', rules });
    for (const [owner, { chains }] of this.#owners) {
      for (const [id, rules] of chains) wanted.set(id, { owner, rules });
    }
    for (const id of this.#chains.keys()) if (!wanted.has(id)) wanted.set(id, unwanted);
    return wanted;
  }

  #dirtyChains(): Map<ChainId, WantedChain> {
    const wanted = new Map<ChainId, WantedChain>();
    for (const owner of this.#dirty) {
      for (const id of this.#applied.get(owner)?.chains.keys() ?? []) wanted.set(id, unwanted);
    }
    for (const owner of this.#dirty) {
      for (const [id, rules] of this.#owners.get(owner)?.chains ?? [])
        wanted.set(id, { owner, rules });
    }
    return wanted;
  }

  #wantedShared(): Map<ChainId, Set<Rule>> {
    const wanted = new Map<ChainId, Set<Rule>>();
    for (const { shared } of this.#owners.values()) {
      for (const [id, rules] of shared) {
        const set = wanted.get(id) ?? new Set<Rule>();
        for (const rule of rules) set.add(rule);
        wanted.set(id, set);
      }
    }
    return wanted;
  }

  #changedShared(): Map<ChainId, { add: Rule[]; remove: Rule[] }> {
    const before = collectShared([...this.#dirty].map((owner) => this.#applied.get(owner)));
    const after = collectShared([...this.#dirty].map((owner) => this.#owners.get(owner)));
    const changed = new Map<ChainId, { add: Rule[]; remove: Rule[] }>();
    for (const id of this.#layout.shared.keys()) {
      const old = before.get(id) ?? new Set<Rule>();
      const now = after.get(id) ?? new Set<Rule>();
      changed.set(id, {
        add: [...now].filter((rule) => !old.has(rule)),
        remove: [...old].filter((rule) => !now.has(rule)),
      });
    }
    return changed;
  }
}

function collectShared(
  contributions: readonly (Contribution | undefined)[],
): Map<ChainId, Set<Rule>> {
  const all = new Map<ChainId, Set<Rule>>();
  for (const contribution of contributions) {
    for (const [id, rules] of contribution?.shared ?? []) {
      const set = all.get(id) ?? new Set<Rule>();
      for (const rule of rules) set.add(rule);
      all.set(id, set);
    }
  }
  return all;
}

/** Chains and their rules from `iptables-save`, all tables. */
export function parseSaved(saved: string): Map<ChainId, Rule[]> {
  const chains = new Map<ChainId, Rule[]>();
  let table: Table | undefined;
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) {
      table = tables.find((name) => name === line.slice(1));
    } else if (table === undefined) {
      continue;
    } else if (line.startsWith(':')) {
      chains.set(`${table}/${line.slice(1, line.indexOf(' '))}`, []);
    } else if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3);
      const name = end === -1 ? line.slice(3) : line.slice(3, end);
      chains.get(`${table}/${name}`)?.push(end === -1 ? '' : line.slice(end + 1));
    }
  }
  return chains;
}

function sameRules(there: readonly Rule[] | undefined, wanted: readonly Rule[]): boolean {
  return (
    there !== undefined &&
    there.length === wanted.length &&
    wanted.every((rule, index) => rule === there[index])
  );
}

function tableOf(id: ChainId): Table {
  return tables.find((table) => id.startsWith(`${table}/`)) ?? 'filter';
}

function nameOf(id: ChainId): string {
  return id.slice(id.indexOf('/') + 1);
}
