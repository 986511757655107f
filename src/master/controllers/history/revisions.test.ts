import { describe, expect, test } from '@jest/globals';
import type { PodTemplateSpec } from '../../../api/types/core.js';
import type { ControllerRevision } from '../../../api/types/workloads.js';
import { FakeApi } from '../../../client/testkit/fake.js';
import { resources } from '../../../client/resources.js';
import { currentRevision, surplusRevisions, templateOf } from './revisions.js';

const owner = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: {
    name: 'db',
    namespace: 'default',
    uid: 'uid-db',
    annotations: { 'kubernetes.io/change-cause': 'why' },
  },
};

function template(image: string): PodTemplateSpec {
  return { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image }] } };
}

/** Asks for the revision of each image in turn, and keeps what was made. */
async function revise(api: FakeApi, images: readonly string[], collisionCount?: number) {
  let answer: Awaited<ReturnType<typeof currentRevision>> | undefined;
  for (const image of images) {
    const { items } = await api.list<ControllerRevision>(resources.controllerRevisions);
    answer = await currentRevision({
      client: api,
      owner,
      template: template(image),
      hashLabel: 'hash',
      revisions: items,
      collisionCount,
    });
  }
  return answer!;
}

test('revisions go on above 2^53, where a double would stand still', async () => {
  const api = new FakeApi();
  await revise(api, ['a']);
  const [first] = (await api.list<ControllerRevision>(resources.controllerRevisions)).items;
  await api.update(resources.controllerRevisions, { ...first!, revision: 2n ** 53n });
  expect((await revise(api, ['b'])).revision.revision).toBe(2n ** 53n + 1n);
  expect((await revise(api, ['a'])).revision.revision).toBe(2n ** 53n + 2n);
});

describe('the revision of a template', () => {
  test('is made, named after the hash, and owned', async () => {
    const { revision, collided } = await revise(new FakeApi(), ['a']);
    const hash = revision.metadata.labels?.['hash'] ?? '';
    expect(collided).toBe(false);
    expect(revision).toMatchObject({
      revision: 1,
      metadata: {
        name: `db-${hash}`,
        labels: { app: 'db', hash },
        annotations: owner.metadata.annotations,
        ownerReferences: [{ uid: 'uid-db' }],
      },
      data: { spec: { template: { $patch: 'replace' } } },
    });
    expect(templateOf(revision)).toEqual(template('a'));
  });

  test('stays while the template does', async () => {
    const api = new FakeApi();
    const first = await revise(api, ['a']);
    const again = await revise(api, ['a']);
    expect(again.revision.metadata.name).toBe(first.revision.metadata.name);
    expect(api.writes.filter(({ verb }) => verb === 'create')).toHaveLength(1);
  });

  test('a template that comes back becomes the newest', async () => {
    const { revision } = await revise(new FakeApi(), ['a', 'b', 'a']);
    expect(revision.revision).toBe(3);
    expect(templateOf(revision)).toEqual(template('a'));
  });

  test('a foreign object of its name is a collision, and another count another name', async () => {
    const api = new FakeApi();
    const { revision } = await revise(new FakeApi(), ['a']);
    await api.create<ControllerRevision>(resources.controllerRevisions, {
      ...revision,
      data: { spec: { template: template('foreign') } },
    });
    const ask = (collisionCount: number | undefined) =>
      currentRevision({
        client: api,
        owner,
        template: template('a'),
        hashLabel: 'hash',
        revisions: [],
        collisionCount,
      });
    expect((await ask(undefined)).collided).toBe(true);
    const next = await ask(1);
    expect(next.collided).toBe(false);
    expect(next.revision.metadata.name).not.toBe(revision.metadata.name);
  });
});

describe('the data of a revision', () => {
  /** What a Go client writes of the same template (kubectl 1.33 `rollout undo`, Kubernetes' suite of 1.20). */
  const written =
    '{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"a":"b"}},' +
    '"spec":{"containers":[{"image":"i","name":"c","resources":{}}],"volumes":[{"ephemeral":{"volumeClaimTemplate":' +
    '{"metadata":{"creationTimestamp":null},"spec":{"resources":{}}}},"name":"v"},{"emptyDir":{},"name":"w"}]}}}}';
  const given: PodTemplateSpec = {
    spec: {
      volumes: [
        { name: 'v', ephemeral: { volumeClaimTemplate: { spec: { resources: {} } } } },
        { name: 'w', emptyDir: {} },
      ],
      containers: [{ name: 'c', image: 'i', resources: {} }],
    },
    metadata: { labels: { a: 'b' } },
  };
  const ask = (revisions: readonly ControllerRevision[]) =>
    currentRevision({
      client: new FakeApi(),
      owner,
      template: given,
      hashLabel: 'hash',
      revisions,
      collisionCount: undefined,
    });

  test('is byte for byte what others compare it with', async () => {
    const { revision } = await ask([]);
    expect(JSON.stringify(revision.data)).toBe(written);
    expect(templateOf(revision)).toMatchObject({ spec: given.spec, metadata: given.metadata });
  });

  test('of an earlier build, without those bytes, is the same revision', async () => {
    const { revision } = await ask([]);
    const earlier = { ...revision, data: { spec: { template: { ...given, $patch: 'replace' } } } };
    expect((await ask([earlier])).revision).toBe(earlier);
  });
});

test.each([
  [10, []],
  [1, ['r1', 'r3']],
  [0, ['r1', 'r3', 'r4']],
])('with a limit of %d the oldest that nobody uses go', (limit, gone) => {
  const revisions = [4, 1, 3, 2].map((revision): ControllerRevision => ({
    metadata: { name: `r${revision}` },
    revision,
  }));
  const surplus = surplusRevisions(revisions, new Set(['r2']), limit);
  expect(surplus.map(({ metadata }) => metadata.name)).toEqual(gone);
});
