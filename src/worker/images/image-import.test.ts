import { expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { FakeRuntime } from '../testkit/fake-runtime.js';
import { importImages } from './image-import.js';

test('images are there although their record cannot be written, as on a full disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'image-import-'));
  try {
    await writeFile(join(directory, 'web.tar'), '');
    const recordPath = join(directory, 'record.json');
    await mkdir(join(recordPath, 'in-the-way'), { recursive: true });
    const runtime = new FakeRuntime(new ManualClock());
    runtime.importImages = () => Promise.resolve(['web:1']);
    const imported = new Set<string>();
    await importImages({ runtime, directory, recordPath, log: silentLogger, imported });
    expect([...imported]).toEqual(['web:1']);
  } finally {
    await rm(directory, { recursive: true });
  }
});
