import { beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import type { Draft } from '../testkit/api-bench.js';
import { ApiBench } from '../testkit/api-bench.js';
import type { DeleteOptions } from './deleter.js';
import { Deleter } from './deleter.js';

const admitsAll = { mutate: () => Promise.resolve(), validate: () => Promise.resolve() };
let bench: ApiBench;
let deleter: Deleter;
beforeEach(async () => {
  bench = await ApiBench.create();
  deleter = new Deleter({ objects: bench.objects, admission: admitsAll });
});

const now = '2026-01-01T00:00:00Z';
function draft(kind: string, metadata: object = {}, more: object = {}): Draft {
  const apiVersion = kind === 'Job' ? 'batch/v1' : 'v1';
  const name = { name: 'x', ...(kind === 'Namespace' ? {} : { namespace: 'ns' }), uid: 'u' };
  return { apiVersion, kind, metadata: { ...name, ...metadata }, ...more };
}
const onNode = { spec: { nodeName: 'n', terminationGracePeriodSeconds: 30, containers: [] } };

async function remove(given: Draft, options: Partial<DeleteOptions> = {}) {
  const { code, body } = await deleter.delete(bench.context(given), { dryRun: false, ...options });
  return { code, body: JSON.parse(body.toString()) as Record<string, unknown> };
}

async function left(given: Draft): Promise<KubeObject['metadata'] | undefined> {
  return bench
    .present(given)
    .then(({ metadata }) => metadata)
    .catch(() => undefined);
}

describe('an object that nothing holds', () => {
  test('is gone, and the answer says so', async () => {
    const map = draft('ConfigMap');
    await bench.add(map);
    expect(await remove(map)).toEqual({
      code: 200,
      body: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { name: 'x', kind: 'configmaps', uid: 'u' },
      },
    });
    expect(await left(map)).toBeUndefined();
    await expect(remove(map)).rejects.toMatchObject({ code: 404 });
  });

  test('that has had its grace is shown as marked', async () => {
    const pod = draft('Pod', { generation: 1 }, { spec: { containers: [] } });
    await bench.add(pod);
    expect((await remove(pod)).body).toMatchObject({
      kind: 'Pod',
      metadata: { deletionTimestamp: now, deletionGracePeriodSeconds: 0, generation: 2 },
    });
    expect(await left(pod)).toBeUndefined();
  });

  test('of some kinds is the answer itself', async () => {
    const service = draft('Service');
    await bench.add(service);
    expect((await remove(service)).body).toMatchObject({
      kind: 'Service',
      metadata: { name: 'x' },
    });
  });

  test('stays in a dry run', async () => {
    const map = draft('ConfigMap');
    await bench.add(map);
    expect((await remove(map, { dryRun: true })).code).toBe(200);
    expect(await left(map)).toMatchObject({ uid: 'u' });
  });

  test('is that very one, in that version', async () => {
    const map = draft('ConfigMap');
    await bench.add(map);
    const text =
      'Operation cannot be fulfilled on ConfigMap "x": the UID in the precondition (other) does ' +
      'not match the UID in record (u). The object might have been deleted and then recreated';
    await expect(remove(map, { uid: 'other' })).rejects.toMatchObject({ code: 409, message: text });
    const { resourceVersion = '' } = (await left(map)) ?? {};
    await expect(remove(map, { resourceVersion: '9' })).rejects.toMatchObject({
      code: 409,
      message:
        'Operation cannot be fulfilled on ConfigMap "x": the ResourceVersion in the precondition ' +
        `(9) does not match the ResourceVersion in record (${resourceVersion}). ` +
        'The object might have been modified',
    });
    expect((await remove(map, { uid: 'u', resourceVersion })).code).toBe(200);
  });
});

