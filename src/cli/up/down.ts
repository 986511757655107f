import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { delay, systemClock } from '../../lib/clock.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { deleteOwned, mountsBelow, mustBeOurs } from '../../lib/files/owned-directory.js';
import type { ClusterRecord } from '../home.js';
import { claimHome, homeDirectory, isAlive, readClusterRecord } from '../home.js';
import { parseFlags } from '../../lib/flags.js';
import { stateDirOf } from '../../runtime/containerd/daemon.js';
import { isOfHost, listProcesses, withDescendants } from './processes.js';
import { removeHostNamespace, removeHostNetwork } from './network.js';
import { removeRuncState } from './runc-state.js';
import { removeContainerdRun } from './shim-sockets.js';

interface Flags {
  readonly home?: string;
  readonly purge?: boolean;
}

const execute = promisify(execFile);
/** A host that is asked to end gets so long. */
const graceMs = 15_000;

/** `trireme down`: stops the cluster of a home, its containers included; `--purge` deletes its data as well. */
export async function runDown(argv: readonly string[]): Promise<number> {
  const command = new Command('scripts/down')
    .option('--home <dir>', 'directory of the cluster, as given to `up`')
    .option('--purge', 'delete the data, keys and logs as well');
  const parsed = parseFlags<Flags>(command, argv);
  if (parsed.help) return 0;
  const home = homeDirectory(parsed.options.home);
  const purge = parsed.options.purge === true;
  if (!existsSync(home)) {
    process.stderr.write(`no cluster is kept in ${home}\n`);
    return 0;
  }
  const record = await readClusterRecord(home);
  if (record === undefined && !purge) {
    process.stderr.write(`no cluster is kept in ${home}\n`);
    return 0;
  }
  // Before anything is touched: is it ours? One of an earlier version has a record and gets its mark now.
  if (record !== undefined) await claimHome(home);
  else await mustBeOurs(home);
  const lock = lockDirectory(home);
  try {
    if (record !== undefined) {
      await stopProcesses(record);
      await takeBack(home, record);
    }
    if (purge) {
      for (const { dataDir } of record?.hosts ?? []) {
        await removeRuncState(dataDir);
        await removeContainerdRun(dataDir);
      }
      await deleteOwned(home);
    }
  } finally {
    lock.release();
  }
  process.stderr.write(
    purge ? 'stopped, and its data deleted\n' : `stopped; the data is kept in ${home}\n`,
  );
  return 0;
}

/** Workers first, so that nobody waits for a master that is gone. */
async function stopProcesses(record: ClusterRecord): Promise<void> {
  const hostsOf = (role: string): readonly Ending[] =>
    record.hosts
      .filter((host) => host.role === role)
      .flatMap((host) => [
        host,
        ...(host.proxy === undefined
          ? []
          : [{ pid: host.proxy.pid, dataDir: host.dataDir, what: 'netproxy' as const }]),
      ]);
  const gateway: readonly Ending[] = record.gateway === null ? [] : [record.gateway];
  for (const processes of [hostsOf('worker'), hostsOf('master'), gateway]) await endAll(processes);
}

/** A process to end; the gateway's has no directory of its own. */
interface Ending {
  readonly pid: number;
  readonly dataDir?: string;
  readonly what?: 'netproxy';
}

async function endAll(processes: readonly Ending[]): Promise<void> {
  const clock = systemClock();
  // Process ids are used again: only a process that was started for that host is ended.
  const isOurs = ({ pid, dataDir, what }: Ending): boolean => isAlive(pid, dataDir, what);
  const ours = processes.filter(isOurs);
  for (const { pid } of ours) signal(pid, 'SIGTERM');
  const giveUpMs = clock.monotonicMs() + graceMs;
  while (ours.some(isOurs) && clock.monotonicMs() < giveUpMs) await delay(clock, 50);
  for (const { pid } of ours.filter(isOurs)) signal(pid, 'SIGKILL');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself.
  }
}

/** Containers, mounts, namespaces, links and rules. */
async function takeBack(home: string, record: ClusterRecord): Promise<void> {
  for (const host of record.hosts) {
    await endLeftovers(host.dataDir);
    for (const id of await sandboxIds(host.dataDir)) await removeHostNamespace(`trireme-${id}`);
    if (host.netns !== null) await removeHostNamespace(host.netns);
  }
  await unmountBelow(home);
  if (record.network !== null) {
    await removeHostNetwork(record.network.bridge, record.network.subnet);
  }
}

/** The pods that a worker has kept across restarts: each has a network namespace of its own. */
async function sandboxIds(dataDir: string): Promise<string[]> {
  const files = await readdir(join(dataDir, 'runtime', 'sandboxes')).catch(() => []);
  return files.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -5));
}

/** Ends processes of a host that still run: containerd, its shims, the containers' processes below them. */
async function endLeftovers(dataDir: string): Promise<void> {
  const directories = [dataDir, stateDirOf(join(dataDir, 'runtime'))];
  const doomed = withDescendants(
    await listProcesses(),
    (entry) => entry.pid !== process.pid && isOfHost(entry, directories),
  );
  for (const pid of doomed) signal(pid, 'SIGKILL');
}

async function unmountBelow(home: string): Promise<void> {
  const mounts = await mountsBelow(home);
  for (const path of mounts) await execute('umount', ['-l', path]).catch(() => undefined);
}
