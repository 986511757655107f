/** `trireme etcd snapshot restore|status`: etcdutl's commands on snapshot files of ours and of a real etcd. */
import { UsageError } from '../../lib/usage-error.js';
import Table from 'cli-table3';
import { systemClock } from '../../lib/clock.js';
import { BootstrapError } from '../config.js';
import { restoreMember } from '../snapshots/restore.js';
import { BboltCorruptError } from '../snapshots/bbolt-format.js';
import {
  checkSnapshotHash,
  SnapshotHashError,
  snapshotStatus,
} from '../snapshots/snapshot-file.js';
import type { SnapshotStatus } from '../snapshots/snapshot-file.js';
import { parseInitialCluster } from './options.js';
import { checkUrl } from './typed-flags.js';

const usage = `Usage:
  trireme etcd snapshot restore FILE --data-dir DIR [flags]   makes a fresh member's data directory
  trireme etcd snapshot status FILE [-w simple|table|json|fields]

Flags of restore, as etcdutl's:
  --data-dir DIR                       default NAME.etcd
  --wal-dir DIR                        default DATA-DIR/member/wal
  --name NAME                          default "default"
  --initial-cluster NAME=URL,…         default "default=http://localhost:2380"
  --initial-cluster-token TOKEN        default "etcd-cluster"
  --initial-advertise-peer-urls URL,…  default "http://localhost:2380"
  --bump-revision N --mark-compacted   the store goes on N revisions later, and what was before counts as compacted:
                                       watches and caches that have seen more than the file holds begin anew
  --skip-hash-check                    for a database copied out of a data directory, which has no hash
`;

const exitUsage = 2;
const exitFailed = 1;
const defaultPeerUrl = 'http://localhost:2380';

const restoreFlags = [
  'data-dir',
  'wal-dir',
  'name',
  'initial-cluster',
  'initial-cluster-token',
  'initial-advertise-peer-urls',
  'bump-revision',
] as const;
const statusFlags = ['write-out'] as const;
const switches: readonly string[] = ['skip-hash-check', 'mark-compacted', 'help'];

interface Words {
  readonly files: readonly string[];
  readonly values: ReadonlyMap<string, string>;
}

/** @param argv the words after `snapshot` @returns the exit code */
export async function runSnapshotCommand(argv: readonly string[]): Promise<number> {
  const [verb, ...rest] = argv;
  try {
    if (verb === 'restore') return await restore(parse(rest, restoreFlags));
    if (verb === 'status') return status(parse(rest, statusFlags));
    const wantsHelp = verb === '--help' || verb === '-h' || verb === 'help';
    (wantsHelp ? process.stdout : process.stderr).write(usage);
    return wantsHelp ? 0 : exitUsage;
  } catch (error) {
    if (!isExpected(error)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    return error instanceof UsageError ? exitUsage : exitFailed;
  }
}

function isExpected(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    error instanceof BootstrapError ||
    error instanceof BboltCorruptError ||
    error instanceof SnapshotHashError ||
    (error instanceof Error && 'syscall' in error)
  );
}

function parse(argv: readonly string[], known: readonly string[]): Words {
  const files: string[] = [];
  const values = new Map<string, string>();
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const match = /^--?([^=]+)(?:=(.*))?$/s.exec(word);
    if (match === null) {
      files.push(word);
      continue;
    }
    const written = match[1] ?? '';
    const name = { w: 'write-out', h: 'help' }[written] ?? written;
    if (switches.includes(name)) {
      values.set(name, match[2] ?? 'true');
      continue;
    }
    if (!known.includes(name)) throw new UsageError(`unknown flag: ${word}`);
    const value = match[2] ?? argv[++at];
    if (value === undefined) throw new UsageError(`flag needs an argument: ${word}`);
    values.set(name, value);
  }
  return { files, values };
}

function onlyFile({ files }: Words, verb: string): string {
  const [file] = files;
  if (file === undefined || files.length > 1) {
    throw new UsageError(`snapshot ${verb} requires exactly one argument`);
  }
  return file;
}

