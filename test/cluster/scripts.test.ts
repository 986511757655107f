/**
 * The scripts before there is a program: a machine whose Node.js is too old, or that has none, and help that neither
 * installs nor builds. Each runs in a copy of the scripts, with a path of its own in which stand-ins answer.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

let base = '';
let programs = '';

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'trireme-scripts-'));
  programs = join(base, 'programs');
  mkdirSync(programs);
  cpSync('scripts', join(base, 'scripts'), { recursive: true });
  cpSync('bin/trireme', join(base, 'bin/trireme'));
  const tools = ['bash', 'sh', 'dirname', 'readlink', 'uname', 'sha256sum', 'sha512sum', 'tar'];
  const more = [
    'gzip',
    'mkdir',
    'mv',
    'rm',
    'ln',
    'sed',
    'grep',
    'head',
    'cat',
    'find',
    'xz',
    'id',
    'awk',
    'cp',
  ];
  for (const tool of [...tools, ...more]) linkTool(tool);
  // Not root as far as the scripts can tell: nothing is installed on the machine that runs the test.
  writeProgram('id', 'echo 1000');
  writeProgram('curl', 'exit 6');
});
afterEach(() => rmSync(base, { recursive: true }));

function linkTool(name: string): void {
  const from = ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find((f) => existsSync(f));
  if (from !== undefined) symlinkSync(from, join(programs, name));
}

function writeProgram(name: string, body: string): void {
  const path = join(programs, name);
  rmSync(path, { force: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

/** A Node.js that is too old, and otherwise works. */
const tooOld = `case "$1 $2" in "-e const"*) exit 1 ;; esac; exec ${process.execPath} "$@"`;

function bash(
  script: string,
  env: Readonly<Record<string, string>> = {},
): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('/bin/bash', ['-c', script], {
    cwd: base,
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: programs, HOME: base, TRIREME_PREFIX: join(base, 'prefix'), ...env },
  });
  return { code: status, output: stdout + stderr };
}

const findNode = `set -euo pipefail; prefix=$TRIREME_PREFIX; . scripts/lib/setup.sh; find_node; echo "node=$node"`;

/** A release as nodejs.org packs them, whose Node.js is this one. */
function packRelease(name: string): string {
  const folder = join(base, 'release', 'node-v99.0.0-linux-x64');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  symlinkSync(process.execPath, join(folder, 'bin', 'node'));
  const path = join(base, name);
  const { status } = spawnSync('tar', [
    '-C',
    join(base, 'release'),
    '-czf',
    path,
    'node-v99.0.0-linux-x64',
  ]);
  expect(status).toBe(0);
  return path;
}

