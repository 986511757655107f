import { expect, test } from '@jest/globals';
import type { Situation } from './allocations.js';
import { choose, deviceRequests, joinGrants, noGrant, settle } from './allocations.js';

const resource = 'example.com/gpu';
const none: ReadonlySet<string> = new Set();
const situation = (change: Partial<Situation>): Situation => ({
  resource,
  count: 2,
  healthy: new Set(['a', 'b', 'c']),
  held: undefined,
  reusable: none,
  inUse: none,
  ...change,
});

test.each<[string, Partial<Situation>, ReturnType<typeof choose>]>([
  ['all that are free', {}, { certain: [], free: ['a', 'b', 'c'], missing: 2 }],
  [
    'none that others have',
    { inUse: new Set(['b']) },
    { certain: [], free: ['a', 'c'], missing: 2 },
  ],
  [
    "an init container's first",
    { reusable: new Set(['b']), inUse: new Set(['b']) },
    { certain: ['b'], free: ['a', 'c'], missing: 1 },
  ],
  [
    "an init container's alone",
    { reusable: new Set(['b', 'c', 'a']), inUse: new Set(['a', 'b', 'c']) },
    { certain: ['b', 'c'], free: [], missing: 0 },
  ],
  ['nothing for one that has them, healthy or not', { held: ['x', 'y'] }, undefined],
])('a container may have %s', (_, change, expected) => {
  expect(choose(situation(change))).toEqual(expected);
});

test.each<[Partial<Situation>, string]>([
  [{ healthy: undefined }, 'cannot allocate unregistered device example.com/gpu'],
  [
    { healthy: none },
    'no healthy devices present; cannot allocate unhealthy devices example.com/gpu',
  ],
  [
    { inUse: new Set(['a', 'b']) },
    'requested number of devices unavailable for example.com/gpu. Requested: 2, Available: 1',
  ],
  [{ held: ['a'] }, 'the request for resource "example.com/gpu" changed from 1 to 2'],
])('%j: %s', (change, text) => {
  expect(() => choose(situation(change))).toThrow(text);
});

test('the plugin is heeded as far as what it prefers may be had', () => {
  const choice = { certain: ['z'], free: ['a', 'b', 'c'], missing: 2 };
  expect(settle(choice, ['c', 'c', 'unknown', 'z'])).toEqual(['z', 'c', 'a']);
  expect(settle(choice, ['c', 'b', 'a'])).toEqual(['z', 'c', 'b']);
  expect(settle(choice, [])).toEqual(['z', 'a', 'b']);
});

test('devices are asked for by limits', () => {
  const resources = { limits: { cpu: '1', [resource]: '2', 'example.com/none': '0' } };
  expect(deviceRequests({ resources }, (name) => name !== 'cpu')).toEqual([{ resource, count: 2 }]);
});

test('of two grants of one name or path the first counts', () => {
  const mount = { hostPath: '/a', containerPath: '/m', readOnly: true };
  const device = { hostPath: '/dev/a', containerPath: '/dev/d', permissions: 'rw' };
  const first = {
    env: [['A', '1'] as const],
    mounts: [mount],
    devices: [device],
    annotations: { k: '1' },
    cdiDevices: ['v/c=1'],
  };
  const second = {
    env: [['A', '2'] as const, ['B', '2'] as const],
    mounts: [{ ...mount, hostPath: '/b' }],
    devices: [{ ...device, hostPath: '/dev/b' }],
    annotations: { k: '2', l: '2' },
    cdiDevices: ['v/c=1', 'v/c=2'],
  };
  expect(joinGrants([first, second])).toEqual({
    env: [
      ['A', '1'],
      ['B', '2'],
    ],
    mounts: [mount],
    devices: [device],
    annotations: { k: '1', l: '2' },
    cdiDevices: ['v/c=1', 'v/c=2'],
  });
  expect(joinGrants([])).toEqual(noGrant);
});
