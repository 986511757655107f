import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDirectory } from './directory-lock.js';
import { claimDirectory, deleteOwned, markName } from './owned-directory.js';
import { renameDurably, renameDurablySync } from './rename-durably.js';
import { writeWhole } from './write-whole.js';

let base = '';

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'trireme-files-'));
});

afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe('writeWhole', () => {
  test('replaces, private whatever the umask, and leaves nothing beside it', async () => {
    const before = process.umask(0);
    try {
      const path = join(base, 'new', 'key');
      await writeWhole(path, 'one');
      await Promise.all([writeWhole(path, 'two'), writeWhole(path, 'two')]);
      expect(readFileSync(path, 'utf8')).toBe('two');
      expect(modeOf(path)).toBe(0o600);
      expect(modeOf(join(base, 'new'))).toBe(0o700);
      expect(readdirSync(join(base, 'new'))).toEqual(['key']);
    } finally {
      process.umask(before);
    }
  });
});

describe('renameDurably', () => {
  test.each([
    ['', renameDurably],
    ['Sync', async (from: string, to: string) => renameDurablySync(from, to)],
  ])('%s takes the place of a file in another directory', async (_, move) => {
    const from = join(base, 'a', 'file');
    const to = join(base, 'b', 'file');
    await writeWhole(from, 'new');
    await writeWhole(to, 'old');
    await move(from, to);
    expect(readFileSync(to, 'utf8')).toBe('new');
    expect(existsSync(from)).toBe(false);
    await expect(move(from, to)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(readFileSync(to, 'utf8')).toBe('new');
  });
});

describe('a directory that is ours', () => {
  test('is made private, marked, and deleted whole; links in it are deleted, not followed', async () => {
    const home = join(base, 'home');
    const outside = join(base, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'kept'), '');
    await claimDirectory(home);
    await claimDirectory(home);
    expect(modeOf(home)).toBe(0o700);
    mkdirSync(join(home, 'a', 'b'), { recursive: true });
    writeFileSync(join(home, 'a', 'b', 'file'), '');
    symlinkSync(outside, join(home, 'a', 'link'));
    await deleteOwned(home);
    expect(existsSync(home)).toBe(false);
    expect(readdirSync(outside)).toEqual(['kept']);
  });

  test.each<[string, (at: string) => void]>([
    ['has files of somebody else', (at) => writeFileSync(join(at, 'file'), '')],
    [
      'has a mark that was copied there',
      (at) => {
        const other = join(base, 'other');
        mkdirSync(other);
        writeFileSync(join(other, markName), '{"program":"trireme","inode":"1"}');
        cpSync(join(other, markName), join(at, markName));
      },
    ],
    ['has a mark that is a link', (at) => symlinkSync('/dev/zero', join(at, markName))],
    ['has a mark that is no JSON', (at) => writeFileSync(join(at, markName), 'trireme')],
  ])('is not one that %s', async (_, prepare) => {
    const at = join(base, 'foreign');
    mkdirSync(at);
    prepare(at);
    const before = readdirSync(at);
    await expect(deleteOwned(at)).rejects.toMatchObject({ code: 'FOREIGN_DIRECTORY' });
    await expect(claimDirectory(at)).rejects.toMatchObject({ code: 'FOREIGN_DIRECTORY' });
    expect(readdirSync(at)).toEqual(before);
  });

  test('is not a link to one, nor the root, a home, or what holds them', async () => {
    const home = join(base, 'home');
    await claimDirectory(home);
    symlinkSync(home, join(base, 'link'));
    for (const at of [join(base, 'link'), '/', homedir(), join(homedir(), '..'), process.cwd()]) {
      await expect(deleteOwned(at)).rejects.toMatchObject({ code: 'FOREIGN_DIRECTORY' });
      await expect(claimDirectory(at)).rejects.toMatchObject({ code: 'FOREIGN_DIRECTORY' });
    }
    expect(existsSync(join(home, markName))).toBe(true);
  });

  test('keeps all while something is mounted in it', async () => {
    const home = join(base, 'home');
    await claimDirectory(home);
    const inside = join(home, 'a dir');
    mkdirSync(inside);
    if (spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', inside]).status !== 0) return;
    try {
      writeFileSync(join(inside, 'kept'), '');
      await expect(deleteOwned(home)).rejects.toThrow(`${inside} is still mounted`);
      expect(existsSync(join(inside, 'kept'))).toBe(true);
    } finally {
      spawnSync('umount', [inside]);
    }
  });
});

const holder = `
  import { lockDirectory } from ${JSON.stringify(new URL('./directory-lock.js', import.meta.url).href)};
  lockDirectory(process.argv[1]);
  // A lock that is not referred to is a lock all the same.
  for (let rounds = 0; rounds < 10; rounds++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc();
  }
  process.stdout.write('held');
  setInterval(() => undefined, 1000);`;

describe('a directory that is held', () => {
  test('has one owner; the second is told who, and gets it when the first is killed', async () => {
    const child = spawn(
      process.execPath,
      ['--expose-gc', '--input-type=module', '-e', holder, base],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const asked = (): unknown => lockDirectory(base);
    expect(asked).toThrow(`the directory ${base} is in use by`);
    expect(asked).toThrow(expect.objectContaining({ code: 'DIRECTORY_IN_USE', directory: base }));
    if (existsSync('/proc/locks')) {
      expect(asked).toThrow(expect.objectContaining({ pid: child.pid }));
    }
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    lockDirectory(base).release();
  });

  test('has one owner in a process, too', () => {
    const first = lockDirectory(base);
    expect(readdirSync(base)).toEqual(['trireme.lock']);
    expect(() => lockDirectory(base)).toThrow('is in use by');
    first.release();
    lockDirectory(base).release();
    expect(modeOf(join(base, 'trireme.lock'))).toBe(0o600);
  });
});
