/** Gathers the facts of this machine. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ClusterRecord } from '../home.js';
import { isAlive } from '../home.js';
import { certificatesIn } from '../certificates.js';
import {
  DirectoryInUseError,
  lockDirectory,
  lockFileName,
} from '../../lib/files/directory-lock.js';
import { errorMessage } from '../../lib/errors.js';
import { validityOf } from '../../lib/pki/validity.js';
import { readBuild, servesApart } from '../upgrade/build.js';
import { programOf, runsBuild } from '../upgrade/processes.js';
import type { MachineFacts, PortFact } from './machine.js';

const execute = promisify(execFile);
const programs = ['containerd', 'ctr', 'runc', 'iptables', 'ip', 'nsenter', 'conntrack'];
const cniPlugin = '/usr/lib/cni/bridge';
const masterPorts = [6443, 6444, 2379, 2380, 10_257, 10_259];
const workerPorts = [10_250];

/**
 * Looks at the machine.
 * @param dataDirs of the roles that are installed here, and those of the home
 */
export async function machineFacts(options: {
  readonly dataDirs: readonly string[];
  readonly record: ClusterRecord | undefined;
}): Promise<MachineFacts> {
  const { dataDirs, record } = options;
  const found = dataDirs.filter((path) => existsSync(path));
  const roleOf = (path: string): 'master' | 'worker' =>
    existsSync(join(path, 'pki')) ? 'master' : 'worker';
  const roles = [...new Set(found.map(roleOf))];
  const ports =
    roles.includes('worker') && roles.length === 1 ? workerPorts : [...masterPorts, ...workerPorts];
  const disk = await existing(found[0] ?? dataDirs[0] ?? '/');
  const space = await statfs(disk);
  return {
    roles,
    running: isRunning(record, found),
    ports: await Promise.all(ports.map(tryPort)),
    withoutNetwork: await networkless(found),
    freeBytes: space.bavail * space.bsize,
    // A file system that makes inodes as they are needed (btrfs) counts none at all.
    freeInodes: space.files === 0 ? Infinity : space.ffree,
    disk,
    missingPrograms: [
      ...programs.filter((name) => !isInstalled(name)),
      ...(existsSync(cniPlugin) ? [] : [cniPlugin]),
    ],
    missingFeatures: await missingFeatures(),
    leftovers: await leftovers(record),
    ...(await certificates(found)),
    clockSynchronized: await clockSynchronized(),
  };
}

/** The path, or the nearest directory above it that is there. */
async function existing(path: string): Promise<string> {
  return existsSync(path) ? path : existing(dirname(path));
}

/** Reads every certificate that can be read: a damaged one, or another user's, is a finding and no end. */
async function certificates(
  dataDirs: readonly string[],
): Promise<Pick<MachineFacts, 'certificates' | 'unreadable'>> {
  const unreadable: string[] = [];
  const failed = (name: string, error: unknown): [] => {
    unreadable.push(`${name} (${errorMessage(error)})`);
    return [];
  };
  const kept = await Promise.all(
    dataDirs.map((path) => certificatesIn(path).catch((error: unknown) => failed(path, error))),
  );
  const read = kept.flat().flatMap(({ name, pem }) => {
    try {
      return [{ name, endsMs: validityOf(pem).toMs }];
    } catch (error) {
      return failed(name, error);
    }
  });
  return { certificates: read, unreadable };
}

/** True when a host of the record lives, or a process holds one of the directories. */
function isRunning(record: ClusterRecord | undefined, dataDirs: readonly string[]): boolean {
  const hosts = record?.hosts ?? [];
  return hosts.some(({ pid, dataDir }) => isAlive(pid, dataDir)) || dataDirs.some(isHeld);
}

/** The directories of agents that run alone, and do not serve the network themselves. */
async function networkless(dataDirs: readonly string[]): Promise<string[]> {
  const alone = dataDirs.flatMap((dataDir) => {
    const owner = ownerWithoutNetwork(dataDir);
    return owner === undefined ? [] : [{ dataDir, pid: owner.pid }];
  });
  const serves = await Promise.all(
    alone.map(async ({ pid }) => pid !== undefined && (await mayServeItself(pid))),
  );
  return alone.filter((_one, at) => serves[at] !== true).map(({ dataDir }) => dataDir);
}

/** The agent that runs alone on a directory. Pretended nodes, which have no network, keep no keys there. */
function ownerWithoutNetwork(dataDir: string): Owner | undefined {
  if (!existsSync(join(dataDir, 'credentials.json')) || isHeld(join(dataDir, 'netproxy'))) {
    return undefined;
  }
  return ownerOf(dataDir);
}

/**
 * True for an agent of a build whose agents have the network of their node in themselves; also for one whose build has
 * been replaced since, of which nobody knows what it was.
 */
async function mayServeItself(pid: number): Promise<boolean> {
  const program = programOf(pid);
  if (program === undefined) return false;
  const build = await readBuild(dirname(dirname(program))).catch(() => undefined);
  return build === undefined || !servesApart(build) || !runsBuild(pid, build);
}

/** The process that holds a directory, as far as the system tells which one. */
interface Owner {
  readonly pid: number | undefined;
}

function isHeld(dataDir: string): boolean {
  return ownerOf(dataDir) !== undefined;
}

function ownerOf(dataDir: string): Owner | undefined {
  // The lock's file stays in a directory that was ever owned; nothing is made in another one.
  if (!existsSync(join(dataDir, lockFileName))) return undefined;
  try {
    lockDirectory(dataDir).release();
    return undefined;
  } catch (error) {
    return error instanceof DirectoryInUseError ? { pid: error.pid } : undefined;
  }
}

function tryPort(port: number): Promise<PortFact> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ port, reason: error.code ?? error.message }),
    );
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () =>
      server.close(() => resolve({ port, reason: undefined })),
    );
  });
}

function isInstalled(name: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, name)));
}

async function missingFeatures(): Promise<string[]> {
  const filesystems = await readFile('/proc/filesystems', 'utf8').catch(() => '');
  const present: readonly [string, boolean][] = [
    ['overlay file systems', /\boverlay$/m.test(filesystems)],
    ['network namespaces', existsSync('/proc/self/ns/net')],
    ['PID namespaces', existsSync('/proc/self/ns/pid')],
    ['control groups', existsSync('/sys/fs/cgroup')],
    ['connection tracking', existsSync('/proc/sys/net/netfilter/nf_conntrack_max')],
    ['bridge-nf-call-iptables', existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables')],
  ];
  return present.filter(([, there]) => !there).map(([name]) => name);
}

/** Network namespaces and bridges by the names that `up` gives, but for those of the home's record. */
async function leftovers(record: ClusterRecord | undefined): Promise<string[]> {
  const known = new Set<string | null | undefined>([
    ...(record?.hosts ?? []).map(({ netns }) => netns),
    record?.network?.bridge,
  ]);
  const namespaces = await readdir('/run/netns').catch(() => []);
  const links = Object.keys(networkInterfaces());
  return [
    ...namespaces.filter((name) => /^trireme-[0-9a-f]{4}-[mw]\d+$/.test(name)),
    ...links.filter((name) => /^tri[0-9a-f]{4}$/.test(name)),
  ].filter((name) => !known.has(name));
}

async function clockSynchronized(): Promise<boolean | undefined> {
  try {
    const words = ['show', '--property=NTPSynchronized', '--value'];
    const { stdout } = await execute('timedatectl', words, { timeout: 2000 });
    return stdout.trim() === '' ? undefined : stdout.trim() === 'yes';
  } catch {
    return undefined;
  }
}