describe('a Node.js', () => {
  test('of the machine, where it is new enough', () => {
    symlinkSync(process.execPath, join(programs, 'node'));
    expect(bash(findNode).output).toContain('node=/');
    expect(existsSync(join(base, 'node'))).toBe(false);
  });

  test('of the checkout goes before the machine: libraries were compiled for it', () => {
    symlinkSync(process.execPath, join(programs, 'node'));
    mkdirSync(join(base, 'node', 'bin'), { recursive: true });
    writeFileSync(join(base, 'node', 'bin', 'node'), `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
    chmodSync(join(base, 'node', 'bin', 'node'), 0o755);
    expect(bash(findNode).output).toContain(`node=${join(base, 'node', 'bin', 'node')}`);
  });

  test('of a release that is named becomes the checkout’s own', () => {
    writeProgram('node', tooOld);
    const release = packRelease('node-v99.0.0-linux-x64.tar.gz');
    const { code, output } = bash(findNode, { TRIREME_NODE_TARBALL: release });
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toContain(`in node/, from ${release}`);
    expect(readdirSync(base).filter((name) => name.startsWith('node.'))).toEqual([]);
  });

  test('of a path with blanks is unpacked, and what an interrupted run has left is swept away', () => {
    writeProgram('node', tooOld);
    const others = ['node.new.4194305', 'node.fetched.4194305', 'node.new.4194305.fetched'];
    const kept = [`node.new.${process.pid}`, 'node.old.mine'];
    for (const name of [...others, ...kept]) mkdirSync(join(base, name));
    mkdirSync(join(base, 'a folder'));
    const release = packRelease('a folder/node v99.tar.gz');
    const { code, output } = bash(findNode, { TRIREME_NODE_TARBALL: release });
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toContain(`in node/, from ${release}`);
    expect(readdirSync(base).filter((name) => name.startsWith('node.'))).toEqual(kept.toSorted());
  });

  test('of a relative path is found from where the script was called', () => {
    writeProgram('node', tooOld);
    mkdirSync(join(base, 'elsewhere'));
    packRelease('elsewhere/node.tar.gz');
    const called = `cd elsewhere; cd ..; ${findNode}`;
    const { code, output } = bash(called, { TRIREME_NODE_TARBALL: 'node.tar.gz' });
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toContain('in node/, from node.tar.gz');
  });

  describe('of a URL', () => {
    const name = 'node-v99.0.0-linux-x64.tar.gz';
    const serve = (sums: string): string => {
      writeProgram('node', tooOld);
      packRelease(name);
      writeFileSync(join(base, 'sums'), sums);
      // As `curl … -o FILE URL`: the last two words.
      const last = 'for word; do before=$from; [ "$before" = -o ] && to=$word; from=$word; done';
      writeProgram(
        'curl',
        `${last}; case $from in */SHASUMS256.txt) [ -s ${base}/sums ] && cp ${base}/sums "$to" ;; *) cp ${base}/${name} "$to" ;; esac`,
      );
      const sum = spawnSync('sha256sum', [join(base, name)], { encoding: 'utf8' }).stdout;
      return sum.split(' ')[0] ?? '';
    };
    const bring = (env: Readonly<Record<string, string>>): ReturnType<typeof bash> => {
      const found = bash(findNode, env);
      const left = readdirSync(base).filter((entry) => entry.startsWith('node.'));
      expect(left).toEqual([]);
      expect(existsSync(join(base, 'node'))).toBe(found.code === 0);
      return found;
    };

    test('is used when the list beside it tells of it', () => {
      const sum = serve('');
      writeFileSync(join(base, 'sums'), `${sum}  ${name}\n`);
      const url = `https://mirror.example/v99/${name}`;
      expect(bring({ TRIREME_NODE_TARBALL: url })).toMatchObject({ code: 0 });
    });

    test.each([
      ['the list tells of another file', `${'0'.repeat(64)}  ${name}\n`, 'it is not the file that'],
      [
        'the list does not name it',
        `${'0'.repeat(64)}  other-${name}\n`,
        'it is not the file that',
      ],
      ['there is no list', '', 'no list of checksums is at https://mirror.example/v99/SHASUMS256'],
    ])('is refused when %s', (_, sums, words) => {
      serve(sums);
      const { code, output } = bring({
        TRIREME_NODE_TARBALL: `https://mirror.example/v99/${name}`,
      });
      expect({ code, output }).toMatchObject({ code: 1, output: expect.stringContaining(words) });
    });

    test('by http is refused, whatever lies beside it, unless its checksum is named', () => {
      const sum = serve('');
      writeFileSync(join(base, 'sums'), `${sum}  ${name}\n`);
      const url = `http://mirror.example/${name}?token=1`;
      expect(bring({ TRIREME_NODE_TARBALL: url }).output).toContain(
        'nothing vouches for what comes',
      );
      const wrong = { TRIREME_NODE_TARBALL: url, TRIREME_NODE_SHA256: '1'.repeat(64) };
      expect(bring(wrong)).toMatchObject({ code: 1 });
      expect(bring({ ...wrong, TRIREME_NODE_SHA256: sum })).toMatchObject({ code: 0 });
    });
  });

  test('that another run has brought meanwhile is kept, and ours is not put into it', () => {
    writeProgram('node', tooOld);
    // The other run is done just before this one puts its own in place.
    const release = packRelease('node-v99.0.0-linux-x64.tar.gz');
    const other = `mv() { command mkdir -p node; command cp -r release/*/bin node/; command mv "$@"; }`;
    const { code, output } = bash(`${other}; ${findNode}`, { TRIREME_NODE_TARBALL: release });
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(readdirSync(join(base, 'node'))).toEqual(['bin']);
    expect(readdirSync(base).filter((name) => name.startsWith('node.'))).toEqual([]);
  });

  test('is not used where a package of it could not be unpacked', () => {
    writeProgram('npm', 'echo other >a.tgz; echo a.tgz');
    writeProgram('sha512sum', 'cat >/dev/null');
    const fetch = `. scripts/lib/setup.sh; fetch_package x@1 0 there && echo used; ls`;
    linkTool('ls');
    const { output } = bash(`set -euo pipefail; ${fetch}`);
    expect(output).not.toContain('used');
    expect(output).not.toContain('there.fetched');
  });

  test('that npm hands over is used only if it is the file that was chosen', () => {
    writeProgram('node', tooOld);
    writeProgram('npm', 'echo "$@" >>../npm.log; echo other >a.tgz; echo a.tgz');
    const { code, output } = bash(findNode);
    expect(code).toBe(1);
    expect(output).toMatch(/node-linux-(x64|arm64)@[\d.]+ is not the file that it was when it was/);
    expect(readFileSync(join(base, 'npm.log'), 'utf8')).toMatch(/^pack .*node-linux-/);
    expect(existsSync(join(base, 'node'))).toBe(false);
  });

  test('that cannot be had: says all that can be done, and ends', () => {
    writeProgram('npm', 'exit 1');
    const { code, output } = bash(findNode);
    expect(code).toBe(1);
    expect(output).toContain('neither by npm nor from nodejs.org');
    expect(output).toMatch(/TRIREME_NODE_TARBALL=node-v24\.x\.y-linux-(x64|arm64)\.tar\.xz/);
    expect(readdirSync(base).filter((name) => name.startsWith('node'))).toEqual([]);
  });

  test('of its own is what bin/trireme runs; one that is too old is refused by name', () => {
    const about = `console.log("own")`;
    mkdirSync(join(base, 'node', 'bin'), { recursive: true });
    writeFileSync(
      join(base, 'node', 'bin', 'node'),
      `#!/bin/sh\nexec ${process.execPath} -e '${about}'\n`,
    );
    chmodSync(join(base, 'node', 'bin', 'node'), 0o755);
    expect(bash('bin/trireme --version')).toEqual({ code: 0, output: 'own\n' });
  });
});

