import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ManualClock } from '../clock.js';
import { silentLogger } from '../log.js';
import { FileChanges } from './file-change.js';

test('a change is taken up once; one that cannot be used is tried again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'trireme-reload-'));
  try {
    const path = join(directory, 'cert.pem');
    writeFileSync(path, 'a');
    const clock = new ManualClock();
    let reloads = 0;
    let fails = false;
    const stop = new FileChanges([path, join(directory, 'key.pem')]).follow({
      clock,
      log: silentLogger,
      reload() {
        reloads += 1;
        return fails ? Promise.reject(new Error('half written')) : Promise.resolve();
      },
    });
    const look = async (): Promise<number> => {
      clock.advance(5000);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      return reloads;
    };
    expect(await look()).toBe(0);
    writeFileSync(path, 'ab');
    expect(await look()).toBe(1);
    expect(await look()).toBe(1);
    fails = true;
    writeFileSync(join(directory, 'key.pem'), 'k');
    expect(await look()).toBe(2);
    fails = false;
    expect(await look()).toBe(3);
    expect(await look()).toBe(3);
    stop();
    writeFileSync(path, 'abc');
    expect(await look()).toBe(3);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
