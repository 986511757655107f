import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Owner } from '../../api/facts/owners.js';
import type { Pod } from '../../api/types/core.js';
import { podInformer } from '../../client/controller/pod-index.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import { createInformerFactory } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import type { InformerFactory } from '../../client/types.js';
import { ApiError } from '../../client/types.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger as log } from '../../lib/log.js';
import { Prng } from '../../lib/prng.js';
import { defaultFlags } from './flags.js';
import { ownedPod, PodControl } from './pod-control.js';

const owner: Owner = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'web', namespace: 'ns', uid: 'owner' },
};
const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'owner' };

let api: FakeApi;
let informers: InformerFactory;
let told: string[];
let control: PodControl;

async function setUp(concurrency: number): Promise<void> {
  const clock = new ManualClock();
  informers = createInformerFactory({ client: api, clock, log });
  const recorder: EventRecorder = {
    event: () => undefined,
    normal: (_, reason, message) => void told.push(`${reason}: ${message}`),
    warning: (_, reason, message) => void told.push(`warning ${reason}: ${message}`),
  };
  const context = {
    client: api,
    informers,
    clock,
    log,
    prng: new Prng(1),
    flags: defaultFlags,
    recorder: () => recorder,
  };
  const pods = podInformer(context);
  const options = { recorder, pods, ownerResource: resources.replicaSets, concurrency };
  control = new PodControl(context, options);
  await informers.waitForSync();
}

beforeEach(() => {
  api = new FakeApi();
  told = [];
});
afterEach(() => informers.stop());

function pod(name: string, metadata: object = {}): Pod {
  return {
    metadata: { name, namespace: 'ns', uid: `uid-${name}`, labels: { app: 'web' }, ...metadata },
    spec: { containers: [] },
  };
}

const names = async (): Promise<string[]> =>
  (await api.list<Pod>(resources.pods, {})).items.map(({ metadata }) => metadata.name);

describe('pods that are made', () => {
  const make = (count: number): Promise<unknown[]> => {
    control.expectations.expect('owner', count);
    return control.create(owner, count, (at) => pod(`p${at}`));
  };

  test('are told of, and expected to be seen', async () => {
    await setUp(2);
    expect(await make(5)).toEqual([]);
    expect(await names()).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
    expect(told).toEqual([0, 1, 2, 3, 4].map((at) => `SuccessfulCreate: Created pod: p${at}`));
    expect(control.expectations.satisfied('owner')).toBe(false);
    for (let at = 0; at < 5; at++) control.expectations.saw('owner', 'add', pod(`p${at}`));
    expect(control.expectations.satisfied('owner')).toBe(true);
  });

  test('are not tried after a batch that fails, and not waited for', async () => {
    await setUp(4);
    let asked = 0;
    api.intercept = ({ verb }) => {
      if (verb === 'create' && ++asked > 1) throw new ApiError(403, 'Forbidden', 'quota');
    };
    // One is made, then two are tried and fail; the other five are not.
    expect(await make(8)).toHaveLength(2);
    expect(asked).toBe(3);
    expect(told).toEqual([
      'SuccessfulCreate: Created pod: p0',
      'warning FailedCreate: Error creating: quota',
      'warning FailedCreate: Error creating: quota',
    ]);
    control.expectations.saw('owner', 'add', pod('p0'));
    expect(control.expectations.satisfied('owner')).toBe(true);
  });

  test('in a namespace that ends are no news; one that another speaks of so is', async () => {
    await setUp(4);
    const text = 'unable to create new content in namespace ns because it is being terminated';
    const causes = [[{ reason: 'NamespaceTerminating' }], [{ reason: 'FieldValueInvalid' }]];
    const errors: ApiError[] = causes.map(
      (of) => new ApiError(403, 'Forbidden', text, { details: { causes: of } }),
    );
    api.intercept = ({ verb }) => {
      if (verb === 'create') throw errors[0] as ApiError;
    };
    expect(await make(1)).toEqual([]);
    expect(told).toEqual([]);
    expect(control.expectations.satisfied('owner')).toBe(true);
    errors.shift();
    expect(await make(1)).toEqual(errors);
    expect(told).toEqual([`warning FailedCreate: Error creating: ${text}`]);
  });

  test('are named after their owner, and belong to it', () => {
    const { metadata, spec } = ownedPod(
      { metadata: { labels: { a: 'b' } }, spec: { containers: [] } },
      owner,
    );
    expect(metadata).toMatchObject({
      generateName: 'web-',
      namespace: 'ns',
      labels: { a: 'b' },
      ownerReferences: [{ ...reference, controller: true, blockOwnerDeletion: true }],
    });
    expect(spec.containers).toEqual([]);
  });
});

