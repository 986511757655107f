/** `trireme snapshot save`: the store in a file, checked before it gets its name. */
import { createWriteStream } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { checkSnapshotHash, snapshotStatus } from '../../etcd/snapshots/snapshot-file.js';
import { writeWithNotes } from '../../etcd/snapshots/snapshot-notes.js';
import { renameDurably } from '../../lib/files/rename-durably.js';
import { silentLogger } from '../../lib/log.js';
import { fixedTls } from '../../lib/pki/tls-source.js';
import { EtcdAdmin } from '../../master/cluster/etcd-admin.js';
import { readClusterKeys } from '../../master/cluster/pki.js';
import type { StoreMemberStatus } from '../../master/cluster/store-admin.js';
import { defineCommand } from '../command/spec.js';
import type { CommandContext } from '../context.js';
import { homeDirectory } from '../home.js';
import { hasKeys, installedFlags, masterOptionsOf, mastersOfHome } from './masters.js';

/** A store, and the keys that open it. */
interface Source {
  readonly pki: string;
  readonly endpoints: readonly string[];
}

const statusDeadlineMs = 2000;

/** `trireme snapshot save`. */
export const saveCommand = defineCommand({
  name: 'save',
  summary: 'write the store of a master of this machine into a file',
  description:
    "The file is in etcd's own format: etcdutl reads it, and a real etcd starts from it. It is written under another name, " +
    'checked against its SHA-256, and only then named. Secrets in it are encrypted: with --with-keys it brings the ' +
    'keys along, and alone makes the cluster anew on an empty machine; whoever has such a file has the cluster.',
  usage: '[FILE]',
  examples: [
    ['into a file named after the time', 'trireme snapshot save'],
    [
      'that is all one needs on a new machine',
      'trireme snapshot save /root/cluster.db --with-keys',
    ],
  ],
  flags: {
    'with-keys': { type: 'bool', help: 'put the keys of the cluster into the file' },
    home: { type: 'text', value: 'DIR', help: 'the home of a cluster that `up` started' },
    'data-dir': { type: 'text', value: 'DIR', help: 'the data directory of a master' },
    endpoint: { type: 'list', commas: true, value: 'URL', help: 'client URLs of the store' },
  },
  completes: 'nothing',
  async run({ args, flags, context }) {
    const [file = defaultName(context.clock.nowMs())] = args;
    const path = resolve(file);
    const source = await sourceOf(flags);
    const partial = `${path}.partial`;
    const plain = `${path}.plain`;
    try {
      await fetchSnapshot(source, flags['with-keys'] === true ? plain : partial, context);
      if (flags['with-keys'] === true) {
        await rm(partial, { force: true });
        await writeWithNotes(plain, partial, await readClusterKeys(source.pki));
        checkSnapshotHash(partial);
      }
      const { revision, totalKey, totalSize } = snapshotStatus(partial);
      await renameDurably(partial, path);
      const keys = flags['with-keys'] === true ? ', with the keys of the cluster' : '';
      context.out(
        `saved ${path}: revision ${revision}, ${totalKey} entries, ${totalSize} bytes${keys}\n`,
      );
    } finally {
      await rm(partial, { force: true });
      await rm(plain, { force: true });
    }
  },
});

function defaultName(nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  return `trireme-snapshot-${stamp}.db`;
}

/** @throws Error where no master is found */
async function sourceOf(flags: {
  readonly home: string | undefined;
  readonly 'data-dir': string | undefined;
  readonly endpoint: readonly string[];
}): Promise<Source> {
  const given = flags.endpoint.length > 0 ? flags.endpoint : undefined;
  const installed = flags.home === undefined ? await installedFlags() : undefined;
  if (flags['data-dir'] !== undefined) {
    const endpoints = given ?? ['https://127.0.0.1:2379'];
    return { pki: join(resolve(flags['data-dir']), 'pki'), endpoints };
  }
  if (installed !== undefined && process.env['TRIREME_HOME'] === undefined) {
    const { dataDir, ports } = masterOptionsOf(installed);
    const endpoints = given ?? [`https://127.0.0.1:${ports.etcdClient}`];
    return { pki: join(dataDir, 'pki'), endpoints };
  }
  const home = homeDirectory(flags.home);
  const masters = await mastersOfHome(home);
  const keeper = masters.find(({ dataDir }) => hasKeys(dataDir));
  if (keeper === undefined) {
    throw new Error(`no master is kept in ${home}: name one by --home or --data-dir`);
  }
  const endpoints = masters.map(({ address, command }) => {
    const { ports } = masterOptionsOf(command.slice(1));
    return `https://${address}:${ports.etcdClient}`;
  });
  return { pki: join(keeper.dataDir, 'pki'), endpoints: given ?? endpoints };
}

/** Writes a snapshot of the leader, else of the member that has applied most; synced, and checked. */
async function fetchSnapshot(source: Source, path: string, context: CommandContext): Promise<void> {
  const read = (name: string): Promise<Buffer> => readFile(join(source.pki, name));
  const [ca, cert, key] = await Promise.all(
    ['etcd-ca.crt', 'apiserver-etcd-client.crt', 'apiserver-etcd-client.key'].map(read),
  );
  const store = new EtcdAdmin({
    endpoints: source.endpoints,
    tls: fixedTls({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }),
    log: silentLogger,
    clock: context.clock,
  });
  const end = new AbortController();
  try {
    const asked = source.endpoints.map(async (endpoint) => ({
      endpoint,
      status: await store.status(endpoint, statusDeadlineMs),
    }));
    const answers = await Promise.allSettled(asked);
    const endpoint = chooseMember(
      answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])),
    );
    if (endpoint === undefined) {
      throw new Error(`no member of the store answers at ${source.endpoints.join(', ')}`);
    }
    await rm(path, { force: true });
    const chunks = Readable.from(store.snapshot(endpoint, end.signal));
    await pipeline(chunks, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    const file = await open(path, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    checkSnapshotHash(path);
  } finally {
    end.abort();
    store.close();
  }
}

/** Chooses the member whose snapshot holds most; undefined for none. */
export function chooseMember(
  answers: readonly { readonly endpoint: string; readonly status: StoreMemberStatus }[],
): string | undefined {
  const leads = ({ id, leader }: StoreMemberStatus): number => (id === leader ? 1 : 0);
  const [best] = answers.toSorted(
    (a, b) => leads(b.status) - leads(a.status) || b.status.appliedIndex - a.status.appliedIndex,
  );
  return best?.endpoint;
}
