import { expect, test } from '@jest/globals';
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.js';
import { createCommandRunner } from '../../runtime/spawn.js';
import { diskMeasure } from './disk-usage.js';

test('what is in a tree counts once, what links lead to does not', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'disk-usage-'));
  const measure = diskMeasure(createCommandRunner({ clock: systemClock() }));
  try {
    const tree = join(directory, 'tree');
    await mkdir(join(tree, 'deep'), { recursive: true });
    const empty = await measure(tree, 'bytes');
    await writeFile(join(directory, 'outside'), Buffer.alloc(900_000, 1));
    await symlink(join(directory, 'outside'), join(tree, 'link'));
    await symlink(directory, join(tree, 'up'));
    await writeFile(join(tree, 'deep', 'file'), Buffer.alloc(300_000, 1));
    await link(join(tree, 'deep', 'file'), join(tree, 'second-name'));
    const added = (await measure(tree, 'bytes')) - empty;
    expect(added).toBeGreaterThanOrEqual(300_000);
    expect(added).toBeLessThan(600_000);
    expect(await measure(join(directory, 'not-there'), 'bytes')).toBe(0);
    // The two folders, the links, and the file, which has two names.
    expect(await measure(tree, 'inodes')).toBe(5);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test.each([
  ['a file went meanwhile', { code: 1, stdout: '4096\t/x\n' }, 4096],
  ['nothing is there', { code: 1, stderr: 'du: cannot access' }, 0],
  ['it takes too long', { code: 137, timedOut: true }, 'could not be measured in 60 s'],
  ['there is no du', { code: 127, stderr: 'ENOENT' }, 'could not be measured: ENOENT'],
])('where %s', async (_, result, expected) => {
  const measure = diskMeasure(async () => ({ stdout: '', stderr: '', timedOut: false, ...result }));
  if (typeof expected === 'number') expect(await measure('/x', 'bytes')).toBe(expected);
  else await expect(measure('/x', 'bytes')).rejects.toThrow(expected);
});

test('few trees are measured at once', async () => {
  let [begun, end] = [0, (): void => undefined];
  const ended = new Promise<void>((resolve) => (end = resolve));
  const measure = diskMeasure(async () => {
    begun++;
    await ended;
    return { code: 0, stdout: '1\t/x\n', stderr: '', timedOut: false };
  });
  const all = [...Array(20).keys()].map(() => measure('/x', 'bytes'));
  await new Promise(setImmediate);
  expect(begun).toBe(8);
  end();
  expect(await Promise.all(all)).toHaveLength(20);
});
