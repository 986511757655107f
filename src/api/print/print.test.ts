import { describe, expect, test } from '@jest/globals';
import { podKind } from '../core/pod.js';
import { serviceKind } from '../core/service.js';
import { nodeKind } from '../core/node.js';
import type { KubeObject } from '../object.js';
import type { Pod } from '../types/core.js';
import { humanDuration } from './duration.js';
import { summarizePod } from './pod.js';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  [-5 * second, '<invalid>'],
  [-1, '0s'],
  [0, '0s'],
  [119 * second, '119s'],
  [2 * minute, '2m'],
  [3 * minute + 20 * second, '3m20s'],
  [10 * minute + 5 * second, '10m'],
  [179 * minute, '179m'],
  [3 * hour, '3h'],
  [5 * hour + 30 * minute, '5h30m'],
  [8 * hour + 30 * minute, '8h'],
  [47 * hour, '47h'],
  [2 * day, '2d'],
  [3 * day + 4 * hour, '3d4h'],
  [8 * day + 4 * hour, '8d'],
  [729 * day, '729d'],
  [2 * 365 * day, '2y'],
  [2 * 365 * day + 30 * day, '2y30d'],
  [9 * 365 * day, '9y'],
])('%d ms is %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

const spec = { containers: [{ name: 'a' }, { name: 'b' }] };
const running = { running: { startedAt: '2024-01-01T00:00:00Z' } };
const base = { image: '', imageID: '', restartCount: 0, ready: false };

describe('the status of pods', () => {
  test.each<[string, Partial<Pod>]>([
    ['Pending 0/2 0', { status: { phase: 'Pending' } }],
    [
      'Running 2/2 3',
      {
        status: {
          phase: 'Running',
          containerStatuses: [
            { ...base, name: 'a', ready: true, state: running, restartCount: 3 },
            { ...base, name: 'b', ready: true, state: running },
          ],
        },
      },
    ],
    [
      'CrashLoopBackOff 1/2 4',
      {
        status: {
          phase: 'Running',
          containerStatuses: [
            {
              ...base,
              name: 'a',
              state: { waiting: { reason: 'CrashLoopBackOff' } },
              restartCount: 4,
            },
            { ...base, name: 'b', ready: true, state: running },
          ],
        },
      },
    ],
    [
      'Completed 0/2 0',
      {
        status: {
          phase: 'Succeeded',
          containerStatuses: [
            { ...base, name: 'a', state: { terminated: { exitCode: 0, reason: 'Completed' } } },
            { ...base, name: 'b', state: { terminated: { exitCode: 0, reason: 'Completed' } } },
          ],
        },
      },
    ],
    [
      'NotReady 1/2 0',
      {
        status: {
          phase: 'Running',
          containerStatuses: [
            { ...base, name: 'a', state: { terminated: { exitCode: 0, reason: 'Completed' } } },
            { ...base, name: 'b', ready: true, state: running },
          ],
        },
      },
    ],
    [
      'ExitCode:3 0/2 0',
      {
        status: {
          phase: 'Failed',
          containerStatuses: [{ ...base, name: 'a', state: { terminated: { exitCode: 3 } } }],
        },
      },
    ],
    [
      'Init:0/1 0/2 0',
      {
        spec: { ...spec, initContainers: [{ name: 'i' }] },
        status: {
          phase: 'Pending',
          initContainerStatuses: [{ ...base, name: 'i', state: running }],
        },
      },
    ],
    [
      'Init:Error 0/2 2',
      {
        spec: { ...spec, initContainers: [{ name: 'i' }] },
        status: {
          phase: 'Pending',
          initContainerStatuses: [
            {
              ...base,
              name: 'i',
              restartCount: 2,
              state: { terminated: { exitCode: 1, reason: 'Error' } },
            },
          ],
        },
      },
    ],
    [
      'Running 3/3 1',
      {
        spec: { ...spec, initContainers: [{ name: 's', restartPolicy: 'Always' }] },
        status: {
          phase: 'Running',
          initContainerStatuses: [
            { ...base, name: 's', started: true, ready: true, state: running, restartCount: 1 },
          ],
          containerStatuses: [
            { ...base, name: 'a', ready: true, state: running },
            { ...base, name: 'b', ready: true, state: running },
          ],
        },
      },
    ],
    [
      'Terminating 0/2 0',
      {
        metadata: { name: 'p', deletionTimestamp: '2024-01-01T00:00:00Z' },
        status: { phase: 'Running' },
      },
    ],
    ['Evicted 0/2 0', { status: { phase: 'Failed', reason: 'Evicted' } }],
  ])('%s', (expected, part) => {
    const pod: Pod = { metadata: { name: 'p' }, spec, ...part };
    const { status, ready, total, restarts } = summarizePod(pod);
    expect(`${status} ${ready}/${total} ${restarts}`).toBe(expected);
  });
});

function rows(kind: typeof podKind, object: KubeObject) {
  const nowMs = Date.parse('2024-01-01T01:00:00Z');
  return kind.columns.map((column) => [column.name, column.priority, column.cell(object, nowMs)]);
}

const created = { name: 'x', namespace: 'd', creationTimestamp: '2024-01-01T00:00:00Z' };

test('tables', () => {
  const pod = { metadata: created, spec, status: { podIP: '10.0.0.1' } };
  expect(rows(podKind, pod)).toEqual([
    ['Name', 0, 'x'],
    ['Ready', 0, '0/2'],
    ['Status', 0, ''],
    ['Restarts', 0, '0'],
    ['Age', 0, '60m'],
    ['IP', 1, '10.0.0.1'],
    ['Node', 1, '<none>'],
    ['Nominated Node', 1, '<none>'],
    ['Readiness Gates', 1, '<none>'],
  ]);
  const service = {
    metadata: created,
    spec: { type: 'NodePort', clusterIP: '10.0.0.1', ports: [{ port: 80, nodePort: 30000 }] },
  };
  expect(rows(serviceKind, service)).toEqual([
    ['Name', 0, 'x'],
    ['Type', 0, 'NodePort'],
    ['Cluster-IP', 0, '10.0.0.1'],
    ['External-IP', 0, '<none>'],
    ['Port(s)', 0, '80:30000/TCP'],
    ['Age', 0, '60m'],
    ['Selector', 1, '<none>'],
  ]);
  const node = {
    metadata: { ...created, labels: { 'node-role.kubernetes.io/control-plane': '' } },
    spec: { unschedulable: true },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
  expect(rows(nodeKind, node)?.slice(0, 4)).toEqual([
    ['Name', 0, 'x'],
    ['Status', 0, 'Ready,SchedulingDisabled'],
    ['Roles', 0, 'control-plane'],
    ['Age', 0, '60m'],
  ]);
});
