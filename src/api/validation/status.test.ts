/** Writes of a status alone, kind by kind, with Kubernetes' texts. */
import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { KubeObject } from '../object.js';
import { builtInRegistry } from '../kinds.js';
import { validateSubresourceUpdate } from '../strategy.js';

interface Given {
  readonly spec?: object;
  readonly old?: object;
}

function errors(name: string, status: object, { spec = {}, old = {} }: Given = {}): string[] {
  const kind = builtInRegistry().byName(name);
  const part = kind?.subresources.find((item) => item.name === 'status');
  if (kind === undefined || part === undefined) throw new Error(name);
  const metadata = { name: 'a', namespace: 'ns', resourceVersion: '1' };
  const object = (its: object): KubeObject =>
    ({ metadata: { ...metadata }, spec, status: its }) as unknown as KubeObject;
  return validateSubresourceUpdate(kind, part, object(status), object(old)).map(formatFieldError);
}

const negative = (field: string): string =>
  `status.${field}: Invalid value: -1: must be greater than or equal to 0`;
const above = (field: string, what = 'status.replicas'): string =>
  `status.${field}: Invalid value: 5: cannot be greater than ${what}`;

test.each<[string, object, string[]]>([
  ['deployment', { replicas: 5, readyReplicas: 5, availableReplicas: 5 }, []],
  ['deployment', { observedGeneration: -1 }, [negative('observedGeneration')]],
  ['deployment', { replicas: 4, updatedReplicas: 5 }, [above('updatedReplicas')]],
  [
    'deployment',
    { replicas: 5, readyReplicas: 1, availableReplicas: 5 },
    [above('availableReplicas', 'readyReplicas')],
  ],
  ['replicaset', { readyReplicas: 5 }, [above('readyReplicas')]],
  [
    'replicaset',
    { replicas: 5, availableReplicas: 5 },
    [above('availableReplicas', 'readyReplicas')],
  ],
  ['replicationcontroller', { replicas: 1, readyReplicas: 5 }, [above('readyReplicas')]],
  ['statefulset', { replicas: 1, currentReplicas: 5 }, [above('currentReplicas')]],
  [
    'statefulset',
    { replicas: 5, availableReplicas: 5 },
    [above('availableReplicas', 'status.readyReplicas')],
  ],
  ['daemonset', { numberReady: -1 }, [negative('numberReady')]],
  ['poddisruptionbudget', { disruptionsAllowed: -1 }, [negative('disruptionsAllowed')]],
  ['horizontalpodautoscaler', { desiredReplicas: -1 }, [negative('desiredReplicas')]],
])('of a %s: %j', (name, status, wanted) => {
  expect(errors(name, status)).toEqual(wanted);
});

test.each(['deployment', 'statefulset', 'daemonset'])('collisions of a %s do not fall', (name) => {
  const text = 'status.collisionCount: Invalid value: 1: cannot be decremented';
  expect(errors(name, { collisionCount: 1 }, { old: { collisionCount: 2 } })).toEqual([text]);
  expect(errors(name, { collisionCount: 3 }, { old: { collisionCount: 2 } })).toEqual([]);
});

