import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { systemClock } from '../../lib/clock.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { makePrivateDirectory } from '../../lib/files/write-whole.js';
import type { ClusterRecord } from '../home.js';
import { claimHome, homeDirectory, isAlive, packageRoot, readClusterRecord } from '../home.js';
import { oneOf, parseFlags, repeatable, wholeNumber } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';
import { applyExample } from './example.js';
import { renderHints } from './hints.js';
import type { Layout } from './hosts.js';
import { imagesDirectory } from './hosts.js';
import { canMakeNamespaces, createHostNetwork } from './network.js';
import { Progress } from './progress.js';
import { recoverCommand, startCluster } from './start-cluster.js';
import { explained, mastersVote, networksServe, nodesReady } from './wait.js';

/** The flags of `up`. */
export interface UpFlags {
  readonly masters: string;
  readonly workers: string;
  readonly runtime: string;
  readonly home?: string;
  readonly example: boolean;
  readonly masterArg?: readonly string[];
  readonly workerArg?: readonly string[];
}

const runtimes = ['auto', 'containerd', 'process', 'hollow'];
const execute = promisify(execFile);

/** `trireme up`: a whole cluster on this machine, in the background. Running it again starts what is missing. */
export async function runUp(argv: readonly string[]): Promise<number> {
  const command = new Command('scripts/up')
    .option('--masters <n>', 'number of masters: 1, 3, 5 or 7', '3')
    .option('--workers <n>', 'number of workers, from 0 to 20', '2')
    .option('--runtime <kind>', runtimes.join(', '), 'auto')
    .option(
      '--home <dir>',
      'directory of the whole cluster (default: $TRIREME_HOME, else .trireme)',
    )
    .option('--no-example', 'do not apply the example')
    .option('--master-arg <arg>', 'a flag for every master (may be repeated)', repeatable)
    .option('--worker-arg <arg>', 'a flag for every worker (may be repeated)', repeatable);
  const parsed = parseFlags<UpFlags>(command, argv);
  if (parsed.help) return 0;
  await upCluster(parsed.options);
  return 0;
}

/**
 * Brings a home's cluster up.
 * @param prepare works on what the hosts have before they are started
 * @throws UsageError for wrong values, and what kept the cluster from coming up
 */
export async function upCluster(
  options: UpFlags,
  prepare: (layout: Layout, known: ClusterRecord | undefined) => Promise<void> = () =>
    Promise.resolve(),
): Promise<void> {
  oneOf('--runtime', options.runtime, runtimes);
  const masters = wholeNumber('--masters', options.masters, 1, 7);
  if (masters % 2 === 0)
    throw new UsageError('--masters: an even number tolerates no more failures');
  const workers = wholeNumber('--workers', options.workers, 0, 20);
  const home = homeDirectory(options.home);
  const progress = new Progress(systemClock());
  await claimHome(home);
  const lock = lockDirectory(home);
  try {
    const known = await readClusterRecord(home);
    const layout = await prepareLayout(home, known, { ...options, masters, workers }, progress);
    await prepare(layout, known);
    await bringUp(layout, known, options.example, progress);
  } catch (error) {
    await showDeadHosts(home);
    throw error;
  } finally {
    lock.release();
  }
}