describe('pods that are deleted', () => {
  const doom = (pods: Pod[], before?: (pod: Pod) => Promise<void>): Promise<unknown[]> => {
    control.expectations.expect(
      'owner',
      0,
      pods.map(({ metadata }) => metadata.uid ?? ''),
    );
    return control.delete(owner, pods, before);
  };

  test('are told of, and expected to go', async () => {
    await setUp(2);
    await api.create(resources.pods, pod('a'));
    await api.create(resources.pods, pod('b'));
    expect(await doom([pod('a')])).toEqual([]);
    expect(await names()).toEqual(['b']);
    expect(told).toEqual(['SuccessfulDelete: Deleted pod: a']);
    expect(control.expectations.satisfied('owner')).toBe(false);
    control.expectations.saw('owner', 'delete', pod('a'));
    expect(control.expectations.satisfied('owner')).toBe(true);
  });

  test('that are gone are nothing to speak of', async () => {
    await setUp(2);
    expect(await doom([pod('a')])).toEqual([]);
    expect(told).toEqual([]);
    expect(control.expectations.satisfied('owner')).toBe(true);
  });

  test('are not another of that name', async () => {
    await setUp(2);
    await api.create(resources.pods, pod('a', { uid: 'another' }));
    const errors = await doom([pod('a')]);
    expect(errors).toMatchObject([{ reason: 'Conflict' }]);
    expect(await names()).toEqual(['a']);
    expect(told).toEqual([
      'warning FailedDelete: Error deleting: the UID in the precondition does not match',
    ]);
    expect(control.expectations.satisfied('owner')).toBe(true);
  });

  test('stay when what comes before fails, and the others go', async () => {
    await setUp(1);
    for (const name of ['a', 'b', 'c']) await api.create(resources.pods, pod(name));
    const seen: string[] = [];
    const errors = await doom([pod('a'), pod('b'), pod('c')], ({ metadata: { name } }) => {
      seen.push(name);
      return name === 'b' ? Promise.reject(new Error('not now')) : Promise.resolve();
    });
    expect(errors).toEqual([new Error('not now')]);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(await names()).toEqual(['b']);
  });
});

describe('pods that are claimed', () => {
  const matches = (labels: Readonly<Record<string, string>> | undefined): boolean =>
    labels?.['app'] === 'web';
  const owned = { ownerReferences: [{ ...reference, controller: true }] };

  test('are its own and the orphans of its namespace that match', async () => {
    await api.create(resources.replicaSets, { metadata: owner.metadata });
    await api.create(resources.pods, pod('own', owned));
    await api.create(resources.pods, pod('strays', { ...owned, labels: { app: 'other' } }));
    await api.create(resources.pods, pod('orphan'));
    await api.create(resources.pods, pod('elsewhere', { namespace: 'other' }));
    await api.create(resources.pods, pod('alien', { labels: {} }));
    const theirs = { ...reference, uid: 'somebody', controller: true };
    await api.create(resources.pods, pod('theirs', { ownerReferences: [theirs] }));
    await setUp(2);
    const claimed = await control.claim(owner, matches);
    expect(claimed.map(({ metadata }) => metadata.name)).toEqual(['own', 'orphan']);
    const ownersOf = async (name: string): Promise<unknown> =>
      (await api.get(resources.pods, { namespace: 'ns', name })).metadata.ownerReferences?.map(
        ({ uid }) => uid,
      );
    expect(await ownersOf('orphan')).toEqual(['owner']);
    expect((await ownersOf('strays')) ?? []).toEqual([]);
    expect(await ownersOf('theirs')).toEqual(['somebody']);
  });

  test('are only candidates', async () => {
    await api.create(resources.pods, pod('own', owned));
    await setUp(2);
    expect(await control.claim(owner, matches, () => false)).toEqual([]);
  });

  test('by an owner that was made anew meanwhile are its own alone', async () => {
    await api.create(resources.replicaSets, { metadata: { ...owner.metadata, uid: 'newer' } });
    await api.create(resources.pods, pod('own', owned));
    await api.create(resources.pods, pod('orphan'));
    await setUp(2);
    const claimed = await control.claim(owner, matches);
    expect(claimed.map(({ metadata }) => metadata.name)).toEqual(['own']);
  });
});
