/**
 * Golden file: every `ctr` command that we run, as it is run: its whole line, its deadline, with whom it waits.
 * `UPDATE=1` records it anew.
 */
import { expect, test } from '@jest/globals';
import { compareGolden } from '../../lib/testkit/golden.js';
import { silentLogger } from '../../lib/log.js';
import type { CommandOptions } from '../spawn.js';
import * as commands from './commands.js';
import type { CtrCommand } from './commands.js';
import { Ctr } from './ctr.js';
import * as views from './view-commands.js';

const digest = `sha256:${'d'.repeat(64)}`;
const spec = { id: 'c1', specPath: '/d/spec.json', pidFile: '/d/pid' };
const logUri = 'binary:///d/shim?path=%2Fl&max=1';

/** The commands by group, as in the file. Bare argument lists are run below the shim, or by a session. */
const groups: Readonly<Record<string, readonly (CtrCommand | readonly string[])[]>> = {
  daemon: [commands.version(), commands.version(5000), commands.events()],
  images: [
    commands.imagesList(),
    commands.imagesImport('/a.tar'),
    commands.imagesPull('r.example/i:t', { plainHttp: false }),
    commands.imagesPull('r.example/i:t', { plainHttp: true, user: 'u', hostsDir: '/hosts' }),
    commands.imagesRemove('r.example/i:t'),
    commands.imagesMount('r.example/i:t', '/m'),
    commands.contentGet(digest),
  ],
  snapshots: [
    views.snapshotsList(),
    views.snapshotsInfo('/m'),
    views.snapshotsView('/m', digest),
    views.snapshotsHold('/m', '2026-11-01T00:00:00.000Z'),
    views.snapshotsRemove('/m'),
    views.leasesList(),
    views.leasesDelete('/m'),
  ],
  containers: [
    commands.run({ ...spec, logUri }),
    commands.runAttached({ ...spec, tty: false }),
    commands.runAttached({ ...spec, tty: true }),
    commands.tasksList(),
    commands.tasksKill('c1', 'SIGTERM'),
    commands.tasksRemove('c1'),
    commands.containersList(),
    commands.containersRemove('c1', 'c2'),
    commands.containersInfo('c1'),
    commands.seccompProbe('probe', '/empty'),
  ],
};

/** Words as a shell would need them, so that one with a space shows. */
const shown = (words: readonly string[]): string =>
  words.map((word) => (/^[\w@%+=:,./?&-]+$/.test(word) ? word : `'${word}'`)).join(' ');

async function lineOf(command: CtrCommand | readonly string[]): Promise<string> {
  let line = '';
  const ctr = new Ctr({
    address: '/c.sock',
    namespace: 'trireme',
    log: silentLogger,
    run: async (program, args, { timeoutMs, lane, maxBytes }: CommandOptions) => {
      const limits = [
        `${timeoutMs / 1000} s`,
        ...(lane === undefined ? [] : [lane]),
        ...(maxBytes === undefined ? [] : [`${maxBytes / 1024 / 1024} MiB`]),
      ];
      line = `${shown([program, ...args])}  [${limits.join(', ')}]`;
      return Promise.resolve({ code: 0, stdout: '', stderr: '', timedOut: false });
    },
  });
  if ('args' in command) await ctr.attempt(command);
  else line = shown([ctr.program, ...ctr.argv(command)]);
  return line;
}

test('command lines', async () => {
  const { found, wanted } = await compareGolden(
    'src/runtime/containerd/testdata',
    'command-lines',
    async (group) => {
      const lines = await Promise.all((groups[String(group)] ?? []).map(lineOf));
      return lines.join('\n');
    },
  );
  expect(found).toBe(wanted);
});

test('all of them stand in the file', () => {
  const makers = [commands, views].flatMap((module) =>
    Object.entries(module).filter(
      ([name, value]) => typeof value === 'function' && !/^(?:parse|Unreadable)/.test(name),
    ),
  );
  // Three stand there twice, with and without what they may be given.
  expect(Object.values(groups).flat()).toHaveLength(makers.length + 3);
});
