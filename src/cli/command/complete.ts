/** Completion: what may stand where the cursor is. Pure, but for the names that it asks for. */
import { globalFlags } from './global-flags.js';
import type { Flag } from './flag-types.js';
import type { Completes, CommandSpec } from './spec.js';

/** Asks for names in the cluster or in the kubeconfig. */
export interface NameSource {
  /** Of resource types. */
  readonly types: () => Promise<readonly string[]>;
  /** Of the objects of a type. */
  readonly objects: (type: string, flags: readonly string[]) => Promise<readonly string[]>;
  /** Of the entries of the kubeconfig. */
  readonly entries: (list: 'contexts' | 'clusters' | 'users') => Promise<readonly string[]>;
}

/**
 * The words that may stand last.
 * @param words of the command, without its name; the last one is begun
 */
export async function complete(
  spec: CommandSpec,
  words: readonly string[],
  names: NameSource,
): Promise<string[]> {
  let chosen = spec;
  let rest = [...words];
  while (chosen.subcommands !== undefined && rest.length > 1) {
    const next = chosen.subcommands.find(
      ({ name, aliases }) => name === rest[0] || aliases?.includes(rest[0] ?? ''),
    );
    if (next === undefined) break;
    chosen = next;
    rest = rest.slice(1);
  }
  const begun = rest.at(-1) ?? '';
  const before = rest.slice(0, -1);
  const flags: Readonly<Record<string, Flag>> = { ...globalFlags, ...chosen.flags };
  const found = await candidates(chosen, flags, before, begun, names);
  return [...new Set(found)].filter((word) => word.startsWith(begun)).sort();
}

async function candidates(
  spec: CommandSpec,
  flags: Readonly<Record<string, Flag>>,
  before: readonly string[],
  begun: string,
  names: NameSource,
): Promise<readonly string[]> {
  if (before.includes('--')) return [];
  if (begun.startsWith('-')) {
    return begun.includes('=')
      ? valuesAfterEquals(flags, begun)
      : [...Object.keys(flags).map((name) => `--${name}`), '--help'];
  }
  const open = flagOf(flags, before.at(-1) ?? '');
  if (open !== undefined && open.flag.type !== 'bool')
    return flagValues(open.name, open.flag, names);
  const args = argumentsOf(flags, before);
  if (spec.subcommands !== undefined && args.length === 0)
    return spec.subcommands.map(({ name }) => name);
  return nameCandidates(spec.completes ?? 'nothing', args, begun, before, names);
}

/** A flag that waits for its value: `-n`, `--namespace`. */
function flagOf(
  flags: Readonly<Record<string, Flag>>,
  word: string,
): { readonly name: string; readonly flag: Flag } | undefined {
  if (!word.startsWith('-') || word.includes('=')) return undefined;
  for (const [name, flag] of Object.entries(flags)) {
    const isBare = flag.type === 'text' && flag.bare !== undefined;
    if (
      !isBare &&
      (word === `--${name}` || (flag.short !== undefined && word === `-${flag.short}`))
    )
      return { name, flag };
  }
  return undefined;
}

/** Words that are neither flags nor their values. */
function argumentsOf(flags: Readonly<Record<string, Flag>>, before: readonly string[]): string[] {
  return before.filter((word, at) => {
    if (word.startsWith('-')) return false;
    const open = at === 0 ? undefined : flagOf(flags, before[at - 1] ?? '');
    return open === undefined || open.flag.type === 'bool';
  });
}

function valuesAfterEquals(flags: Readonly<Record<string, Flag>>, begun: string): string[] {
  const name = begun.slice(2, begun.indexOf('='));
  const flag = flags[name];
  return flag === undefined ? [] : knownValues(flag).map((value) => `--${name}=${value}`);
}

/** The values that a flag's declaration names. */
function knownValues(flag: Flag): readonly string[] {
  if (flag.type !== 'text') return [];
  if (flag.values !== undefined) return flag.values;
  return /^[a-z-]+(?:\|[a-z-]+)+$/.test(flag.value ?? '') ? (flag.value ?? '').split('|') : [];
}

const outputNames = [
  'json',
  'yaml',
  'name',
  'wide',
  'jsonpath=',
  'custom-columns=',
  'go-template=',
];

async function flagValues(name: string, flag: Flag, names: NameSource): Promise<readonly string[]> {
  switch (name) {
    case 'namespace':
      return names.objects('namespaces', []);
    case 'context':
      return names.entries('contexts');
    case 'cluster':
      return names.entries('clusters');
    case 'user':
      return names.entries('users');
    case 'output':
      return knownValues(flag).length > 0 ? knownValues(flag) : outputNames;
    default:
      return knownValues(flag);
  }
}

async function nameCandidates(
  completes: Completes,
  args: readonly string[],
  begun: string,
  before: readonly string[],
  names: NameSource,
): Promise<readonly string[]> {
  const [type] = args;
  switch (completes) {
    case 'nothing':
      return [];
    case 'types':
      return args.length === 0 ? names.types() : [];
    case 'nodes':
      return names.objects('nodes', before);
    case 'contexts':
    case 'clusters':
    case 'users':
      return args.length === 0 ? names.entries(completes) : [];
    case 'pods':
    case 'pods-and-workloads':
      if (args.length > 0) return [];
      return begun.includes('/') ? pairs(begun, before, names) : names.objects('pods', before);
    default:
      if (begun.includes('/')) return pairs(begun, before, names);
      return type === undefined ? names.types() : names.objects(type, before);
  }
}

/** `pod/` and what follows. */
async function pairs(
  begun: string,
  before: readonly string[],
  names: NameSource,
): Promise<readonly string[]> {
  const type = begun.slice(0, begun.indexOf('/'));
  return (await names.objects(type, before)).map((name) => `${type}/${name}`);
}
