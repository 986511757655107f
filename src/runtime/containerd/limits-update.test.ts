import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerRecord } from '../container-record.js';
import { StateStore } from '../state-store.js';
import { RuntimeError } from '../types.js';
import { updateContainer, updatedLimits } from './limits-update.js';

test('a limit that is absent is said', () => {
  expect(
    updatedLimits({ cpuShares: 512, cpuQuotaMicros: 50_000, cpuPeriodMicros: 100_000 }),
  ).toEqual({
    cpu: { shares: 512, quota: 50_000, period: 100_000 },
    memory: { limit: -1, swap: -1 },
  });
  expect(updatedLimits({ memoryLimitBytes: 4096 })).toEqual({
    cpu: { quota: -1 },
    memory: { limit: 4096, swap: 4096 },
  });
});

describe('a running container', () => {
  let directory = '';
  let store: StateStore<ContainerRecord>;
  const record = {
    config: { resources: { memoryLimitBytes: 1 }, annotations: { a: '1', b: '1' } },
    startedAtMs: 1,
  } as unknown as ContainerRecord;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'limits-'));
    store = new StateStore(directory);
    await store.load();
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('keeps what was changed in its record, and its end if that came meanwhile', async () => {
    await store.set('c', record);
    const tasks = {
      update: () => store.set('c', { ...record, finishedAtMs: 2, exitCode: 0 }),
    };
    const update = { resources: { memoryLimitBytes: 2 }, annotations: { b: '2' } };
    await updateContainer({ tasks, store }, 'c', update);
    expect(store.get('c')).toEqual({
      ...record,
      config: { resources: { memoryLimitBytes: 2 }, annotations: { a: '1', b: '2' } },
      finishedAtMs: 2,
      exitCode: 0,
    });
  });

  test('that is removed meanwhile gets no record again', async () => {
    await store.set('c', record);
    const tasks = { update: () => store.delete('c') };
    const update = { resources: {}, annotations: {} };
    const change = updateContainer({ tasks, store }, 'c', update);
    await expect(change).rejects.toMatchObject({ code: 'NotFound' });
    expect(store.get('c')).toBeUndefined();
  });

  test('keeps what it has when the change fails', async () => {
    await store.set('c', record);
    const tasks = { update: () => Promise.reject(new RuntimeError('Failed', 'busy')) };
    const update = { resources: {}, annotations: {} };
    await expect(updateContainer({ tasks, store }, 'c', update)).rejects.toThrow('busy');
    expect(store.get('c')).toEqual(record);
  });

  test('that does not run is not changed', async () => {
    const update = { resources: {}, annotations: {} };
    const tasks = { update: () => Promise.resolve() };
    await store.set('ended', { ...record, finishedAtMs: 2 });
    for (const [id, code] of [
      ['none', 'NotFound'],
      ['ended', 'NotRunning'],
    ] as const) {
      await expect(updateContainer({ tasks, store }, id, update)).rejects.toMatchObject({ code });
    }
  });
});