describe('the points of a load balancer', () => {
  const noAddress = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
  test.each<[object, string[]]>([
    [{ ip: '203.0.113.1', ipMode: 'VIP' }, []],
    [{ hostname: 'lb.example.com' }, []],
    [{ ip: 'x', ipMode: 'VIP' }, [`ip: Invalid value: "x": ${noAddress}`]],
    [{ ip: '::1' }, ['ipMode: Required value: must be specified when `ip` is set']],
    [{ ipMode: 'VIP' }, ['ipMode: Forbidden: may not be specified when `ip` is not set']],
    [
      { ip: '::1', ipMode: 'x' },
      ['ipMode: Unsupported value: "x": supported values: "Proxy", "VIP"'],
    ],
    [
      { hostname: '192.0.2.1' },
      ['hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address'],
    ],
  ])('of a service: %j', (point, wanted) => {
    const status = { loadBalancer: { ingress: [point] } };
    const balanced = { spec: { type: 'LoadBalancer' } };
    expect(errors('service', status, balanced)).toEqual(
      wanted.map((text) => `status.loadBalancer.ingress[0].${text}`),
    );
  });

  test('are for services that have one', () => {
    const status = { loadBalancer: { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] } };
    expect(errors('service', status, { spec: { type: 'ClusterIP' } })).toEqual([
      "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
    ]);
  });

  test('of an ingress have no mode', () => {
    const point = { ip: 'x', hostname: 'a_b' };
    const found = errors('ingress', { loadBalancer: { ingress: [point] } });
    expect(found.map((text) => text.split(':')[0])).toEqual([
      'status.loadBalancer.ingress[0].ip',
      'status.loadBalancer.ingress[0].hostname',
    ]);
  });
});

describe('the status of a job', () => {
  const at = '2026-01-01T00:00:00Z';
  const is = (...types: string[]): object => ({
    conditions: types.map((type) => ({ type, status: 'True' })),
  });
  const done = { startTime: at, completionTime: at, ...is('SuccessCriteriaMet', 'Complete') };
  const indexed = { completionMode: 'Indexed', completions: 5, parallelism: 2 };
  test.each<[object, Given, string[]]>([
    [done, { old: { startTime: at, active: 1 } }, []],
    [{ ready: -1 }, {}, [negative('ready')]],
    [
      { uncountedTerminatedPods: { succeeded: ['a', ''], failed: ['a'] } },
      {},
      [
        'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
        'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
      ],
    ],
    [
      { completionTime: at, startTime: at },
      {},
      [
        'status.completionTime: Invalid value: 2026-01-01 00:00:00 +0000 UTC: ' +
          'cannot set completionTime when there is no Complete=True condition',
      ],
    ],
    [
      is('Complete'),
      {},
      [
        'status.completionTime: Required value: completionTime is required for Complete jobs',
        'status.startTime: Required value: startTime is required for finished job',
      ],
    ],
    [
      { ...done, ...is('Complete', 'Failed') },
      {},
      ['status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions'],
    ],
    [
      { ...done, active: 2 },
      {},
      ['status.active: Invalid value: 2: active>0 is invalid for finished job'],
    ],
    [
      { completedIndexes: '1' },
      {},
      [
        'status.completedIndexes: Invalid value: "1": ' +
          'cannot set non-empty completedIndexes when non-indexed completion mode',
      ],
    ],
    [{ completedIndexes: '0,2-4' }, { spec: indexed }, []],
    [
      { completedIndexes: '2,1' },
      { spec: indexed },
      [
        'status.completedIndexes: Invalid value: "2,1": error parsing completedIndexes: ' +
          'non-increasing order, previous: 2, current: 1',
      ],
    ],
    [
      { completedIndexes: '1-7' },
      { spec: indexed },
      [
        'status.completedIndexes: Invalid value: "1-7": error parsing completedIndexes: ' +
          'too large index: "7"',
      ],
    ],
    [
      { failed: 1, succeeded: 1 },
      { old: { failed: 2, succeeded: 2 } },
      [
        'status.failed: Invalid value: 1: cannot decrease the failed counter',
        'status.succeeded: Invalid value: 1: cannot decrease the succeeded counter',
      ],
    ],
    [
      {},
      { old: { ...is('Failed'), startTime: at } },
      [
        'status.conditions: Invalid value: cannot disable the terminal Failed=True condition',
        'status.startTime: Required value: startTime cannot be removed for unsuspended job',
      ],
    ],
    [{}, { spec: { suspend: true }, old: { startTime: at } }, []],
  ])('%j with %j', (status, given, wanted) => {
    expect(errors('job', status, given)).toEqual(wanted);
  });
});
