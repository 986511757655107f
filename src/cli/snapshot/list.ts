/** `trireme snapshot list`: the scheduled snapshots that the masters of this machine have taken, the newest first. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { MemberBackup } from '../../etcd/snapshots/backup-files.js';
import { parseBackupName } from '../../etcd/snapshots/backup-files.js';
import { defineCommand } from '../command/spec.js';
import { homeDirectory } from '../home.js';
import { renderTable } from '../table.js';
import { mastersOfHome } from './masters.js';

/** A snapshot in a directory. */
interface Listed extends MemberBackup {
  readonly path: string;
  readonly bytes: number;
}

const installed = '/var/lib/trireme/master/backups';

/** `trireme snapshot list`. */
export const listCommand = defineCommand({
  name: 'list',
  summary: 'list the scheduled snapshots of the masters of this machine',
  usage: '',
  examples: [
    ['those of an installed master, and of the home', 'trireme snapshot list'],
    ['those in a directory', 'trireme snapshot list --dir=/var/lib/trireme/master/backups -o json'],
  ],
  flags: {
    dir: {
      type: 'text',
      value: 'DIR',
      help: `where they are kept (default ${installed}, and those of the home)`,
    },
    home: {
      type: 'text',
      value: 'DIR',
      help: 'as given to `up` (default $TRIREME_HOME, else .trireme)',
    },
    output: { type: 'text', short: 'o', values: ['json'], help: 'for programs' },
  },
  completes: 'nothing',
  async run({ flags, context }) {
    const directories =
      flags.dir === undefined ? await knownDirectories(flags.home) : [resolve(flags.dir)];
    const found = (await Promise.all(directories.map(snapshotsIn))).flat();
    if (found.length === 0) {
      throw new Error(
        `no snapshots in ${directories.join(', ')}: a master takes its first one soon after its start, unless it is told not to (trireme snapshot schedule)`,
      );
    }
    const sorted = found.toSorted((a, b) => b.takenMs - a.takenMs || (a.path < b.path ? -1 : 1));
    context.out(flags.output === 'json' ? toJson(sorted) : toTable(sorted));
  },
});

/** Those of an installed master, and of each master of the home. */
async function knownDirectories(home: string | undefined): Promise<string[]> {
  const masters = await mastersOfHome(homeDirectory(home));
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
