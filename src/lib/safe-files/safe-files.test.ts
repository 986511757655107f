import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Held,
  HeldDirectory,
  openInside,
  readEnd,
  readStart,
  removeTree,
  tryOpenInside,
  walkTree,
} from './index.js';
import { treeLimits } from './limits.js';

let home: string;
let root: HeldDirectory;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'safe-files-'));
  await mkdir(join(home, 'volume'));
  await writeFile(join(home, 'outside'), 'untouched');
  root = await HeldDirectory.open(join(home, 'volume'));
});
afterEach(async () => {
  await root.close();
  // Trees deeper than a path may be long are no matter for rm -rf.
  execFileSync('rm', ['-rf', home]);
});

const inVolume = (...parts: string[]): string => join(home, 'volume', ...parts);
const isRoot = process.getuid?.() === 0;

/** Makes that many directories below each other, with a file in each. */
function ladder(name: string, levels: number): void {
  const program = `mkdir "${name}"; chdir "${name}"; for (2 .. ${levels}) { mkdir "d"; chdir "d"; open(F, ">f") }`;
  execFileSync('perl', ['-e', program], { cwd: inVolume() });
}

/** Opens a path below the volume, and says what it is. */
async function look(
  path: string,
  links: 'refuse-outside' | 'as-root' = 'refuse-outside',
  makeMode?: number,
): Promise<string> {
  const held = await openInside(root, path, {
    links,
    ...(makeMode === undefined ? {} : { makeMode }),
  });
  try {
    const found = await held.stat();
    return found.isDirectory() ? 'directory' : (await readStart(held, 100)).data.toString();
  } finally {
    await held.close();
  }
}

describe('a name', () => {
  test.each(['', '.', '..', 'a/b', '/', 'a\0b', 'x'.repeat(256)])(
    'of case %# is refused',
    async (name) => {
      await expect(root.entry(name)).rejects.toMatchObject({ code: 'BAD_NAME' });
      await expect(root.unlink(name)).rejects.toMatchObject({ code: 'BAD_NAME' });
    },
  );
});

describe('openInside', () => {
  test('walks, makes, and follows links that stay inside', async () => {
    await mkdir(inVolume('a/b'), { recursive: true });
    await writeFile(inVolume('a/b/f'), 'inside');
    await symlink('a/b', inVolume('l'));
    await symlink('../a/./b/f', inVolume('a/up'));
    expect(await look('a/b/f')).toBe('inside');
    expect(await look('l/f')).toBe('inside');
    expect(await look('a/up')).toBe('inside');
    expect(await look('./a//b/')).toBe('directory');
    expect(await look('')).toBe('directory');
    expect(await look('new/x', 'refuse-outside', 0o2775)).toBe('directory');
    expect((await stat(inVolume('new/x'))).mode & 0o7777).toBe(0o2775);
    expect(await tryOpenInside(root, 'missing/x', { links: 'refuse-outside' })).toBeUndefined();
    await expect(look('a/b/f/g')).rejects.toMatchObject({ code: 'NOT_A_DIRECTORY' });
  });

  test.each([
    ['../outside', 'refuse-outside'],
    ['a/../../outside', 'refuse-outside'],
    ['/etc/hostname', 'refuse-outside'],
    ['absolute', 'refuse-outside'],
    ['climbing', 'refuse-outside'],
    ['absolute/made/by-us', 'refuse-outside'],
    ['dangling', 'refuse-outside'],
  ] as const)('%s leads out and is refused', async (path, links) => {
    await mkdir(inVolume('a'));
    await symlink('/etc', inVolume('absolute'));
    await symlink('a/../../outside', inVolume('climbing'));
    await symlink(join(home, 'made'), inVolume('dangling'));
    await expect(look(path, links, 0o755)).rejects.toMatchObject({ code: 'ESCAPES' });
    expect((await readdir(home)).toSorted()).toEqual(['outside', 'volume']);
  });

  test('as root of its own, an image sees its own files only', async () => {
    await mkdir(inVolume('etc'));
    await mkdir(inVolume('store'));
    await writeFile(inVolume('store/passwd'), 'its own');
    await symlink('/store/passwd', inVolume('etc/passwd'));
    await symlink('../../../../../store/passwd', inVolume('etc/group'));
    await symlink('/etc/hostname-of-nobody', inVolume('etc/shadow'));
    expect(await look('etc/passwd', 'as-root')).toBe('its own');
    expect(await look('/etc/group', 'as-root')).toBe('its own');
    expect(await tryOpenInside(root, 'etc/shadow', { links: 'as-root' })).toBeUndefined();
  });

  test('circles and endless ladders end', async () => {
    await symlink('circle', inVolume('circle'));
    await expect(look('circle')).rejects.toMatchObject({ code: 'TOO_DEEP' });
    const deep = 'd/'.repeat(treeLimits.depthMax + 1);
    await expect(look(deep, 'refuse-outside', 0o755)).rejects.toMatchObject({ code: 'TOO_DEEP' });
  });

  test('a directory that is swapped for a link all the time never leads out', async () => {
    await mkdir(inVolume('real'));
    await symlink(home, inVolume('door'));
    const swaps =
      'for (1 .. 20000) { rename "real", "x"; rename "door", "real"; rename "real", "door"; rename "x", "real" }';
    const swapper = spawn('perl', ['-e', swaps], { cwd: inVolume() });
    const ended = once(swapper, 'exit');
    let tries = 0;
    while (swapper.exitCode === null && tries < 2000) {
      tries += 1;
      const held = await tryOpen('real');
      if (held === undefined) continue;
      const { ino } = await held.stat();
      await held.close();
      expect(ino).not.toBe((await stat(home)).ino);
    }
    await ended;
    expect(await look('real')).toBe('directory');
  });
});