async function bringUp(
  layout: Layout,
  known: ClusterRecord | undefined,
  example: boolean,
  progress: Progress,
): Promise<void> {
  const { admin, revive, started } = await startCluster(layout, known, progress);
  // Its pods listen on one port each: they need a network of their own.
  const withExample = example && layout.workers > 0 && layout.runtime === 'containerd';
  if (example && !withExample && layout.workers > 0) {
    progress.say(`no example: with the runtime "${layout.runtime}" pods share the node's network`);
  }
  try {
    await progress
      .until('every master votes', 60_000, async () => {
        await revive();
        return mastersVote(admin, layout.masters);
      })
      .catch(async (error: unknown) => {
        const hosts = (await readClusterRecord(layout.home))?.hosts ?? [];
        throw await explained(error, admin, (name) => recoverCommand(hosts, name, layout.home));
      });
    progress.say(`${layout.masters} masters vote`);
    await progress.until('every node is ready', 120_000, async () => {
      await revive();
      return nodesReady(admin, layout.workers, started);
    });
    await progress.until('Services work on every node', 60_000, () =>
      networksServe(admin, started),
    );
    progress.say(`${layout.workers} nodes are ready`);
    if (withExample) await applyExample(admin, progress);
    const { members } = await admin.status();
    const leader = members.find((member) => member.leader)?.name;
    const { hosts = [] } = (await readClusterRecord(layout.home)) ?? {};
    process.stdout.write(renderHints(layout, { leader, hosts, example: withExample }));
  } finally {
    admin.close();
  }
}

/** After a failure: which processes have ended, and what they said last. */
async function showDeadHosts(home: string): Promise<void> {
  const record = await readClusterRecord(home);
  for (const { name, dataDir, proxy, ...host } of record?.hosts ?? []) {
    const processes = [
      { name, ...host, what: 'host' as const },
      ...(proxy === undefined
        ? []
        : [{ name: `${name}'s network`, ...proxy, what: 'netproxy' as const }]),
    ];
    for (const { name: whose, pid, logFile, what } of processes) {
      if (isAlive(pid, dataDir, what)) continue;
      const log = await readFile(logFile, 'utf8').catch(() => '');
      const last = log.trimEnd().split('\n').slice(-3).join('\n');
      process.stderr.write(`${whose} has ended; the end of ${logFile}:\n${last}\n`);
    }
  }
}

async function prepareLayout(
  home: string,
  known: ClusterRecord | undefined,
  wanted: Omit<UpFlags, 'masters' | 'workers'> & { masters: number; workers: number },
  progress: Progress,
): Promise<Layout> {
  await makePrivateDirectory(join(home, 'logs'));
  const namespaces = known === undefined ? await canMakeNamespaces() : known.network !== null;
  const runtime = known?.runtime ?? (await chooseRuntime(wanted.runtime, namespaces));
  if (known !== undefined && known.hosts.length > 0) {
    progress.say('a cluster is kept here already; starting what does not run');
  }
  if (runtime === 'containerd') await prepareImages(progress);
  const network = namespaces ? await createHostNetwork(home, known?.network?.subnet) : undefined;
  const count = (role: string): number =>
    (known?.hosts ?? []).filter((host) => host.role === role).length;
  return {
    home,
    masters: Math.max(wanted.masters, count('master')),
    workers: Math.max(wanted.workers, count('worker')),
    runtime,
    network,
    extraArguments: { master: wanted.masterArg ?? [], worker: wanted.workerArg ?? [] },
  };
}

async function chooseRuntime(wanted: string, namespaces: boolean): Promise<string> {
  if (wanted !== 'auto') {
    if (wanted === 'containerd' && !namespaces) {
      throw new UsageError('--runtime containerd needs root and network namespaces');
    }
    return wanted;
  }
  const there = await Promise.all(
    ['containerd', 'ctr', 'runc'].map((program) =>
      execute('sh', ['-c', `command -v ${program}`]).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (namespaces && there.every(Boolean)) return 'containerd';
  process.stderr.write(
    'no root or no containerd: containers run as plain processes, without isolation or images\n',
  );
  return 'process';
}

/** Images that need no registry, for the example: built once. */
async function prepareImages(progress: Progress): Promise<void> {
  const script = join(packageRoot, 'scripts', 'images', 'build');
  if (!existsSync(script)) return;
  if (!existsSync(imagesDirectory)) progress.say('building the example images (busybox, nginx)');
  await execute(script, ['--out', imagesDirectory], {
    timeout: 120_000,
    maxBuffer: 16 * 1024 * 1024,
  });
}
