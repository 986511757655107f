import { describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../kinds.js';
import type { KubeObject } from '../object.js';
import { prepareCreate, prepareSubresourceUpdate, prepareUpdate } from '../strategy.js';
import type { PodSpec } from '../types/core.js';

const kinds = builtInRegistry();
const context = { now: '2024-01-01T00:00:00Z' };
const claims = [{ name: 'gpu' }];
const mount = { name: 'gpu', mountPath: '/gpu' };
const resources = { requests: { cpu: '1' } };

/** With every field that goes; each time another object. */
const gated = (): PodSpec => ({
  containers: [{ name: 'a', resources: { claims, limits: { cpu: '1' } }, volumeMounts: [mount] }],
  initContainers: [{ name: 'i', resources: { claims } }],
  resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }],
  resources,
  volumes: [
    { name: 'gpu', image: { reference: 'gpu' } },
    { name: 'p', projected: { sources: [{ clusterTrustBundle: { name: 'gpu', path: 'a' } }] } },
  ],
});
const left: PodSpec = {
  containers: [{ name: 'a', resources: { limits: { cpu: '1' } } }],
  initContainers: [{ name: 'i', resources: {} }],
  volumes: [{ name: 'p', projected: { sources: [{}] } }],
};

function kindOf(group: string, version: string, name: string) {
  const kind = kinds.byKind(group, version, name);
  if (kind === undefined) throw new Error(`${name} is not declared`);
  return kind;
}

const template = (spec: PodSpec): object => ({ template: { spec } });

/** Every kind that holds the spec of a pod, and where. */
const holders: readonly [string, string, string, (spec: PodSpec) => object][] = [
  ['', 'v1', 'Pod', (spec) => ({ spec })],
  ['', 'v1', 'PodTemplate', template],
  ['', 'v1', 'ReplicationController', (spec) => ({ spec: template(spec) })],
  ['apps', 'v1', 'DaemonSet', (spec) => ({ spec: template(spec) })],
  ['apps', 'v1', 'Deployment', (spec) => ({ spec: template(spec) })],
  ['apps', 'v1', 'ReplicaSet', (spec) => ({ spec: template(spec) })],
  ['apps', 'v1', 'StatefulSet', (spec) => ({ spec: template(spec) })],
  ['batch', 'v1', 'Job', (spec) => ({ spec: template(spec) })],
  ['batch', 'v1', 'CronJob', (spec) => ({ spec: { jobTemplate: { spec: template(spec) } } })],
];

describe.each(holders)('%s/%s %s', (group, version, name, around) => {
  const kind = kindOf(group, version, name);
  const holding = (spec: PodSpec): KubeObject => ({ metadata: { name: 'x' }, ...around(spec) });

  test('a new one is without what 1.33 does not do', () => {
    const object = holding(gated());
    prepareCreate(kind, object, context);
    expect(object).toMatchObject(around(left));
    expect(JSON.stringify(object)).not.toMatch(/gpu|"requests"/);
  });

  test('an update brings none of it, and keeps what is stored', () => {
    const next = holding(gated());
    prepareUpdate(kind, next, holding(structuredClone(left)), context);
    expect(JSON.stringify(next)).not.toMatch(/gpu|"requests"/);
    const kept = holding(gated());
    prepareUpdate(kind, kept, holding(gated()), context);
    expect(kept).toMatchObject(around(gated()));
  });
});

test('a resize of a pod brings no claims', () => {
  const kind = kindOf('', 'v1', 'Pod');
  const resize = kind.subresources.find((subresource) => subresource.name === 'resize');
  if (resize === undefined) throw new Error('no resize');
  const next = { metadata: { name: 'x' }, spec: gated() };
  prepareSubresourceUpdate(kind, resize, next, {
    metadata: { name: 'x' },
    spec: left,
  } as KubeObject);
  expect(next.spec.containers).toEqual(left.containers);
});