test('a kubectl that does not run is like one that is too old, and does not end the script', () => {
  writeProgram('kubectl', 'exit 1');
  writeProgram('npm', 'exit 1');
  const { code, output } = bash(
    'set -euo pipefail; . scripts/lib/setup.sh; need_kubectl; echo went on',
  );
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(output).toContain('no kubectl of v1.32 or newer could be had');
  expect(output).toContain('went on');
});

test('a kubectl of an earlier checkout that is too old now is not taken for a new one', () => {
  for (const [minor, words] of [
    [32, 'no kubectl of v1.33 or newer could be had'],
    [33, "this machine's kubectl is v1.20, the cluster is v1.33: bin/kubectl goes with it"],
  ] as const) {
    writeProgram('kubectl', `echo '"minor": "20"'`);
    writeProgram('npm', 'exit 1');
    writeFileSync(join(base, 'bin/kubectl'), `#!/bin/sh\necho '"minor": "${minor}"'\n`);
    chmodSync(join(base, 'bin/kubectl'), 0o755);
    const { code, output } = bash('set -euo pipefail; . scripts/lib/setup.sh; need_kubectl 33');
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(words) });
  }
});

test('of two installations at once, the second waits for the lock of the first, and of others', () => {
  for (const tool of ['flock', 'rmdir', 'sleep']) linkTool(tool);
  const work = `mkdir busy || echo overlap; sleep 0.2; rmdir busy`;
  writeProgram('apt-get', `echo "$@" >>words; ${work}`);
  const both = 'apt_get update & apt_get install a & wait';
  const { code, output } = bash(`lock_folder=$PWD; . scripts/lib/setup.sh; ${both}`);
  expect({ code, output }).toEqual({ code: 0, output: '' });
  const words = readFileSync(join(base, 'words'), 'utf8').trim().split('\n');
  expect(words.toSorted()).toEqual([
    '-o DPkg::Lock::Timeout=1800 install a',
    '-o DPkg::Lock::Timeout=1800 update',
  ]);
});

