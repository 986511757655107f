import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claimDirectory, ForeignDirectoryError } from '../lib/files/owned-directory.js';
import { writeWhole } from '../lib/files/write-whole.js';
import { stoppingTitle } from '../lib/shutdown.js';
import { findProcess } from './host-processes.js';

/** The record in `cluster.json` of a host of the cluster that `trireme up` runs on this machine. */
export interface HostRecord {
  readonly name: string;
  readonly role: 'master' | 'worker';
  /** Its top process: killing it kills the host's components, but for a worker's network. */
  readonly pid: number;
  /** For `ip netns exec`, or null without namespaces. */
  readonly netns: string | null;
  readonly address: string;
  /** The socket of its containerd, or null. */
  readonly containerd: string | null;
  readonly dataDir: string;
  readonly logFile: string;
  /** The command line that starts it again. */
  readonly command: readonly string[];
  /** The `bin/trireme` that it was started with; absent in records of earlier builds. */
  readonly program?: string;
  /** The process of a worker's network, which starts and ends apart from its agent. */
  readonly proxy?: ProcessRecord;
}

/** A process that is no host of its own. */
export interface ProcessRecord {
  readonly pid: number;
  readonly logFile: string;
}

/** `cluster.json`. */
export interface ClusterRecord {
  readonly hosts: readonly HostRecord[];
  /** The process that gives the masters one address. */
  readonly gateway: ProcessRecord | null;
  /** Names of what was made outside of the home directory. */
  readonly network: { readonly bridge: string; readonly subnet: string } | null;
  readonly runtime: string;
}

/** The checkout, or the installed package. */
export const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** The program to start for another process of ours. */
export const programPath = join(packageRoot, 'bin', 'trireme');

const defaultHome = join(packageRoot, '.trireme');

/** Returns the directory of `trireme up`: `--home`, else $TRIREME_HOME, else `.trireme` in the checkout. */
export function homeDirectory(flag: string | undefined): string {
  return resolve(flag ?? process.env['TRIREME_HOME'] ?? defaultHome);
}

/** The flag, after a blank, by which a command that a person is shown means this home; empty for the default one. */
export function homeFlag(home: string): string {
  return home === defaultHome ? '' : ` --home ${shellWord(home)}`;
}

/** A word as a shell reads it: in quotes where it needs them. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Four hexadecimal digits that tell one home's names from another's. */
export function homeId(home: string): string {
  return createHash('sha256').update(home).digest('hex').slice(0, 4);
}

/**
 * The record of a home; undefined when no cluster was started there.
 * @throws ForeignDirectoryError for one that names what no home of ours holds: `down` ends processes and removes
 * networks by it
 */
export async function readClusterRecord(home: string): Promise<ClusterRecord | undefined> {
  let text: string;
  try {
    text = await readFile(join(home, 'cluster.json'), 'utf8');
  } catch {
    return undefined;
  }
  const record = JSON.parse(text) as ClusterRecord;
  if (!isOfHome(record, home)) {
    throw new ForeignDirectoryError(
      `${join(home, 'cluster.json')} is not the record of a cluster kept in ${home}`,
    );
  }
  return { ...record, hosts: record.hosts.map(asItRuns) };
}

/** With the process that runs instead of one that has ended: who started it may have ended before he wrote it down. */
function asItRuns(host: HostRecord): HostRecord {
  const { role, pid, dataDir, proxy, logFile } = host;
  const own = isAlive(pid, dataDir) ? undefined : findProcess(role, dataDir);
  const isServed =
    role === 'master' || (proxy !== undefined && isAlive(proxy.pid, dataDir, 'netproxy'));
  const network = isServed ? undefined : findProcess('netproxy', dataDir);
  return {
    ...host,
    ...(own !== undefined && { pid: own }),
    ...(network !== undefined && {
      proxy: { logFile: networkLog(logFile), ...proxy, pid: network },
    }),
  };
}

/** The log of a worker's network, beside that of its agent. */
export function networkLog(logFile: string): string {
  return logFile.replace(/\.log$/, '-netproxy.log');
}

/** Every directory lies in the home, every name outside of it is one that we give. */
function isOfHome({ hosts, network }: ClusterRecord, home: string): boolean {
  return (
    Array.isArray(hosts) &&
    hosts.every(
      ({ name, dataDir, netns }) =>
        dataDir === join(home, name) &&
        dataDir.startsWith(`${home}/`) &&
        (netns === null || netns.startsWith(`trireme-${homeId(home)}-`)),
    ) &&
    (network === null || network.bridge === `tri${homeId(home)}`)
  );
}

/** Makes the home ours; one of an earlier version has a record and no mark. @throws ForeignDirectoryError */
export async function claimHome(home: string): Promise<void> {
  await claimDirectory(home, async () => (await readClusterRecord(home)) !== undefined);
}

/** Only its owner may read it: the command lines hold join tokens, which live for an hour. */
export async function writeClusterRecord(home: string, record: ClusterRecord): Promise<void> {
  await writeWhole(join(home, 'cluster.json'), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * True while a process of this program has that id. Ids are used again, and a process that was killed keeps its id
 * until its parent has asked how it ended: neither is alive here. A killed process has no command line any more.
 * @param dataDir of the host: a process that was started for another one is not it. One that stops says only that.
 * @param what the host itself, or a worker's network, whose flags are the same
 */
export function isAlive(
  pid: number,
  dataDir?: string,
  what: 'host' | 'netproxy' = 'host',
): boolean {
  const line = commandLine(pid);
  if (dataDir === undefined || line.startsWith(stoppingTitle)) return line.includes('trireme');
  const words = line.split('\0');
  const isNetwork = words.includes('netproxy');
  return words.includes(`--data-dir=${dataDir}`) && isNetwork === (what === 'netproxy');
}

/** True while a process of this program with that id is about to end: it was asked to, and drains. */
export function isStopping(pid: number): boolean {
  return commandLine(pid).startsWith(stoppingTitle);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
