/** `trireme snapshot restore`: from one file to a running cluster. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkSnapshotHash, snapshotStatus } from '../../etcd/snapshots/snapshot-file.js';
import { readNotes } from '../../etcd/snapshots/snapshot-notes.js';
import { isDirectoryInUse } from '../../lib/files/directory-lock.js';
import { homeDirectory, packageRoot, shellWord } from '../home.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Values } from '../command/flag-types.js';
import { defineCommand } from '../command/spec.js';
import type { CommandContext } from '../context.js';
import type { MasterOptions } from '../master/options.js';
import { parseMasterOptions } from '../master/options.js';
import { recoverMaster } from '../master/recover.js';
import { mastersThatAnswer } from './living-masters.js';
import { hasKeys, installedFlags, masterOptionsOf } from './masters.js';
import { planRestore } from './restore-plan.js';
import type { FoundMaster, RestoreFacts } from './restore-plan.js';
import { restoreHome } from './restore-home.js';
import type { SnapshotFile } from './say-plan.js';
import { sayPlan } from './say-plan.js';

const flagsOfRestore = {
  home: { type: 'text', value: 'DIR', help: 'the home of a cluster of `up`, new or stopped' },
  'dry-run': { type: 'bool', help: 'check the file, say what would be done, and do nothing' },
  masters: { type: 'int', default: 3, help: 'masters of a home that is new' },
  workers: { type: 'int', default: 2, help: 'workers of a home that is new' },
  runtime: { type: 'text', default: 'auto', help: 'the runtime of a home that is new' },
} as const;

/** `trireme snapshot restore`. */
export const restoreCommand = defineCommand({
  name: 'restore',
  summary: 'make a running cluster again out of a snapshot',
  description:
    'The file is checked first, and its Secrets must be readable with the keys that are there or that it brings. ' +
    'One master gets its data and is the only one; what was there is put aside. Of a home of `up` the other masters join it ' +
    'again, empty, and the cluster is started. An installed master is started by its service, and others join as ever. ' +
    'Flags of `trireme master` behind -- mean one that is neither. A cluster that lives is never touched.',
  usage: 'FILE [-- FLAGS OF TRIREME MASTER]',
  examples: [
    ['what it would do', 'trireme snapshot restore cluster.db --dry-run'],
    [
      'the installed master of this machine, or else the home',
      'trireme snapshot restore cluster.db',
    ],
    [
      'a home that is new, from a file with keys',
      'trireme snapshot restore cluster.db --home=/srv/c',
    ],
    [
      'a master that is to be started by hand',
      'trireme snapshot restore cluster.db -- --name=m1 --data-dir=/srv/m1 --address=10.0.0.11',
    ],
  ],
  flags: flagsOfRestore,
  completes: 'nothing',
  async run({ args, dash, flags, context }) {
    const own = args.slice(0, dash ?? args.length);
    const masterFlags = dash === undefined ? [] : args.slice(dash);
    const [file] = own;
    if (file === undefined || own.length > 1) {
      throw new CommandLineError('exactly one FILE is required');
    }
    const snapshot = examine(resolve(file));
    const keys = snapshot.hasKeys ? ', and brings its keys' : '';
    context.out(`${file} is whole: it ends at revision ${snapshot.revision}${keys}\n`);
    if (masterFlags.length > 0) return restoreGiven(snapshot, masterFlags, flags, context);
    const isHome = flags.home !== undefined || process.env['TRIREME_HOME'] !== undefined;
    const installed = isHome ? undefined : await installedFlags();
    return installed === undefined
      ? restoreHome(snapshot, { ...flags, home: homeDirectory(flags.home) }, context)
      : restoreInstalled(snapshot, installed, flags, context);
  },
});

type RestoreFlags = Values<typeof flagsOfRestore>;

/** @throws SnapshotHashError, BboltCorruptError */
function examine(path: string): SnapshotFile {
  checkSnapshotHash(path);
  const { revision } = snapshotStatus(path);
  return { path, revision, hasKeys: 'encryption.key' in readNotes(path) };
}

async function factsOf(
  snapshot: SnapshotFile,
  options: MasterOptions,
): Promise<Omit<RestoreFacts, 'target'>> {
  const { name, dataDir } = options;
  const master: FoundMaster = {
    name,
    dataDir,
    isAlive: isDirectoryInUse(dataDir),
    hasData: existsSync(join(dataDir, 'etcd')),
    hasKeys: hasKeys(dataDir),
  };
  return {
    file: snapshot.path,
    revision: snapshot.revision,
    fileHasKeys: snapshot.hasKeys,
    masters: [master],
    othersThatAnswer: master.isAlive ? [] : await mastersThatAnswer(dataDir),
  };
}

async function restoreGiven(
  snapshot: SnapshotFile,
  words: readonly string[],
  flags: RestoreFlags,
  context: CommandContext,
): Promise<number> {
  const options = parseMasterOptions(words);
  if (options === undefined) return 0;
  const facts = await factsOf(snapshot, options);
  const target = { kind: 'given', stopCommand: 'end its process' } as const;
  sayPlan(planRestore({ ...facts, target }), context);
  if (flags['dry-run'] === true) return 0;
  const { position, aside } = await recoverMaster(options, snapshot.path);
  if (aside !== undefined) context.out(`what was there before is in ${aside}\n`);
  context.out(`${options.name} goes on at revision ${position}; start it:\n`);
  context.out(`  trireme master ${words.map(shellWord).join(' ')}\n`);
  return 0;
}

async function restoreInstalled(
  snapshot: SnapshotFile,
  words: readonly string[],
  flags: RestoreFlags,
  context: CommandContext,
): Promise<number> {
  const facts = await factsOf(snapshot, masterOptionsOf(words));
  const target = { kind: 'installed', stopCommand: 'systemctl stop trireme-master' } as const;
  sayPlan(planRestore({ ...facts, target }), context);
  if (flags['dry-run'] === true) return 0;
  const script = join(packageRoot, 'scripts', 'install');
  const child = spawn(script, ['recover', `--from=${snapshot.path}`], { stdio: 'inherit' });
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('exit', done);
  });
  return code ?? 1;
}