test('help is there at once: nothing is looked for, installed or built', () => {
  for (const script of ['up', 'down', 'test']) {
    for (const word of ['--help', '-h', '--masters 3 --help']) {
      // Not even a Node.js: with the few programs that print a file.
      rmSync(programs, { recursive: true, force: true });
      mkdirSync(programs);
      for (const tool of ['bash', 'dirname', 'cat']) linkTool(tool);
      const { code, output } = bash(`bash scripts/${script} ${word}`);
      expect({ code, output }).toMatchObject({
        code: 0,
        output: expect.stringMatching(new RegExp(`^Usage: scripts/${script} `)),
      });
    }
  }
});

describe('a build', () => {
  const isBuilt = `. scripts/lib/setup.sh; node_libraries=x; is_built dist/.built && echo built || echo stale`;

  beforeEach(() => {
    for (const folder of ['src/a', 'test', 'bench', 'dist/current', 'dist/src/cli', 'dist/test']) {
      mkdirSync(join(base, folder), { recursive: true });
    }
    const files = ['dist/.tsbuildinfo', 'dist/src/cli/main.js', 'dist/test/run.js', 'src/a/b.ts'];
    const more = ['tsconfig.json', 'package.json', 'dist/current/packed.json', 'dist/.built'];
    for (const file of [...files, ...more]) writeFileSync(join(base, file), '');
    writeFileSync(join(base, 'dist/.built'), 'x \n');
    const sources = readdirSync(base, { recursive: true }).map(String);
    for (const path of sources.filter((name) => !/^(dist|programs)/.test(name))) {
      utimesSync(join(base, path), 1000, 1000);
    }
    // The stamp is older than what a test writes now, by more than the clock of files can tell.
    for (const file of ['dist/.tsbuildinfo', 'dist/.built']) {
      utimesSync(join(base, file), 2000, 2000);
    }
  });

  test('is left out where nothing has changed', () => {
    expect(bash(isBuilt).output).toBe('built\n');
  });

  test.each([
    ['a file is newer', () => writeFileSync(join(base, 'src/a/b.ts'), 'x')],
    ['a file is gone', () => rmSync(join(base, 'src/a/b.ts'))],
    [
      'libraries or Node.js are others',
      () => {
        writeFileSync(join(base, 'dist/.built'), 'y \n');
        utimesSync(join(base, 'dist/.built'), 2000, 2000);
      },
    ],
    ['the compiler has run since', () => writeFileSync(join(base, 'dist/.tsbuildinfo'), '')],
    ['its output is gone', () => rmSync(join(base, 'dist/src'), { recursive: true })],
    ['none was made', () => rmSync(join(base, 'dist'), { recursive: true })],
  ])('is made when %s', (_name, change) => {
    change();
    if (_name === 'the compiler has run since')
      utimesSync(join(base, 'dist/.tsbuildinfo'), 9e9, 9e9);
    expect(bash(isBuilt).output).toContain('stale');
  });
});

describe('the version of a build', () => {
  const ask = `import('./scripts/lib/build-version.mjs').then((m) => console.log(m.buildVersion('.')))`;
  const version = (): string => {
    const { stdout } = spawnSync(process.execPath, ['-e', ask], { cwd: base, encoding: 'utf8' });
    return stdout.trim();
  };
  const git = (...words: string[]): string =>
    spawnSync('git', ['-c', 'user.name=n', '-c', 'user.email=e@example.com', ...words], {
      cwd: base,
      encoding: 'utf8',
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' },
    }).stdout.trim();

  beforeEach(() => {
    writeFileSync(join(base, 'package.json'), '{"version":"1.2.3"}');
    cpSync('.gitattributes', join(base, '.gitattributes'));
  });

  test('names the commit, and whether something differs from it', () => {
    expect(version()).toBe('1.2.3');
    git('init', '-q');
    git('add', '-A');
    git('commit', '-qm', 'one');
    const commit = `1.2.3+g${git('rev-parse', '--short=10', 'HEAD')}`;
    expect(version()).toBe(commit);
    writeFileSync(join(base, 'new'), '');
    expect(version()).toBe(`${commit}.dirty`);
    // An archive has no repository, and knows its commit all the same.
    git('archive', '-o', 'archive.tar', 'HEAD');
    rmSync(join(base, '.git'), { recursive: true });
    expect(version()).toBe('1.2.3');
    expect(spawnSync('tar', ['-xf', 'archive.tar'], { cwd: base }).status).toBe(0);
    expect(version()).toBe(commit);
  });
});
