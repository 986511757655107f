/** The transcript `testdata/time-machine.txt`: an object that was changed four times, and one that was deleted. */
import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/object.js';
import { ApiError } from '../../client/types.js';
import type { KubeRequest } from '../kube/types.js';
import { FakeCluster, testdata } from '../testkit/fake-cluster.js';
import { checkTranscript } from '../testkit/transcript.js';

const configMaps = '/api/v1/namespaces/default/configmaps';
const compacted = 10;

/** A version of an object: from this revision on it is so; undefined: it is gone. */
interface Written {
  readonly revision: number;
  readonly name: string;
  readonly object: KubeObject | undefined;
}

const version = (revision: number, time: string, data: object): Written => ({
  revision,
  name: 'shop',
  object: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'shop',
      namespace: 'default',
      uid: 'u1',
      resourceVersion: String(revision),
      creationTimestamp: '2026-01-01T11:00:00Z',
      managedFields: [{ manager: `writer-${revision}`, operation: 'Update', time }],
    },
    ...data,
  },
});

const gone: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'gone', namespace: 'default', uid: 'u2', resourceVersion: '15' },
};

const log: readonly Written[] = [
  version(12, '2026-01-01T11:10:00Z', { data: { colour: 'blue' } }),
  { revision: 15, name: 'gone', object: gone },
  version(20, '2026-01-01T11:20:00Z', { data: { colour: 'green', size: '3' } }),
  version(25, '2026-01-01T11:25:00Z', { data: { colour: 'green', size: '3' }, status: { a: 1 } }),
  { revision: 28, name: 'gone', object: undefined },
  version(30, '2026-01-01T11:30:00Z', { data: { colour: 'green' }, status: { a: 1 } }),
];

/** All objects at a revision. */
function stateAt(revision: number): KubeObject[] {
  const state = new Map<string, KubeObject | undefined>();
  for (const { revision: at, name, object } of log) if (at <= revision) state.set(name, object);
  return [...state.values()].filter((object) => object !== undefined);
}

function list({ query = {} }: KubeRequest): object {
  const text = query['resourceVersion'];
  const revision = text === undefined ? 30 : Number(text);
  if (revision < compacted) {
    throw new ApiError(410, 'Expired', 'The resourceVersion for the provided list is too old.');
  }
  const name = /^metadata\.name=(.*)$/.exec(String(query['fieldSelector'] ?? ''))?.[1];
  const items = stateAt(revision).filter(
    (object) => name === undefined || object.metadata.name === name,
  );
  return { kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '30' }, items };
}

/** One revision a minute, from 11:00. */
function revisions({ query = {} }: KubeRequest): object {
  const at = query['at'];
  const timeOf = (revision: number): string => `2026-01-01T11:${revision}:00Z`;
  if (at === undefined) {
    const revision = String(query['revision']);
    return { revision, time: timeOf(Number(revision)) };
  }
  const minute = Math.floor((Date.parse(String(at)) - Date.UTC(2026, 0, 1, 11)) / 60_000);
  const revision = Math.min(30, minute);
  if (revision < compacted) {
    throw new ApiError(410, 'Expired', `the history does not go back to ${String(at)}`);
  }
  return { revision: String(revision), time: timeOf(revision) };
}

/** What the API server keeps of an object that is replaced. */
function asStored(body: KubeObject): KubeObject {
  const creationTimestamp = '2026-01-01T11:00:00Z';
  return { ...body, metadata: { ...body.metadata, creationTimestamp } };
}

test('time-machine', async () => {
  const cluster = await FakeCluster.load(testdata('cluster.yaml'));
  const present = (name: string) => (): KubeObject => {
    const found = stateAt(30).find((object) => object.metadata.name === name);
    if (found !== undefined) return found;
    throw new ApiError(404, 'NotFound', `configmaps "${name}" not found`);
  };
  cluster.extra = {
    [`GET ${configMaps}`]: list,
    [`GET ${configMaps}/shop`]: present('shop'),
    [`GET ${configMaps}/gone`]: present('gone'),
    [`PUT ${configMaps}/shop`]: ({ body }) => asStored(body as KubeObject),
    [`POST ${configMaps}`]: ({ body }) => body,
    'GET /trireme/revisions': revisions,
  };
  const { is, should } = await checkTranscript(testdata('time-machine.txt'), cluster);
  expect(is).toBe(should);
});
