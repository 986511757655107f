import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.js';
import type { LogStreamOptions } from './log-stream.js';
import { streamLog } from './log-stream.js';

let dir = '';
let path = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'trireme-log-'));
  path = join(dir, '0.log');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const entry = (text: string, flag = 'F', second = 0): string =>
  `2026-11-29T06:00:${String(second).padStart(2, '0')}.000000000Z stdout ${flag} ${text}\n`;

async function read(request: Partial<LogStreamOptions['request']> = {}): Promise<string> {
  const chunks: Buffer[] = [];
  const stream = streamLog({
    path,
    clock: systemClock(),
    signal: new AbortController().signal,
    isWriting: () => false,
    request: {
      follow: false,
      timestamps: false,
      tailLines: undefined,
      sinceSeconds: undefined,
      sinceTime: '',
      limitBytes: undefined,
      ...request,
    },
  });
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('a log', () => {
  test('is read across its rotation, whole or its last lines', async () => {
    await writeFile(`${path}.1`, entry('one') + entry('two'));
    await writeFile(path, entry('three') + entry('fo', 'P') + entry('ur'));
    expect(await read()).toBe('one\ntwo\nthree\nfour\n');
    expect(await read({ tailLines: 3 })).toBe('three\nfour\n');
    expect(await read({ tailLines: 4 })).toBe('two\nthree\nfour\n');
    expect(await read({ tailLines: 0 })).toBe('');
    expect(await read({ tailLines: 2 ** 31 })).toBe('one\ntwo\nthree\nfour\n');
    expect(await read({ limitBytes: 9 })).toBe('one\ntwo\nt');
    expect(await read({ follow: true, tailLines: 1 })).toBe('ur\n');
  });

  test('since a time', async () => {
    await writeFile(path, entry('old', 'F', 1) + entry('new', 'F', 30) + entry('newer', 'F', 31));
    expect(await read({ sinceTime: '2026-11-29T06:00:30Z' })).toBe('new\nnewer\n');
    expect(await read({ sinceTime: '2026-11-29T06:00:30Z', tailLines: 1 })).toBe('newer\n');
  });

  test('that is none says nothing', async () => {
    expect(await read()).toBe('');
    await writeFile(path, 'x'.repeat(3 * 1024 * 1024));
    expect(await read()).toBe('');
    expect(await read({ follow: true })).toBe('');
  });

  test('of many short lines is not held in memory', async () => {
    await writeFile(path, entry('x').repeat(200_000));
    const before = process.memoryUsage().rss;
    let most = 0;
    let bytes = 0;
    for (let n = 0; n < 3; n++) {
      const text = await read({ tailLines: 150_000 });
      bytes += text.length;
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(bytes).toBe(3 * 150_000 * 2);
    expect(most).toBeLessThan(150 * 1024 * 1024);
  });
});