async function restore(words: Words): Promise<number> {
  const { values } = words;
  if (values.get('help') === 'true') {
    process.stdout.write(usage);
    return 0;
  }
  const snapshotPath = onlyFile(words, 'restore');
  const name = values.get('name') ?? 'default';
  const peerUrls = (values.get('initial-advertise-peer-urls') ?? defaultPeerUrl)
    .split(',')
    .map((url) => checkUrl('initial-advertise-peer-urls', url.trim()));
  if (values.get('skip-hash-check') !== 'true') checkSnapshotHash(snapshotPath);
  const dataDir = values.get('data-dir') ?? `${name}.etcd`;
  const revision = await restoreMember({
    snapshotPath,
    name,
    dataDir,
    walDir: values.get('wal-dir'),
    peerUrls,
    initialCluster: parseInitialCluster(
      values.get('initial-cluster') ?? `default=${defaultPeerUrl}`,
    ),
    initialClusterToken: values.get('initial-cluster-token') ?? 'etcd-cluster',
    bumpRevision: bumpRevision(values),
    clock: systemClock(),
  });
  process.stderr.write(`restored ${snapshotPath} into ${dataDir} at revision ${revision}\n`);
  return 0;
}

function bumpRevision(values: Words['values']): number {
  const text = values.get('bump-revision') ?? '0';
  const marks = values.get('mark-compacted') === 'true';
  if (!/^\d{1,12}$/.test(text)) throw new UsageError(`invalid value "${text}" for --bump-revision`);
  if (Number(text) > 0 !== marks) {
    throw new UsageError('--bump-revision and --mark-compacted are given together or not at all');
  }
  return Number(text);
}

function status(words: Words): number {
  if (words.values.get('help') === 'true') {
    process.stdout.write(usage);
    return 0;
  }
  const format = words.values.get('write-out') ?? 'simple';
  const print = printers.get(format);
  if (print === undefined) throw new UsageError(`unsupported output format "${format}"`);
  process.stdout.write(`${print(snapshotStatus(onlyFile(words, 'status')))}\n`);
  return 0;
}

const printers: ReadonlyMap<string, (status: SnapshotStatus) => string> = new Map([
  ['json', (found: SnapshotStatus): string => JSON.stringify(found)],
  ['simple', (found: SnapshotStatus): string => cells(found).join(', ')],
  ['table', table],
  ['fields', fields],
]);

function cells({ hash, revision, totalKey, totalSize }: SnapshotStatus): string[] {
  return [hash.toString(16), String(revision), String(totalKey), humanBytes(totalSize)];
}

function fields({ hash, revision, totalKey, totalSize }: SnapshotStatus): string {
  return `"Hash" : ${hash}\n"Revision" : ${revision}\n"Keys" : ${totalKey}\n"Size" : ${totalSize}`;
}

/** The frame of plain ASCII in which etcdctl draws its tables. */
function table(found: SnapshotStatus): string {
  const corner = '+';
  const line = '-';
  const side = '|';
  const drawn = new Table({
    colAligns: ['right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
    chars: {
      top: line,
      'top-mid': corner,
      'top-left': corner,
      'top-right': corner,
      bottom: line,
      'bottom-mid': corner,
      'bottom-left': corner,
      'bottom-right': corner,
      left: side,
      'left-mid': corner,
      mid: line,
      'mid-mid': corner,
      right: side,
      'right-mid': corner,
      middle: side,
    },
  });
  const head = ['HASH', 'REVISION', 'TOTAL KEYS', 'TOTAL SIZE'];
  drawn.push(head.map((content) => ({ content, hAlign: 'center' as const })));
  drawn.push(cells(found));
  return drawn.toString();
}

/** As etcd prints sizes: powers of 1000, two digits. */
function humanBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const rounded = Math.floor(value * 10 + 0.5) / 10;
  return `${unit > 0 && rounded < 10 ? rounded.toFixed(1) : Math.round(rounded)} ${units[unit]}`;
}
