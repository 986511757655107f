import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { Term } from './term.js';

async function failing(term: Term, root: string): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, holds } of term.checks(root)) if (!(await holds())) failed.push(name);
  return failed;
}

test('a candidate that waits is well and ready', async () => {
  const term = new Term(new ManualClock());
  for (const root of ['healthz', 'livez', 'readyz']) expect(await failing(term, root)).toEqual([]);
  expect(term.checks('healthz').map(({ name }) => name)).toEqual(['ping', 'log', 'leaderElection']);
  expect(term.checks('readyz').map(({ name }) => name)).toEqual(['ping', 'log', 'informer-sync']);
});

test('a leader is ready when it knows the cluster', async () => {
  const term = new Term(new ManualClock());
  term.begin(new AbortController().signal);
  expect(await failing(term, 'readyz')).toEqual(['informer-sync']);
  expect(await failing(term, 'livez')).toEqual([]);
  term.started();
  expect(await failing(term, 'readyz')).toEqual([]);
});

test('a leader that goes on for 20 s without its lease is not well', async () => {
  const clock = new ManualClock();
  const term = new Term(clock);
  const leading = new AbortController();
  term.begin(leading.signal);
  term.started();
  clock.advance(60_000);
  expect(await failing(term, 'healthz')).toEqual([]);
  leading.abort();
  clock.advance(20_000);
  expect(await failing(term, 'healthz')).toEqual([]);
  clock.advance(1);
  expect(await failing(term, 'healthz')).toEqual(['leaderElection']);
  expect(await failing(term, 'livez')).toEqual(['leaderElection']);
  term.end();
  expect(await failing(term, 'healthz')).toEqual([]);
  // The next term starts anew.
  term.begin(new AbortController().signal);
  clock.advance(60_000);
  expect(await failing(term, 'healthz')).toEqual([]);
});
