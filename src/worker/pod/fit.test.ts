import { expect, test } from '@jest/globals';
import type { Node, Pod, PodSpec } from '../../api/types/core.js';
import { misfitOf } from './fit.js';

const allocatable = { cpu: '2', memory: '1000Mi', 'ephemeral-storage': '10Gi', pods: '3' };
const node: Node = {
  metadata: { name: 'n1', labels: { disk: 'ssd' } },
  spec: {
    taints: [
      { key: 'new', effect: 'NoSchedule' },
      { key: 'broken', value: 'yes', effect: 'NoExecute' },
    ],
  },
  status: { allocatable: { cpu: '64', 'example.com/dongle': '1' } },
};
const tolerations = [{ key: 'broken', operator: 'Exists' as const }];

function pod(spec: Partial<PodSpec>): Pod {
  return { metadata: { name: 'p' }, spec: { containers: [{ name: 'a' }], tolerations, ...spec } };
}

function asking(requests: Record<string, string>): Pod {
  return pod({ containers: [{ name: 'a', resources: { requests } }] });
}

function withPort(hostPort: number, more: { protocol?: string; hostIP?: string } = {}): Pod {
  return pod({ containers: [{ name: 'a', ports: [{ containerPort: 80, hostPort, ...more }] }] });
}

function misfit(wanted: Pod, ...others: Pod[]): string | undefined {
  const found = misfitOf(wanted, { node, allocatable, others });
  return found && `${found.reason}: ${found.message}`;
}

const lacks = (name: string, requested: number, used: number, capacity: number): string =>
  `OutOf${name}: Node didn't have enough resource: ${name}, ` +
  `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
const noPort =
  "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
const noAffinity =
  "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
const noToleration =
  "TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate";
const mebibyte = 2 ** 20;

/** The reasons and messages are those of kubelet lifecycle/predicate.go. */
test.each<readonly [string, Pod, readonly Pod[], string | undefined]>([
  ['a pod that asks for nothing', pod({}), [], undefined],
  ['the last pod', pod({}), [pod({}), pod({})], undefined],
  ['one too many', asking({ cpu: '9' }), [pod({}), pod({}), pod({})], lacks('pods', 1, 3, 3)],
  ['all CPU', asking({ cpu: '1500m' }), [asking({ cpu: '500m' })], undefined],
  ['more CPU', asking({ cpu: '1501m' }), [asking({ cpu: '500m' })], lacks('cpu', 1501, 500, 2000)],
  [
    'memory',
    asking({ memory: '600Mi' }),
    [asking({ memory: '500Mi' })],
    lacks('memory', 600 * mebibyte, 500 * mebibyte, 1000 * mebibyte),
  ],
  ['CPU before memory', asking({ memory: '2Gi', cpu: '3' }), [], lacks('cpu', 3000, 0, 2000)],
  ['nothing, where others have too much', pod({}), [asking({ cpu: '3' })], undefined],
  [
    'storage',
    asking({ 'ephemeral-storage': '11Gi' }),
    [],
    lacks('ephemeral-storage', 11 * 2 ** 30, 0, 10 * 2 ** 30),
  ],
  [
    'a device that is taken',
    asking({ 'example.com/dongle': '1' }),
    [asking({ 'example.com/dongle': '1' })],
    lacks('example.com/dongle', 1, 1, 1),
  ],
  ['a device of the cluster', asking({ 'example.com/license': '1' }), [], undefined],
  ['huge pages', asking({ 'hugepages-2Mi': '2Mi' }), [], lacks('hugepages-2Mi', 2097152, 0, 0)],
  ['a free port', withPort(80), [withPort(81), withPort(80, { protocol: 'UDP' })], undefined],
  ['a port that is taken', withPort(80), [withPort(80)], noPort],
  ['the port of one address', withPort(80, { hostIP: '10.0.0.1' }), [withPort(80)], noPort],
  [
    'the same of another address',
    withPort(80, { hostIP: '10.0.0.1' }),
    [withPort(80, { hostIP: '10.0.0.2' })],
    undefined,
  ],
  ['a label of the node', pod({ nodeSelector: { disk: 'ssd' } }), [], undefined],
  ['another label', pod({ nodeSelector: { disk: 'hdd' } }), [], noAffinity],
  ['a taint that executes', pod({ tolerations: [] }), [], noToleration],
  [
    'affinity before ports and taints',
    { ...withPort(80), spec: { ...withPort(80).spec, nodeSelector: { a: 'b' }, tolerations: [] } },
    [withPort(80)],
    noAffinity,
  ],
])('%s', (_name, wanted, others, message) => {
  expect(misfit(wanted, ...others)).toBe(message);
});

test('the object of the node decides labels and taints alone', () => {
  const of = (wanted: Pod): boolean | undefined =>
    misfitOf(wanted, { node, allocatable, others: [] })?.isOfNode;
  expect(of(pod({ nodeSelector: { disk: 'hdd' } }))).toBe(true);
  expect(of(pod({ tolerations: [] }))).toBe(true);
  expect(of(asking({ cpu: '3' }))).toBe(false);
  const unseen = { node: undefined, allocatable, others: [] };
  expect(misfitOf(pod({ nodeSelector: { disk: 'hdd' } }), unseen)).toBeUndefined();
});
