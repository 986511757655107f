import { describe, expect, test } from '@jest/globals';
import { deploymentKind } from '../apps/kinds.js';
import type { KubeObject } from '../object.js';
import { applyConfiguration, applyConflictStatus, trackUpdate } from './managed-fields.js';

const writer = (manager: string, now = '2024-01-01T00:00:00Z') => ({
  manager,
  subresource: '',
  now,
});

function deployment(spec: object, metadata: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'n', ...metadata },
    spec,
  } as KubeObject;
}

function apply(live: KubeObject | undefined, config: KubeObject, manager: string, force = false) {
  return applyConfiguration(deploymentKind, { live, config, force, writer: writer(manager) });
}

const container = (name: string, image: string) => ({ name, image });
const template = (...containers: object[]) => ({ template: { spec: { containers } } });

describe('server-side apply', () => {
  test('the first apply owns what it says', () => {
    const { object } = apply(
      undefined,
      deployment({ replicas: 1, ...template(container('a', 'i')) }),
      'm',
    );
    expect(object.metadata.managedFields).toEqual([
      {
        manager: 'm',
        operation: 'Apply',
        apiVersion: 'apps/v1',
        time: '2024-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:replicas': {},
            'f:template': {
              'f:spec': {
                'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
              },
            },
          },
        },
      },
    ]);
  });

  test('what is no longer said goes, what others own stays', () => {
    const first = apply(
      undefined,
      deployment({
        replicas: 1,
        paused: true,
        ...template(container('a', 'i'), container('b', 'j')),
      }),
      'm',
    ).object;
    const second = apply(first, deployment({ replicas: 1 }), 'other').object;
    const { object } = apply(second, deployment(template(container('a', 'k'))), 'm');
    expect(object).toMatchObject({ spec: { replicas: 1 } });
    expect((object as unknown as { spec: object }).spec).toEqual({
      replicas: 1,
      template: { spec: { containers: [{ name: 'a', image: 'k' }] } },
    });
  });

  test('a conflict has the text that kubectl shows, and force takes the field over', () => {
    const live = deployment({ replicas: 1 });
    trackUpdate(deploymentKind, undefined, live, writer('kubectl-client-side-apply'));
    const config = deployment({ replicas: 2 });
    const { conflicts } = apply(live, config, 'm');
    expect(applyConflictStatus(conflicts)).toMatchObject({
      code: 409,
      message:
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas',
    });
    const { object } = apply(live, config, 'm', true);
    expect(object.metadata.managedFields?.map((entry) => [entry.manager, entry.fieldsV1])).toEqual([
      ['m', { 'f:spec': { 'f:replicas': {} } }],
    ]);
  });

  test('equal values are owned together', () => {
    const first = apply(undefined, deployment({ replicas: 1 }), 'a').object;
    const { object, conflicts } = apply(first, deployment({ replicas: 1 }), 'b');
    expect(conflicts).toEqual([]);
    expect(object.metadata.managedFields?.map((entry) => entry.manager)).toEqual(['a', 'b']);
  });

  test('an update takes fields over', () => {
    const live = apply(undefined, deployment({ replicas: 1, paused: true }), 'a').object;
    const next = structuredClone(live);
    (next as unknown as { spec: { replicas: number } }).spec.replicas = 3;
    trackUpdate(deploymentKind, live, next, writer('scaler', '2024-02-01T00:00:00Z'));
    expect(next.metadata.managedFields?.map((entry) => [entry.manager, entry.fieldsV1])).toEqual([
      ['a', { 'f:spec': { 'f:paused': {} } }],
      ['scaler', { 'f:spec': { 'f:replicas': {} } }],
    ]);
  });

  test('labels of several managers live together', () => {
    const first = apply(undefined, deployment({}, { labels: { a: '1' } }), 'a').object;
    const second = apply(first, deployment({}, { labels: { b: '2' } }), 'b').object;
    const { object } = apply(second, deployment({}), 'a');
    expect(object.metadata.labels).toEqual({ b: '2' });
  });
});