/** Undefined whenever it cannot be opened. */
function tryOpen(path: string): Promise<Held | undefined> {
  return openInside(root, path, { links: 'refuse-outside' }).catch(() => undefined);
}

describe('reading', () => {
  test('is bounded, and takes the part that is asked for', async () => {
    await writeFile(inVolume('f'), '0123456789');
    const held = await root.entry('f');
    expect(await readStart(held, 4)).toEqual({ data: Buffer.from('0123'), fileBytes: 10 });
    expect((await readEnd(held, 4)).data.toString()).toBe('6789');
    expect((await readEnd(held, 40)).data.toString()).toBe('0123456789');
    await held.close();
  });

  test('a sparse file costs what is read of it', async () => {
    await writeFile(inVolume('sparse'), '');
    await truncate(inVolume('sparse'), 2 ** 40);
    const held = await root.entry('sparse');
    const part = await readEnd(held, 4096);
    expect([part.data.length, part.fileBytes]).toEqual([4096, 2 ** 40]);
    await held.close();
  });

  test.each(['fifo', 'link', 'directory', 'null'])('a %s is not read', async (name) => {
    execFileSync('mkfifo', [inVolume('fifo')]);
    await symlink(join(home, 'outside'), inVolume('link'));
    await mkdir(inVolume('directory'));
    const held = name === 'null' ? await Held.open('/dev/null') : await root.entry(name);
    await expect(readStart(held, 10)).rejects.toMatchObject({ code: 'NOT_A_FILE' });
    await held.close();
  });
});

describe('removeTree', () => {
  test('takes links, FIFOs and hard links away and leaves what they meant', async () => {
    await mkdir(inVolume('t/a'), { recursive: true });
    await symlink(home, inVolume('t/a/up'));
    await symlink(join(home, 'outside'), inVolume('t/file'));
    await link(join(home, 'outside'), inVolume('t/hard'));
    execFileSync('mkfifo', [inVolume('t/a/fifo')]);
    await removeTree(root, 't');
    await removeTree(root, 't');
    expect(await readdir(inVolume())).toEqual([]);
    expect(await readFile(join(home, 'outside'), 'utf8')).toBe('untouched');
  });

  test('a link in the place of the tree is only unlinked', async () => {
    await symlink(home, inVolume('t'));
    await removeTree(root, 't');
    expect((await readdir(home)).toSorted()).toEqual(['outside', 'volume']);
  });

  test('two may remove the same tree at once', async () => {
    for (let round = 0; round < 20; round++) {
      for (const name of ['a/b/c', 'd/e', 'f/g/h']) {
        await mkdir(inVolume(`t/${name}`), { recursive: true });
        await writeFile(inVolume(`t/${name}/file`), '');
      }
      await Promise.all([1, 2, 3].map(() => removeTree(root, 't')));
      expect(await readdir(inVolume())).toEqual([]);
    }
  });

  test('depth beyond the length of any path', async () => {
    ladder('t', 2200);
    await removeTree(root, 't');
    expect(await readdir(inVolume())).toEqual([]);
  });

  (isRoot ? test : test.skip)('what is mounted inside is not emptied', async () => {
    await mkdir(inVolume('t/a/mounted'), { recursive: true });
    await mkdir(join(home, 'precious'));
    await writeFile(join(home, 'precious/file'), 'kept');
    execFileSync('mount', ['--bind', join(home, 'precious'), inVolume('t/a/mounted')]);
    try {
      await expect(removeTree(root, 't')).rejects.toMatchObject({ code: 'CROSSES_MOUNT' });
    } finally {
      execFileSync('umount', [inVolume('t/a/mounted')]);
    }
    expect(await readFile(join(home, 'precious/file'), 'utf8')).toBe('kept');
    await removeTree(root, 't');
    expect(await readdir(inVolume())).toEqual([]);
  });
});

describe('walkTree', () => {
  test('visits all but links, directories last', async () => {
    await mkdir(inVolume('a'));
    await writeFile(inVolume('a/f'), '');
    await symlink(join(home, 'outside'), inVolume('a/link'));
    execFileSync('mkfifo', [inVolume('a/fifo')]);
    const modes: string[] = [];
    await walkTree(root, async (held, found) => {
      modes.push(found.isDirectory() ? 'directory' : found.isFIFO() ? 'fifo' : 'file');
      await held.chmod(found.isDirectory() ? 0o770 : 0o660);
    });
    expect(modes.slice(0, 2).toSorted()).toEqual(['fifo', 'file']);
    expect(modes.slice(2)).toEqual(['directory', 'directory']);
    expect((await lstat(inVolume('a/fifo'))).mode & 0o777).toBe(0o660);
    expect((await stat(join(home, 'outside'))).mode & 0o777).toBe(0o644);
  });

  test('a tree that is too deep is an error', async () => {
    ladder('d', treeLimits.depthMax + 2);
    await expect(walkTree(root, async () => undefined)).rejects.toMatchObject({ code: 'TOO_DEEP' });
  });
});
