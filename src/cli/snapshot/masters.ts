/** The masters that this machine runs or ran: an installed one, and those of a home of `up`. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostRecord } from '../home.js';
import { readClusterRecord } from '../home.js';
import type { MasterOptions } from '../master/options.js';
import { parseMasterOptions } from '../master/options.js';

/** The file in which `scripts/install` keeps the flags of a master. */
const environmentFile = '/etc/trireme/master.env';

/** Reads the flags of the installed master; undefined where none is installed. */
export async function installedFlags(path = environmentFile): Promise<string[] | undefined> {
  if (!existsSync(path)) return undefined;
  const [, words = ''] = /^TRIREME_FLAGS=(.*)$/m.exec(await readFile(path, 'utf8')) ?? [];
  return words.split(/\s+/).filter((word) => word !== '');
}

/** Flags without those by which a master joins: they need a token that may be gone. */
export function withoutJoinFlags(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const match = /^--(?:join|token|token-file|ca-hash)(=.*)?$/.exec(word);
    if (match === null) kept.push(word);
    else if (match[1] === undefined) at += 1;
  }
  return kept;
}

/** The options of a master that is there already. @throws UsageError */
export function masterOptionsOf(words: readonly string[]): MasterOptions {
  const options = parseMasterOptions(withoutJoinFlags(words));
  if (options === undefined) throw new Error('--help stands among the flags of a master');
  return options;
}

/** The masters of a home, by name; none where no cluster was started there. */
export async function mastersOfHome(home: string): Promise<HostRecord[]> {
  const { hosts = [] } = (await readClusterRecord(home)) ?? {};
  return hosts.filter(({ role }) => role === 'master');
}

/** True for a data directory that has the keys of a cluster. */
export function hasKeys(dataDir: string): boolean {
  return ['ca.key', 'encryption.key'].every((name) => existsSync(join(dataDir, 'pki', name)));
}
