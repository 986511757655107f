/**
 * The lines of one table for `iptables-restore --noflush`, and how they are cut into transactions. Pure.
 *
 * `iptables-restore` (1.8.9, nf_tables) keeps the chains that a transaction names in a sorted list, which it walks from
 * its head for each line: the time grows with the square of their number, and 5,000 services with ten endpoints each
 * took more than ten minutes. So a large plan becomes several transactions, none of which names many chains.
 */
import type { Rule, Table } from './rule.js';

/** Chains that one transaction writes, and one owner's more. Measured: fewer cost commits, more cost walks. */
export const chainsPerSection = 512;

/** One chain that is written whole. */
interface WrittenChain {
  /** Its chains stay together, as they lead to each other. */
  readonly owner: string;
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** Changes of one table: chains of owners, rules of shared chains and hooks, chains that go. */
export class Lines {
  readonly written: WrittenChain[] = [];
  readonly declared: string[] = [];
  readonly deleted: string[] = [];
  readonly added: string[] = [];
  /** Names of chains that go. */
  readonly removed: string[] = [];

  /** All changes of several parts as those of one. */
  static join(parts: readonly Lines[]): Lines {
    const all = new Lines();
    for (const part of parts) {
      for (const chain of part.written) all.written.push(chain);
      for (const place of ['declared', 'deleted', 'added', 'removed'] as const) {
        for (const line of part[place]) all[place].push(line);
      }
    }
    return all;
  }
}

/** The changes as transactions, in the order in which they can be committed; none where nothing changes. */
export function cutIntoSections(table: Table, lines: Lines): string[] {
  const { written, declared, deleted, added, removed } = lines;
  const gone = removed.map((name) => `-X ${name}`);
  if (written.length + removed.length <= chainsPerSection) {
    const all = [declarations(written), declared, removed.map(declare), deleted];
    return section(table, [...all, additions(written), added, gone].flat());
  }
  return [
    ...ownerGroups(written).flatMap((group) =>
      section(table, [...declarations(group), ...additions(group)]),
    ),
    ...section(table, [...declared, ...deleted, ...added]),
    // A chain goes only when none leads to it any more: all are emptied before.
    ...pieces(removed).flatMap((names) => section(table, names.map(declare))),
    ...pieces(gone).flatMap((some) => section(table, some)),
  ];
}

/**
 * Sorts rules by the chain that they lead to, the last first: each then comes to the head of the list (see the head of
 * this file), and is found there.
 */
export function lastTargetFirst(rules: readonly Rule[]): Rule[] {
  const target = (rule: Rule): string => rule.slice(rule.lastIndexOf(' -j '));
  return [...rules].sort((a, b) => (target(a) === target(b) ? 0 : target(a) < target(b) ? 1 : -1));
}

/** Creates the chain, or empties it. */
function declare(name: string): string {
  return `:${name} - [0:0]`;
}

function declarations(chains: readonly WrittenChain[]): string[] {
  return chains.map(({ name }) => declare(name));
}

function additions(chains: readonly WrittenChain[]): string[] {
  return chains.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${rule}`));
}

function section(table: Table, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`*${table}\n${lines.join('\n')}\nCOMMIT\n`];
}

/** The chains of as many owners as one transaction takes, each owner's together. */
function ownerGroups(written: readonly WrittenChain[]): WrittenChain[][] {
  const owners = new Map<string, WrittenChain[]>();
  for (const chain of written) {
    const chains = owners.get(chain.owner);
    if (chains === undefined) owners.set(chain.owner, [chain]);
    else chains.push(chain);
  }
  const groups: WrittenChain[][] = [];
  for (const chains of owners.values()) {
    const last = groups.at(-1);
    if (last === undefined || last.length >= chainsPerSection) groups.push([...chains]);
    else last.push(...chains);
  }
  return groups;
}

function pieces(lines: readonly string[]): string[][] {
  const count = Math.ceil(lines.length / chainsPerSection);
  return Array.from({ length: count }, (_, at) =>
    lines.slice(at * chainsPerSection, (at + 1) * chainsPerSection),
  );
}
