import { expect, test } from '@jest/globals';
import type { Node } from '../../../api/types/core.js';
import type { Endpoint } from '../../../api/types/networking.js';
import { movesShares, planZoneHints, zoneShares } from './zone-hints.js';

const node = (zone: string | undefined, cpu = '4', more: object = {}, ready = 'True'): Node => ({
  metadata: {
    name: 'n',
    labels: { ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone }), ...more },
  },
  spec: {},
  status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: ready }] },
});
const master = 'node-role.kubernetes.io/control-plane';
const even = zoneShares([node('a'), node('b')]);
/** Endpoints by the zones that they are in; in capitals: not ready. */
const endpoints = (zones: string): Endpoint[] =>
  zones.split('').map((zone) => ({
    addresses: ['10.0.0.1'],
    conditions: { ready: zone === zone.toLowerCase() },
    ...(zone === '-' ? {} : { zone: zone.toLowerCase() }),
  }));
const hints = (zones: string, shares = even): string => {
  const plan = planZoneHints(endpoints(zones), shares);
  return 'problem' in plan ? plan.problem : plan.zones.map((zone) => zone ?? '.').join('');
};

test.each([
  ['as many as processors', [node('a'), node('b', '8')], ['a 0.33', 'b 0.67']],
  [
    'masters do not count',
    [node('a'), node('b'), node('c', '4', { [master]: '' })],
    ['a 0.50', 'b 0.50'],
  ],
  [
    'nor nodes that are not ready',
    [node('a'), node('b'), node('c', '4', {}, 'False')],
    ['a 0.50', 'b 0.50'],
  ],
  ['one zone', [node('a'), node('a')], undefined],
  ['a node without zone', [node('a'), node('b'), node(undefined)], undefined],
  ['a node without processors', [node('a'), node('b', '0')], undefined],
])('shares: %s', (_, nodes, wanted) => {
  const found = zoneShares(nodes);
  expect(found && [...found].map(([zone, share]) => `${zone} ${share.toFixed(2)}`)).toEqual(wanted);
});

test.each([
  ['each its own', 'aabb', 'aabb'],
  ['one too many moves', 'aaab', 'baab'],
  ['all in one zone', 'aaaa', 'bbaa'],
  ['only ready ones', 'aAbB', 'a.b.'],
  ['too few', 'a', 'Insufficient number of endpoints (1 endpoints, 2 zones)'],
  [
    'a zone is missing',
    'ab-',
    'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (3 endpoints, 2 zones)',
  ],
  ['a zone is missing', 'aab-', 'One or more endpoints do not have a zone specified'],
])('%s', (_, zones, wanted) => {
  expect(hints(zones)).toBe(wanted);
});

test('without knowing the nodes there are none', () => {
  expect(planZoneHints(endpoints('ab'), undefined)).toEqual({
    problem:
      'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes',
  });
});

test.each([
  [
    'its heartbeat',
    node('a'),
    { ...node('a'), status: { ...node('a').status, images: [] } },
    false,
  ],
  ['its processors', node('a'), node('a', '8'), true],
  ['its zone', node('a'), node('b'), true],
  ['that it is ready', node('a'), node('a', '4', {}, 'False'), true],
  ['that it is a master', node('a'), node('a', '4', { [master]: '' }), true],
])('a change of %s moves shares or does not', (_, old, object, wanted) => {
  expect(movesShares({ type: 'update', old, object })).toBe(wanted);
  expect(movesShares({ type: 'delete', object })).toBe(true);
});
