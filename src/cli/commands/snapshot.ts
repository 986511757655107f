import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { MemberBackup } from '../../etcd/snapshots/backup-files.js';
import { parseBackupName } from '../../etcd/snapshots/backup-files.js';
import { oneOf, parseFlags } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import { homeDirectory, readClusterRecord } from '../home.js';
import { renderTable } from '../table.js';

interface Flags {
  readonly dir?: string;
  readonly home?: string;
  readonly output?: string;
}

/** A snapshot in a directory. */
interface Listed extends MemberBackup {
  readonly path: string;
  readonly bytes: number;
}

const installed = '/var/lib/trireme/master/backups';

/** `trireme snapshot list`: the scheduled snapshots that the masters of this machine have taken, the newest first. */
export async function runSnapshot(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = new Command('snapshot')
    .argument('<action>', 'list')
    .option('--dir <dir>', `where they are kept (default: ${installed}, and those of the home)`)
    .option('--home <dir>', 'as given to `up` (default: $TRIREME_HOME, else .trireme)')
    .option('-o, --output <format>', 'json')
    .addHelpText(
      'after',
      '\nExamples:\n  trireme snapshot list\n  trireme snapshot list --dir=/var/lib/trireme/master/backups -o json',
    );
  const parsed = parseFlags<Flags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  if (options.args[0] !== 'list') throw new UsageError('the action is "list"');
  if (options.output !== undefined) oneOf('--output', options.output, ['json']);
  const directories =
    options.dir === undefined ? await knownDirectories(options.home) : [resolve(options.dir)];
  const found = (await Promise.all(directories.map(snapshotsIn))).flat();
  if (found.length === 0) {
    throw new Error(
      `no snapshots in ${directories.join(', ')}: a master takes its first one soon after its start, unless it is told not to (--etcd-arg=--backup-interval=0)`,
    );
  }
  const sorted = found.toSorted((a, b) => b.takenMs - a.takenMs || (a.path < b.path ? -1 : 1));
  context.out(options.output === 'json' ? toJson(sorted) : toTable(sorted));
  return 0;
}

/** Those of an installed master, and of each master of the home. */
async function knownDirectories(home: string | undefined): Promise<string[]> {
  const record = await readClusterRecord(homeDirectory(home));
  const masters = (record?.hosts ?? []).filter(({ role }) => role === 'master');
  return [installed, ...masters.map(({ dataDir }) => join(dataDir, 'backups'))];
}

async function snapshotsIn(directory: string): Promise<Listed[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const files = names.map(parseBackupName).filter((file) => file !== undefined);
  const listed = files.map(async (file): Promise<Listed | undefined> => {
    const path = join(directory, file.name);
    // Retention may take one away meanwhile.
    const found = await stat(path).catch(() => undefined);
    return found === undefined ? undefined : { ...file, path, bytes: found.size };
  });
  return (await Promise.all(listed)).filter((file) => file !== undefined);
}

function toTable(files: readonly Listed[]): string {
  return renderTable(
    ['MASTER', 'TAKEN', 'REVISION', 'SIZE', 'FILE'],
    files.map(({ member, takenMs, revision, bytes, path }) => [
      member,
      new Date(takenMs).toISOString().replace('.000', ''),
      String(revision),
      `${(bytes / 1024 / 1024).toFixed(1)} MB`,
      path,
    ]),
  );
}

function toJson(files: readonly Listed[]): string {
  const items = files.map(({ member, takenMs, revision, bytes, path }) => ({
    master: member,
    taken: new Date(takenMs).toISOString(),
    revision,
    bytes,
    path,
  }));
  return `${JSON.stringify(items, null, 2)}\n`;
}
