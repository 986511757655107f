import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import type { KubeRequest } from '../kube/types.js';
import type { Session } from '../kube/session.js';
import { costWords, measureWrite } from './write-cost.js';

/** A session whose requests take as long as they are told to, and are noted. */
function measuring(fails: (request: string) => boolean = () => false) {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const asked: string[] = [];
  const tookMs: Readonly<Record<string, number>> = { GET: 1, 'POST dry': 3, POST: 8, DELETE: 50 };
  const ask = ({ method = 'GET', path, query }: KubeRequest): Promise<never> => {
    const kind = query?.['dryRun'] === 'All' ? `${method} dry` : method;
    asked.push(`${kind} ${path}`);
    clock.advance(tookMs[kind] ?? 0);
    return fails(kind) ? Promise.reject(new Error('refused')) : Promise.resolve({} as never);
  };
  const session = {
    kube: { json: ask, raw: ask },
    namespace: 'shop',
    context: { clock },
  } as unknown as Session;
  return { session, asked };
}

test('each request is told by what it adds to the one before', async () => {
  const { session, asked } = measuring();
  const words = costWords(await measureWrite(session, 3));
  expect(words).toMatch(/^GET \/livez +1\.0 ms +1\.0 ms +1\.0 ms +network/m);
  expect(words).toMatch(/^create, dry run +3\.0 ms +3\.0 ms +2\.0 ms +who asks/m);
  expect(words).toMatch(/^create +8\.0 ms +8\.0 ms +5\.0 ms +the store/m);
  expect(words).toMatch(/^3 rounds /m);
  // One more round than is counted.
  expect(asked).toHaveLength(4 * 4);
  expect(asked.at(-1)).toMatch(/^DELETE .*\/shop\/configmaps\/trireme-trace-/);
});

test('what was made is deleted when a request fails, and nothing else is', async () => {
  const failing = measuring((kind) => kind === 'POST');
  await expect(measureWrite(failing.session, 1)).rejects.toThrow('refused');
  expect(failing.asked.at(-1)).toMatch(/^DELETE /);
  const forbidden = measuring((kind) => kind === 'POST dry');
  await expect(measureWrite(forbidden.session, 1)).rejects.toThrow('refused');
  expect(forbidden.asked.filter((one) => one.startsWith('DELETE'))).toEqual([]);
});
