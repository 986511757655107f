import { expect, test } from '@jest/globals';
import type { RotationPart, RotationStep } from '../../master/cluster/rotation.js';
import type { NextAction, RotatingNode, RotationFacts } from './plan.js';
import { nextAction } from './plan.js';

const node = (name: string, more: Partial<RotatingNode> = {}): RotatingNode => ({
  name,
  isReady: true,
  believes: ['old'],
  signedBy: 'old',
  ...more,
});

const facts = (
  step: RotationStep,
  parts: readonly RotationPart[],
  more: Partial<RotationFacts> & { readonly rewritten?: boolean } = {},
): RotationFacts => ({
  rotation: { id: 'r', parts, step, sinceMs: 1000, rewritten: more.rewritten ?? false, keys: {} },
  masters: [
    { name: 'm1', mark: `r/${step}` },
    { name: 'm2', mark: `r/${step}` },
  ],
  nodes: [],
  newAuthority: parts.includes('ca') ? 'new' : '',
  without: [],
  nowMs: 2000,
  tokenLifeMs: 5000,
  ...more,
});

const wait = (...whom: string[]): NextAction => ({ kind: 'wait', for: whom });

test.each<[string, RotationFacts, NextAction]>([
  [
    'a master that is behind or silent holds it up',
    facts('use', ['encryption'], {
      masters: [
        { name: 'm1', mark: 'r/use' },
        { name: 'm2', mark: 'r/trust' },
        { name: 'm3', mark: '' },
      ],
    }),
    wait('the master m2', 'the master m3'),
  ],
  [
    'nodes must believe the new authority before it is used',
    facts('trust', ['ca'], {
      nodes: [node('a', { believes: ['old', 'new'] }), node('b'), node('c', { isReady: false })],
    }),
    wait('the node b', 'the node c, which is not ready'),
  ],
  [
    'and have its certificates before the old one goes',
    facts('use', ['ca'], {
      rewritten: true,
      nodes: [node('a', { believes: ['old', 'new'] }), node('b', { signedBy: 'new' })],
    }),
    wait('the node a'),
  ],
  [
    'those that are left behind are not waited for',
    facts('use', ['ca'], { rewritten: true, nodes: [node('a')], without: ['a'] }),
    { kind: 'advance', to: 'drop' },
  ],
  [
    'nodes have no part in other keys',
    facts('trust', ['encryption', 'etcd-ca'], { nodes: [node('a')] }),
    { kind: 'advance', to: 'use' },
  ],
  ['then what is old is made anew', facts('use', ['encryption']), { kind: 'rewrite' }],
  [
    'tokens may live on',
    facts('use', ['service-account'], { rewritten: true }),
    { kind: 'later', atMs: 6000 },
  ],
  [
    'until their time is over',
    facts('use', ['service-account'], { rewritten: true, nowMs: 6000 }),
    { kind: 'advance', to: 'drop' },
  ],
  [
    'which certificates do not wait for',
    facts('use', ['etcd-ca'], { rewritten: true }),
    { kind: 'advance', to: 'drop' },
  ],
  ['the end', facts('drop', ['encryption'], { rewritten: true }), { kind: 'finish' }],
])('%s', (_, found, action) => {
  expect(nextAction(found)).toEqual(action);
});
