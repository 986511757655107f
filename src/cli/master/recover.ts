import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { recoverFromSnapshot, recoverSurvivor } from '../../etcd/cmd/recover.js';
import type { Recovered } from '../../etcd/cmd/recover.js';
import { checkSnapshotHash } from '../../etcd/snapshots/snapshot-file.js';
import { readNotes } from '../../etcd/snapshots/snapshot-notes.js';
import { systemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/create-logger.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { writeWhole } from '../../lib/files/write-whole.js';
import { parseFlags } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';
import { storeFlags } from './components.js';
import { peerUrl, pkiDirectory } from './join.js';
import type { MasterState } from './join.js';
import { mustReadSecrets, takeKeys } from './snapshot-keys.js';
import { masterCommand, readMasterFlags } from './options.js';
import type { MasterFlags, MasterOptions } from './options.js';

/**
 * `trireme master recover [--from FILE]`: the cluster has lost its quorum for good. Makes this master, which must be
 * stopped, the only one: with the data that it has, or with a snapshot's. The next ordinary start goes on from there,
 * and others may join.
 */
export async function runRecover(argv: readonly string[]): Promise<number> {
  const command = masterCommand('trireme master recover').option(
    '--from <file>',
    'a snapshot to restore (default: the data of this master)',
  );
  const parsed = parseFlags<MasterFlags & { readonly from?: string }>(command, argv);
  if (parsed.help) return 0;
  const { from } = parsed.options;
  const options = readMasterFlags(parsed.options);
  await mustBeStopped(options);
  const done = await recoverMaster(options, from === undefined ? undefined : resolve(from));
  const what =
    from === undefined
      ? `with its own data up to raft index ${done.position}`
      : `from ${from}, and goes on at revision ${done.position}`;
  const aside = done.aside === undefined ? '' : `what was there before is in ${done.aside}\n`;
  process.stdout.write(
    `master ${options.name} is the only one of its cluster now, ${what}\n${aside}` +
      'start it, and have the other masters join again with empty data directories; never start them with their old data\n',
  );
  return 0;
}

/**
 * Makes a master that is stopped the only one of its cluster.
 * @param from the path of a snapshot; its own data without one. Keys that it brings are taken where there are none.
 * @throws DirectoryInUseError, UsageError, and what the store says of its data and of the file
 */
export async function recoverMaster(
  options: MasterOptions,
  from: string | undefined,
): Promise<Recovered> {
  const lock = lockDirectory(options.dataDir);
  try {
    const tools = {
      clock: systemClock(),
      log: createLogger({ component: 'recover', level: 'warn' }),
    };
    if (from !== undefined) {
      checkSnapshotHash(from);
      await takeKeys(pkiDirectory(options), readNotes(from));
      await mustReadSecrets(pkiDirectory(options), from);
    }
    const state = await aloneState(options, from !== undefined, tools.clock.nowMs());
    const flags = [...storeFlags(options, state), ...options.passed.etcd];
    const done =
      from === undefined
        ? await recoverSurvivor(flags, tools)
        : await recoverFromSnapshot(flags, from, tools);
    await writeWhole(statePath(options), `${JSON.stringify(state, null, 2)}\n`);
    return done;
  } finally {
    lock.release();
  }
}

function statePath(options: MasterOptions): string {
  return join(options.dataDir, 'master.json');
}

/** @throws UsageError while something answers where the master's store would */
async function mustBeStopped({ ports }: MasterOptions): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(ports.etcdClient, '127.0.0.1', done);
    });
  } catch {
    throw new UsageError(`port ${ports.etcdClient} is in use: stop this master first`);
  }
  await new Promise((done) => server.close(done));
}

/**
 * Returns the state of the master from now on: a cluster that began with it alone. A restored store is another cluster,
 * whose token tells it from the one before.
 */
async function aloneState(
  options: MasterOptions,
  restored: boolean,
  nowMs: number,
): Promise<MasterState> {
  const alone = {
    initialCluster: `${options.name}=${peerUrl(options)}`,
    initialClusterState: 'new' as const,
    masters: [],
    storeEndpoints: [],
  };
  const clusterToken = `trireme-${options.name}-${nowMs.toString(36)}`;
  if (existsSync(statePath(options))) {
    const known = JSON.parse(await readFile(statePath(options), 'utf8')) as MasterState;
    return { ...known, ...alone, ...(restored ? { clusterToken } : {}) };
  }
  const pki = pkiDirectory(options);
  if (!existsSync(join(pki, 'ca.key')) || !existsSync(join(pki, 'encryption.key'))) {
    throw new UsageError(
      `there are no keys in ${pki}: unpack the cluster's (pki.tar.gz) there first, or give --from a file that brings them; without them Secrets cannot be read`,
    );
  }
  if (!restored) throw new UsageError(`there is no master in ${options.dataDir}: give --from FILE`);
  return { ...alone, clusterToken, settings: options.settings };
}
