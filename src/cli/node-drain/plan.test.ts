import { expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import { drainPlan } from './plan.js';

function pod(
  name: string,
  kind?: string,
  more: { emptyDir?: boolean; phase?: string; mirror?: boolean } = {},
): Pod {
  return {
    metadata: {
      name,
      namespace: 'n',
      ...(kind === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind, name: 'o', uid: 'u', controller: true }] }),
      ...(more.mirror === true ? { annotations: { 'kubernetes.io/config.mirror': 'x' } } : {}),
    },
    spec: {
      containers: [],
      ...(more.emptyDir === true ? { volumes: [{ name: 'v', emptyDir: {} }] } : {}),
    },
    status: { phase: more.phase ?? 'Running' },
  };
}

const strict = { force: false, ignoreDaemonSets: false, deleteEmptyDir: false };
const pods = [
  pod('own', 'ReplicaSet'),
  pod('alone'),
  pod('daemon', 'DaemonSet'),
  pod('data', 'ReplicaSet', { emptyDir: true }),
  pod('static', 'Node', { mirror: true }),
];

test('nothing is evicted while something forbids it', () => {
  const plan = drainPlan(pods, strict);
  expect(plan.evicted).toEqual([]);
  expect(plan.refusals).toEqual([
    'cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): n/daemon',
    'cannot delete Pods with local storage (use --delete-emptydir-data to override): n/data',
    'cannot delete Pods that declare no controller (use --force to override): n/alone',
  ]);
});

test('with leave, all but daemons and static pods go', () => {
  const plan = drainPlan(pods, { force: true, ignoreDaemonSets: true, deleteEmptyDir: true });
  expect(plan.evicted.map(({ metadata }) => metadata.name)).toEqual(['own', 'alone', 'data']);
  expect(plan.warnings).toEqual([
    'ignoring DaemonSet-managed Pods: n/daemon',
    'deleting Pods that declare no controller: n/alone',
  ]);
});

test('pods that have ended hold nobody up', () => {
  const ended = [
    pod('alone', undefined, { phase: 'Succeeded' }),
    pod('data', 'Job', { emptyDir: true, phase: 'Failed' }),
  ];
  expect(drainPlan(ended, strict)).toEqual({ evicted: ended, warnings: [], refusals: [] });
});