describe('finalizers', () => {
  test.each<[string, string, Partial<DeleteOptions>, string[], number, string[] | undefined]>([
    ['its own hold it', 'ConfigMap', {}, ['a/b'], 200, ['a/b']],
    [
      'dependents first',
      'ConfigMap',
      { propagationPolicy: 'Foreground' },
      [],
      202,
      ['foregroundDeletion'],
    ],
    ['dependents first, the old way', 'ConfigMap', { orphanDependents: false }, [], 200, undefined],
    ['orphans', 'ConfigMap', { propagationPolicy: 'Orphan' }, [], 200, ['orphan']],
    ['orphans, the old way', 'ConfigMap', { orphanDependents: true }, [], 200, ['orphan']],
    [
      'orphans in place of dependents first',
      'ConfigMap',
      { propagationPolicy: 'Orphan' },
      ['foregroundDeletion', 'a/b'],
      200,
      ['a/b', 'orphan'],
    ],
    ['orphans by its kind', 'ReplicationController', {}, [], 200, ['orphan']],
    ['what is there already stays', 'ConfigMap', {}, ['orphan'], 200, ['orphan']],
    [
      'nothing in the background',
      'ConfigMap',
      { propagationPolicy: 'Background' },
      ['orphan'],
      200,
      undefined,
    ],
    ['orphans of a Job, as always', 'Job', {}, [], 200, ['orphan']],
    ['of a Job in the background', 'Job', { propagationPolicy: 'Background' }, [], 200, undefined],
  ])('%s', async (_, kind, options, finalizers, code, kept) => {
    const given = draft(kind, finalizers.length === 0 ? {} : { finalizers });
    await bench.add(given);
    expect((await remove(given, options)).code).toBe(code);
    const metadata = await left(given);
    expect(metadata?.finalizers).toEqual(kept);
    if (kept === undefined) return;
    expect(metadata).toMatchObject({ deletionTimestamp: now, deletionGracePeriodSeconds: 0 });
  });
});

describe('the grace of a pod', () => {
  const marked = (seconds: number): object => ({
    deletionTimestamp: new Date(bench.clock.nowMs() + seconds * 1_000)
      .toISOString()
      .replace('.000Z', 'Z'),
    deletionGracePeriodSeconds: seconds,
  });

  test.each<[string, object, Partial<DeleteOptions>, number | undefined]>([
    ['is its own', onNode, {}, 30],
    ['is the one asked for', onNode, { gracePeriodSeconds: 5 }, 5],
    ['may be none', onNode, { gracePeriodSeconds: 0 }, undefined],
    ['is never less than a second otherwise', onNode, { gracePeriodSeconds: -3 }, 1],
    ['is none without a node', { spec: { containers: [] } }, {}, undefined],
    ['is none at its end', { ...onNode, status: { phase: 'Failed' } }, {}, undefined],
  ])('%s', async (_, more, options, seconds) => {
    const pod = draft('Pod', {}, more);
    await bench.add(pod);
    await remove(pod, options);
    const metadata = await left(pod);
    if (seconds === undefined) expect(metadata).toBeUndefined();
    else expect(metadata).toMatchObject(marked(seconds));
  });

  test('gets shorter with another wish, and never longer', async () => {
    const pod = draft('Pod', {}, onNode);
    await bench.add(pod);
    await remove(pod);
    const first = (await left(pod))?.deletionTimestamp;
    bench.clock.advance(4_000);
    const { resourceVersion } = (await left(pod)) ?? {};
    await remove(pod);
    // The same wish again changes nothing.
    expect((await left(pod))?.resourceVersion).toBe(resourceVersion);
    await remove(pod, { gracePeriodSeconds: 60 });
    expect(await left(pod)).toMatchObject({
      deletionTimestamp: first,
      deletionGracePeriodSeconds: 30,
    });
    await remove(pod, { gracePeriodSeconds: 10 });
    expect(await left(pod)).toMatchObject({
      // Counted from when it was deleted first.
      deletionTimestamp: '2026-01-01T00:00:10Z',
      deletionGracePeriodSeconds: 10,
    });
    await remove(pod, { gracePeriodSeconds: 0 });
    expect(await left(pod)).toBeUndefined();
  });
});

test('a namespace terminates until it has been emptied', async () => {
  const held = draft('Namespace', {}, { spec: { finalizers: ['kubernetes'] } });
  await bench.add(held);
  expect((await remove(held, { dryRun: true })).body).toMatchObject({
    metadata: { deletionTimestamp: now },
    status: { phase: 'Terminating' },
  });
  expect(await left(held)).not.toHaveProperty('deletionTimestamp');
  const { body } = await remove(held);
  expect(body).toMatchObject({
    metadata: { deletionTimestamp: now },
    status: { phase: 'Terminating' },
  });
  expect(body['metadata']).not.toHaveProperty('deletionGracePeriodSeconds');
});

test('what admission refuses stays', async () => {
  const map = draft('ConfigMap');
  await bench.add(map);
  const refuses = { ...admitsAll, validate: () => Promise.reject(new Error('no')) };
  const strict = new Deleter({ objects: bench.objects, admission: refuses });
  await expect(strict.delete(bench.context(map), { dryRun: false })).rejects.toThrow('no');
  expect(await left(map)).toMatchObject({ uid: 'u' });
});
