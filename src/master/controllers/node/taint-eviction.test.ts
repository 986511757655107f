import { expect, test } from '@jest/globals';
import type { Node, Toleration } from '../../../api/types/core.js';
import { evictionDelayMs, wantedTaints } from './taints.js';

const at = '2026-01-01T00:00:00Z';
const atMs = Date.parse(at);
const taint = { key: 'k', effect: 'NoExecute', timeAdded: at };
const tolerate = (tolerationSeconds?: number): Toleration => ({
  key: 'k',
  operator: 'Exists',
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});

test.each([
  ['no taint', [], [], undefined],
  ['no toleration', [taint], [], 0],
  ['tolerated for ever', [taint], [tolerate()], undefined],
  ['tolerated for a while', [taint], [tolerate(30)], 20_000],
  ['the shortest counts', [taint], [tolerate(30), tolerate(15)], 5000],
  ['not below zero', [taint], [tolerate(-5)], 0],
  ['other effects do not evict', [{ key: 'k', effect: 'NoSchedule' }], [], undefined],
] as const)('%s', (_name, taints, tolerations, delayMs) => {
  expect(evictionDelayMs(taints, tolerations, atMs + 10_000)).toBe(delayMs);
});

function node(ready: string | undefined, unschedulable = false): Node {
  const conditions = ready === undefined ? [] : [{ type: 'Ready', status: ready }];
  return { metadata: { name: 'n' }, spec: { unschedulable }, status: { conditions } };
}

test.each([
  ['ready', node('True'), 'begin', []],
  ['cordoned', node('True', true), 'begin', ['unschedulable:NoSchedule']],
  ['not ready', node('False'), 'begin', ['not-ready:NoSchedule', 'not-ready:NoExecute']],
  ['silent', node('Unknown'), 'begin', ['unreachable:NoSchedule', 'unreachable:NoExecute']],
  ['silent while all are', node('Unknown'), 'keep', ['unreachable:NoSchedule']],
  ['never heard of', node(undefined), 'begin', []],
] as const)('taints of a node that is %s', (_name, object, step, wanted) => {
  const taints = wantedTaints(object, step, at);
  expect(taints.map(({ key, effect }) => `${key.split('/')[1]}:${effect}`)).toEqual(wanted);
});
