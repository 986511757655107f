/** Runs the commands of the pages as a reader would, in a directory of its own, with a cluster of hollow nodes. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { commandsOf, readPages } from '../docs/markdown.js';
import { trialOf } from '../docs/trials.js';

const root = process.cwd();
const clock = systemClock();
const patienceMs = 120_000;

interface Result {
  readonly code: number | null;
  readonly output: string;
}

/** A directory that looks like the checkout, with a home of its own. */
class Sandbox {
  readonly path = mkdtempSync(join(tmpdir(), 'trireme-docs-'));
  readonly home = join(this.path, '.trireme');
  /** The page's settings so far: exports, variables, files that were sourced. */
  #settings: string[] = [];

  constructor() {
    for (const name of readdirSync(root)) {
      if (!name.startsWith('.')) symlinkSync(join(root, name), join(this.path, name));
    }
  }

  beginPage(): void {
    this.#settings = [];
  }

  /** Runs a command as the shell of a reader; `look`: until it has written something. */
  run(command: string, look = false): Promise<Result> {
    const setting = /^(?:export |[A-Z]+=\S*$|\. )/.test(command);
    const script = [...this.#settings, command].join('\n');
    if (setting) this.#settings.push(command);
    return new Promise((resolve, reject) => {
      const child = spawn('bash', ['-c', script], {
        cwd: this.path,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          NODE_OPTIONS: '',
          PATH: `${join(root, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
          TRIREME_HOME: this.home,
          KUBECONFIG: join(this.home, 'kubeconfig'),
        },
      });
      let output = '';
      const stop = (): void => {
        // The whole group: what a shell started goes with it. A cluster that was started has groups of its own.
        if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      };
      const cancel = clock.schedule(patienceMs, stop);
      const read = (chunk: Buffer): void => {
        output += chunk.toString();
        if (look && output.includes('\n')) stop();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('error', reject);
      child.on('exit', (code) => {
        cancel();
        setImmediate(() => resolve({ code, output }));
      });
    });
  }

  /** Returns the address of the store for clients. */
  endpoint(): string {
    const text = readFileSync(join(this.home, 'etcd.env'), 'utf8');
    return /ETCDCTL_ENDPOINTS='([^',]*)/.exec(text)?.[1] ?? '';
  }
}

function replaceWords(command: string, instead: Readonly<Record<string, string>>): string {
  return Object.entries(instead).reduce(
    (text, [word, other]) => text.replaceAll(word, other),
    command,
  );
}

const sandbox = new Sandbox();
const pages = readPages(root);

/** Runs all commands of a page that can run. */
async function tryPage(path: string): Promise<void> {
  const page = pages.find((candidate) => candidate.path === path);
  sandbox.beginPage();
  const blocks = (page?.blocks ?? []).filter(({ language }) => language === 'sh');
  for (const command of blocks.flatMap(commandsOf)) {
    const trial = trialOf(path, command);
    if (trial === undefined || trial.how === 'check') continue;
    for (const before of trial.first ?? []) {
      expect(await sandbox.run(before)).toMatchObject({ code: 0 });
    }
    const words = replaceWords(command, trial.instead ?? {});
    const runs = words.includes('ENDPOINT')
      ? words.replace('=ENDPOINT', `=${sandbox.endpoint()}`)
      : words;
    const { code, output } = await sandbox.run(runs, trial.how === 'look');
    const tells = trial.how === 'look' ? code === null && output.includes('\n') : code === 0;
    if (!tells) throw new Error(`${path}: ${runs}\nended with ${code}:\n${output}`);
    if (trial.says !== undefined) {
      expect({ runs, output }).toMatchObject({ output: expect.stringMatching(trial.says) });
    }
  }
}

const missing = ['kubectl', 'etcdctl'].filter(
  (program) =>
    !(process.env['PATH'] ?? '').split(delimiter).some((folder) => {
      try {
        return readdirSync(folder).includes(program);
      } catch {
        return false;
      }
    }),
);
const withClients = missing.length === 0 ? test : test.skip;

describe('commands of the pages run', () => {
  afterAll(async () => {
    await sandbox.run('bin/trireme down --purge');
    rmSync(sandbox.path, { recursive: true, force: true });
  });

  test.each(['docs/TESTING.md', 'docs/RAFT.md', 'test/sim/README.md'])(
    '%s',
    (path) => tryPage(path),
    patienceMs,
  );

  // Each starts a cluster, and takes it back.
  withClients('README.md', () => tryPage('README.md'), 3 * patienceMs);
  withClients('docs/HACKING.md', () => tryPage('docs/HACKING.md'), 3 * patienceMs);

  withClients(
    'pages that share a cluster',
    async () => {
      const started = await sandbox.run(
        'bin/trireme up --runtime hollow --masters 1 --workers 1 --no-example',
      );
      expect(started).toMatchObject({ code: 0 });
      for (const path of [
        'docs/DASHBOARD.md',
        'docs/SECURITY.md',
        'docs/VAGRANT.md',
        'docs/WATCH.md',
        'docs/WHY.md',
        'docs/TIME-MACHINE.md',
        'docs/OPERATIONS.md',
      ])
        await tryPage(path);
    },
    3 * patienceMs,
  );
});
