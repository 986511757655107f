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
    const empty = await measure(tree);
    await writeFile(join(directory, 'outside'), Buffer.alloc(900_000, 1));
    await symlink(join(directory, 'outside'), join(tree, 'link'));
    await symlink(directory, join(tree, 'up'));
    await writeFile(join(tree, 'deep', 'file'), Buffer.alloc(300_000, 1));
    await link(join(tree, 'deep', 'file'), join(tree, 'second-name'));
    const added = (await measure(tree)) - empty;
    expect(added).toBeGreaterThanOrEqual(300_000);
    expect(added).toBeLessThan(600_000);
    expect(await measure(join(directory, 'not-there'))).toBe(0);
  } finally {
    await rm(directory, { recursive: true });
  }
});
