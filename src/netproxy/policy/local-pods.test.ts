import { expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import type { HeldPod } from '../types.js';
import { resolverPod, withHeld } from './local-pods.js';

const pod = (uid: string, nodeName: string, ips: readonly string[], spec: object = {}): Pod => ({
  metadata: { uid, namespace: 'team', name: uid, labels: { app: uid } },
  spec: { nodeName, containers: [], ...spec },
  status: { podIP: ips[0] ?? '', podIPs: ips.map((ip) => ({ ip })) },
});
const held = (podUid: string, ips: readonly string[], labels?: HeldPod['labels']): HeldPod => ({
  podUid,
  namespace: 'team',
  name: podUid,
  ips,
  ...(labels && { labels }),
});
const shown = (pods: readonly Pod[]): string[] =>
  pods.map(({ metadata, status }) => {
    const ips = status?.podIPs?.map(({ ip }) => ip).join(',') ?? '';
    return `${metadata.uid} ${ips}`.trim();
  });

test('without addresses of its own a node believes the API', () => {
  const pods = [pod('a', 'n1', ['10.0.0.1'])];
  expect(withHeld(pods, [], 'n1')).toBe(pods);
});

test('a pod has the address that this node gave it, whatever the API says', () => {
  const pods = [pod('a', 'n1', []), pod('b', 'n1', ['10.0.0.9'])];
  const now = withHeld(pods, [held('a', ['10.0.0.1']), held('b', ['10.0.0.2', 'fd00::2'])], 'n1');
  expect(shown(now)).toEqual(['a 10.0.0.1', 'b 10.0.0.2,fd00::2']);
  expect(now.map(({ status }) => status?.podIP)).toEqual(['10.0.0.1', '10.0.0.2']);
  // What came from an informer is not changed.
  expect(pods[0]?.status?.podIPs).toEqual([]);
});

test('an address that has gone to another is no longer of the one who had it', () => {
  const pods = [pod('old', 'n1', ['10.0.0.1', '10.0.0.7']), pod('new', 'n1', [])];
  expect(shown(withHeld(pods, [held('new', ['10.0.0.1'])], 'n1'))).toEqual([
    'old 10.0.0.7',
    'new 10.0.0.1',
  ]);
});

test.each([
  ['of another node', pod('other', 'n2', ['10.0.0.1'])],
  ['on the host network', pod('host', 'n1', ['10.0.0.1'], { hostNetwork: true })],
])('an address of a pod %s stays its own', (_, other) => {
  const now = withHeld([other], [held('mine', ['10.0.0.1'], {})], 'n1');
  expect(shown(now)).toEqual([`${other.metadata.uid} 10.0.0.1`, 'mine 10.0.0.1']);
});

test('a pod that the API does not know yet counts with the labels that it has', () => {
  const [made] = withHeld([], [held('young', ['10.0.0.5'], { app: 'web' })], 'n1');
  expect(made).toMatchObject({
    metadata: { uid: 'young', namespace: 'team', name: 'young', labels: { app: 'web' } },
    spec: { nodeName: 'n1' },
    status: { podIP: '10.0.0.5', podIPs: [{ ip: '10.0.0.5' }] },
  });
  const [adopted] = withHeld([], [held('earlier', ['10.0.0.6'])], 'n1');
  expect(adopted?.metadata.labels).toEqual({});
});

test('the name server stands for the pods that policies name', () => {
  const { metadata, spec, status } = resolverPod('10.96.0.10');
  expect(metadata).toMatchObject({ namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } });
  expect(status?.podIP).toBe('10.96.0.10');
  const ports = spec?.containers.flatMap((container) => container.ports ?? []) ?? [];
  expect(ports.map((port) => `${port.containerPort}/${port.protocol}`)).toEqual([
    '53/UDP',
    '53/TCP',
  ]);
});
