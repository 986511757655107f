import type { Endpoint, EndpointSlice } from '../../../api/types/networking.js';
import { expect, test } from '@jest/globals';
import { mirrorAnnotations, mirrorWarnings, mirrorGroups } from './mirroring-controller.js';
import type { SliceGroup } from './plan.js';
import { planSlices } from './plan.js';

const ports = [{ name: '', port: 80, protocol: 'TCP' }];

function endpoints(from: number, to: number): Endpoint[] {
  return Array.from({ length: to - from }, (_, index) => ({
    addresses: [`10.0.${(from + index) >> 8}.${(from + index) & 255}`],
    conditions: { ready: true },
  }));
}

function group(from: number, to: number): SliceGroup {
  return { addressType: 'IPv4', ports, endpoints: endpoints(from, to) };
}

function slice(name: string, from: number, to: number): EndpointSlice {
  return {
    metadata: { name },
    addressType: 'IPv4',
    ports,
    endpoints: endpoints(from, to),
  };
}

test('what fits stays as it is', () => {
  expect(planSlices([group(0, 5)], [slice('a', 0, 5)], ['IPv4'])).toEqual({
    create: [],
    update: [],
    delete: [],
  });
});

test('new endpoints fill the room there is, then a new slice', () => {
  const changes = planSlices([group(0, 250)], [slice('a', 0, 90), slice('b', 90, 190)], []);
  expect(changes.update.map(({ metadata }) => metadata.name)).toEqual(['a']);
  expect(changes.update[0]?.endpoints).toHaveLength(100);
  expect(changes.create.map((made) => made.endpoints?.length)).toEqual([50]);
});

test('without endpoints one empty slice stays', () => {
  const emptied = planSlices([], [slice('a', 0, 5)], ['IPv4']);
  expect(emptied.create).toEqual([{ addressType: 'IPv4', endpoints: [], ports: [] }]);
  expect(emptied.delete.map(({ metadata }) => metadata.name)).toEqual(['a']);
  const empty = { metadata: { name: 'e' }, addressType: 'IPv4', endpoints: [] };
  expect(planSlices([], [empty], ['IPv4'])).toEqual({ create: [], update: [], delete: [] });
});

test('hand-written Endpoints keep their families apart', () => {
  const groups = mirrorGroups({
    metadata: { name: 'e' },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }], ports }],
  });
  expect(groups.map(({ addressType }) => addressType)).toEqual(['IPv4', 'IPv6']);
});

test('a mirror has the annotations of its source, but for those about the source itself', () => {
  const annotations = {
    own: 'x',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
    'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z',
  };
  expect(mirrorAnnotations({ metadata: { name: 'a', annotations } })).toEqual({ own: 'x' });
  expect(mirrorAnnotations({ metadata: { name: 'a' } })).toEqual({});
});

test('addresses beyond a thousand of a subset are not mirrored, and that is told', () => {
  const addresses = Array.from({ length: 1003 }, (_, at) => ({ ip: `10.0.0.${at}` }));
  const source = { metadata: { name: 's' }, subsets: [{ addresses }, { addresses: [] }] };
  expect(mirrorWarnings(source)).toEqual([
    {
      reason: 'TooManyAddressesToMirror',
      message:
        'A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. ' +
        '3 addresses were skipped',
    },
  ]);
});
