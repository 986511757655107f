import { getEventListeners } from 'node:events';
import { expect, test } from '@jest/globals';
import { firstAbort } from './abort.js';

test('aborts with the first of its sources and then listens to none', () => {
  const [a, b] = [new AbortController(), new AbortController()];
  const first = firstAbort([a.signal, b.signal]);
  expect(first.signal.aborted).toBe(false);
  b.abort();
  expect(first.signal.aborted).toBe(true);
  expect(getEventListeners(a.signal, 'abort')).toHaveLength(0);
});

test('has aborted when one of its sources has', () => {
  const a = new AbortController();
  expect(firstAbort([a.signal, AbortSignal.abort()]).signal.aborted).toBe(true);
  expect(getEventListeners(a.signal, 'abort')).toHaveLength(0);
});

test('listens to nothing once its maker is done with it', () => {
  const source = new AbortController();
  const first = firstAbort([source.signal]);
  expect(getEventListeners(source.signal, 'abort')).toHaveLength(1);
  first.abort();
  expect(getEventListeners(source.signal, 'abort')).toHaveLength(0);
  expect(source.signal.aborted).toBe(false);
});
