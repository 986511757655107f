import { describe, expect, test } from '@jest/globals';
import { deploymentKind } from '../apps/kinds.js';
import type { KubeObject } from '../object.js';
import { listErrors } from './list-errors.js';
import { applyConflictStatus } from './conflicts.js';
import { applyConfiguration, trackUpdate } from './managed-fields.js';

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

  test('an update of an object without managers is nobody’s', () => {
    const live = deployment({ replicas: 1 });
    const next = deployment({ replicas: 2 });
    trackUpdate(deploymentKind, live, next, writer('m'));
    expect(next.metadata.managedFields).toBeUndefined();
    // The first apply finds out what there was.
    const { object } = apply(next, deployment({ paused: true }), 'a');
    expect(object.metadata.managedFields?.map(({ manager }) => manager)).toEqual([
      'a',
      'before-first-apply',
    ]);
  });

  test('of more than ten updaters, the oldest are merged into one', () => {
    let live = deployment({}, { labels: { first: '1' } });
    trackUpdate(deploymentKind, undefined, live, writer('m-00'));
    for (let i = 1; i <= 12; i++) {
      const labels = { ...live.metadata.labels, [`l${i}`]: '1' };
      const next = { ...live, metadata: { ...live.metadata, labels } };
      const name = `m-${String(i).padStart(2, '0')}`;
      trackUpdate(deploymentKind, live, next, writer(name, `2024-01-01T00:00:${name.slice(2)}Z`));
      live = next;
    }
    const entries = live.metadata.managedFields ?? [];
    expect(entries).toHaveLength(10);
    expect(entries.map(({ manager }) => manager)).toEqual([
      'ancient-changes',
      ...['04', '05', '06', '07', '08', '09', '10', '11', '12'].map((end) => `m-${end}`),
    ]);
    expect(entries[0]).toMatchObject({
      time: '2024-01-01T00:00:03Z',
      fieldsV1: {
        'f:metadata': { 'f:labels': { 'f:first': {}, 'f:l1': {}, 'f:l2': {}, 'f:l3': {} } },
      },
    });
    const applied = apply(live, deployment({ replicas: 2 }), 'applier').object;
    expect(applied.metadata.managedFields).toHaveLength(11);
  });

  test('a scale takes over what somebody owns, and nothing else', () => {
    const scaled = (live: KubeObject): KubeObject => {
      const next = structuredClone(live);
      (next as unknown as { spec: { replicas: number } }).spec.replicas = 3;
      trackUpdate(deploymentKind, live, next, { ...writer('s'), subresource: 'scale' });
      return next;
    };
    const { metadata } = scaled(apply(undefined, deployment({ replicas: 1 }), 'a').object);
    expect(metadata.managedFields).toEqual([
      {
        manager: 's',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: '2024-01-01T00:00:00Z',
        subresource: 'scale',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      },
    ]);
    const unowned = apply(undefined, deployment({ paused: true }), 'a').object;
    expect(scaled(unowned).metadata.managedFields).toEqual(unowned.metadata.managedFields);
  });

  test('a creation adds what not even an empty object has', () => {
    const next = deployment({
      replicas: 1,
      ...template({ ...container('a', 'i'), resources: { limits: { cpu: '1' } } }),
    });
    trackUpdate(deploymentKind, undefined, next, writer('m'));
    const fields = {
      '.': {},
      'f:image': {},
      'f:name': {},
      'f:resources': { '.': {}, 'f:limits': { '.': {}, 'f:cpu': {} } },
    };
    expect(next.metadata.managedFields?.[0]?.fieldsV1).toEqual({
      'f:spec': {
        'f:replicas': {},
        'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"a"}': fields } } },
      },
    });
  });

  test('conflicts are named as sets are walked: members before what is below others', () => {
    const one = { ...container('a', 'i'), env: [{ name: 'A', value: '1' }] };
    const other = { ...container('a', 'j'), env: [{ name: 'A', value: '2' }] };
    const live = apply(undefined, deployment(template(one)), 'm').object;
    const { conflicts } = apply(live, deployment(template(other)), 'n');
    const path = '.spec.template.spec.containers[name="a"]';
    expect(applyConflictStatus(conflicts).details?.causes?.map(({ field }) => field)).toEqual([
      `${path}.image`,
      `${path}.env[name="A"].value`,
    ]);
  });

  test('labels of several managers live together', () => {
    const first = apply(undefined, deployment({}, { labels: { a: '1' } }), 'a').object;
    const second = apply(first, deployment({}, { labels: { b: '2' } }), 'b').object;
    const { object } = apply(second, deployment({}), 'a');
    expect(object.metadata.labels).toEqual({ b: '2' });
  });
});

describe('lists of an applied configuration', () => {
  const errorsOf = (spec: object, metadata: object = {}): string[] =>
    listErrors(deploymentKind.schema, deployment(spec, metadata));

  test('have each key once', () => {
    const ports = [{ containerPort: 80 }, { containerPort: 80, protocol: 'TCP' }];
    const one = { name: 'c', ports };
    expect(errorsOf(template(one, { name: 'd' }, { name: 'd' }))).toEqual([
      '.spec.template.spec.containers: duplicate entries for key [name="d"]',
      '.spec.template.spec.containers[name="c"].ports: ' +
        'duplicate entries for key [containerPort=80,protocol="TCP"]',
    ]);
    expect(errorsOf({}, { finalizers: ['a/b', 'a/b'] })).toEqual([
      '.metadata.finalizers: duplicate entries for key [="a/b"]',
    ]);
    expect(
      errorsOf(template({ name: 'c', ports: [ports[0], { containerPort: 80, protocol: 'UDP' }] })),
    ).toEqual([]);
  });

  test('have keys at all', () => {
    expect(errorsOf(template({ image: 'i' }))).toEqual([
      '.spec.template.spec.containers: element 0: associative list with keys has an element ' +
        `that omits all key fields ["name"] (and doesn't have default values for any key fields)`,
    ]);
  });

  test('go with their last item', () => {
    const first = apply(
      undefined,
      deployment({}, { finalizers: ['a/b'], labels: { x: 'y' } }),
      'm',
    );
    const { object } = apply(first.object, deployment({}), 'm');
    expect(object.metadata).not.toHaveProperty('finalizers');
    expect(object.metadata).not.toHaveProperty('labels');
  });
});

describe('kubectl, from client-side to server-side apply', () => {
  const key = 'kubectl.kubernetes.io/last-applied-configuration';
  const config = deployment({ replicas: 1 });
  const live = (replicas: number): KubeObject => {
    const object = deployment({ replicas }, { annotations: { [key]: JSON.stringify(config) } });
    trackUpdate(deploymentKind, undefined, object, writer('kubectl-client-side-apply'));
    return object;
  };

  test('what the annotation says is no conflict, and the annotation is kept true', () => {
    const { object, conflicts } = apply(live(1), deployment({ replicas: 5 }), 'kubectl');
    expect(conflicts).toEqual([]);
    expect(object).toMatchObject({ spec: { replicas: 5 } });
    expect(object.metadata.annotations?.[key]).toBe(
      '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":"n"},' +
        '"spec":{"replicas":5}}\n',
    );
  });

  test('another manager, and a field that has been changed since, conflict', () => {
    expect(apply(live(1), deployment({ replicas: 5 }), 'other').conflicts).toHaveLength(1);
    expect(apply(live(2), deployment({ replicas: 5 }), 'kubectl').conflicts).toHaveLength(1);
  });
});
