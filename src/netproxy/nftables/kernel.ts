/** The program `nft`: reads the names of what is there, and writes transactions. */
import { release } from 'node:os';
import type { RunCommand } from '../command.js';
import { mustRun } from '../command.js';
import type { Kernel } from '../kernel/rule-applier.js';
import { readFoundNames } from './found-names.js';
import { baseChains, collections, sharedChains } from './layout.js';
import { table } from './names.js';
import { Script } from './script.js';

/** Among the maps of our table, and of no kube-proxy's. */
const ownMap = 'tcp-endpoints';

/** Loading 10,000 services takes seconds; a change a fiftieth of one. */
const timeoutMs = 120_000;

/** @param needsNames whether the names of what is there are of interest */
export function nftablesKernel(run: RunCommand, needsNames: () => boolean): Kernel {
  return {
    read: async () => {
      if (!needsNames()) return '';
      // Their contents are not read, which is what takes time.
      const lists = ['chains', 'sets', 'maps'].map((what) => ['-j', '-t', 'list', what, 'ip']);
      const found: string[] = [];
      for (const args of lists) found.push((await mustRun(run, 'nft', args)).trim());
      return found.join('\n');
    },
    write: async (plan) => {
      await mustRun(run, 'nft', ['-f', '-'], { stdin: plan, timeoutMs });
    },
  };
}

/** Tells what this machine lacks for our rules; undefined when nothing. */
export async function whatNftablesLacks(run: RunCommand): Promise<string | undefined> {
  const version = await run('nft', ['--version']);
  if (version.code !== 0) return 'the program nft is missing (Debian: apt-get install nftables)';
  // Everything that our rules are made of, in a table of its own, which is tried and not kept.
  const tried = await run('nft', ['-c', '-f', '-'], { stdin: probe() });
  if (tried.code === 0) return undefined;
  const said = tried.stderr.split('\n')[0] ?? '';
  const { 0: nft = '' } = version.stdout.split('\n');
  return (
    `${nft} and Linux ${release()} do not take its rules, which need root, nft 1.0.1 and Linux 5.13 ` +
    `with nf_tables, NAT and fib: ${said}`
  );
}

/**
 * Takes the table away, if there is one of ours; that of a kube-proxy, which has the same name, is not. Nobody has to
 * have `nft` for that, or a kernel that knows tables.
 */
export async function removeServiceTable(run: RunCommand): Promise<void> {
  const listed = await run('nft', ['-j', '-t', 'list', 'maps', 'ip']);
  if (listed.code !== 0 || !readFoundNames(listed.stdout.trim()).maps.includes(ownMap)) return;
  const stdin = `add table ip ${table}\ndelete table ip ${table}\n`;
  await mustRun(run, 'nft', ['-f', '-'], { stdin });
}

function probe(): string {
  const config = {
    nodeIp: '192.0.2.1',
    clusterCidr: '198.51.100.0/24',
    serviceCidr: '203.0.113.0/24',
    nodePortAddresses: [],
    excludedIps: [],
  };
  const script = new Script();
  script.table(false);
  for (const collection of collections) script.define(collection);
  const definition = 'type ipv4_addr ; flags dynamic,timeout ; timeout 60s';
  script.define({ kind: 'set', name: 'clients', definition });
  for (const chain of baseChains(config)) script.chain(chain);
  for (const kind of ['external-local', 'port-local']) {
    for (const chain of sharedChains(`${kind}-tcp-2`, config.clusterCidr)) script.chain(chain);
  }
  script.chain({ name: 'client', rules: ['update @clients { ip saddr }'] });
  return script.toString().replaceAll(` ip ${table}`, ` ip ${table}-probe`);
}
