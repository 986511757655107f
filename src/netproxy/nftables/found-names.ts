import { table } from './names.js';

/** What is in the table by its names. */
export interface FoundNames {
  readonly chains: readonly string[];
  readonly sets: readonly string[];
  readonly maps: readonly string[];
}

interface Listed {
  readonly table?: string;
  readonly name?: string;
}

/**
 * Reads what `nft -j list` printed of chains, sets and maps of the IPv4 family, one answer a line; those of other
 * tables are left out. @throws SyntaxError when it is not JSON
 */
export function readFoundNames(text: string): FoundNames {
  const found = { chains: [] as string[], sets: [] as string[], maps: [] as string[] };
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const { nftables = [] } = JSON.parse(line) as { nftables?: Record<string, Listed>[] };
    for (const entry of nftables) {
      for (const kind of ['chain', 'set', 'map'] as const) {
        const { table: at, name } = entry[kind] ?? {};
        if (at === table && name !== undefined) found[`${kind}s`].push(name);
      }
    }
  }
  return found;
}
