import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { Pod, PodSpec } from '../types/core.js';
import { validatePodUpdate } from './pod-update.js';

const schedulingGates = [{ name: 'a/b' }];
const containers = [{ name: 'c', image: 'i' }];

function updated(next: Partial<PodSpec>, old: Partial<PodSpec>): string[] {
  const pod = (spec: Partial<PodSpec>): Pod =>
    ({ metadata: {}, spec: { containers, ...spec } }) as Pod;
  return validatePodUpdate(pod(next), pod(old)).map(formatFieldError);
}

const needs = (...keys: readonly string[]): PodSpec['affinity'] => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: keys.map((key) => ({ key, operator: 'Exists' })) }],
    },
  },
});
const prefers = (weight: number): PodSpec['affinity'] => ({
  nodeAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [{ weight, preference: {} }],
  },
});
const terms =
  'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
const others = 'spec: Forbidden: pod updates may not change fields other than';

describe('a pod that gates hold', () => {
  test.each<[string, Partial<PodSpec>, Partial<PodSpec>, string[]]>([
    ['may want fewer nodes', { affinity: needs('x', 'y') }, { affinity: needs('x') }, []],
    ['may begin to want some', { affinity: needs('x') }, {}, []],
    ['may prefer others', { affinity: prefers(2) }, { affinity: prefers(1) }, []],
    ['may prefer none', {}, { affinity: prefers(1) }, []],
    ['may select more', { nodeSelector: { a: 'b' } }, {}, []],
    [
      'may not go to others',
      { affinity: needs('y') },
      { affinity: needs('x') },
      [`${terms}[0]: Invalid value: `],
    ],
    ['may not go anywhere', {}, { affinity: needs('x') }, [`${terms}: Invalid value: []: no `]],
    [
      'may not begin to avoid pods',
      {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'k' }],
          },
        },
      },
      { affinity: prefers(1) },
      [others],
    ],
    [
      'keeps what it selects',
      { nodeSelector: { a: 'c' } },
      { nodeSelector: { a: 'b' } },
      [
        'spec.nodeSelector: Invalid value: {"a":"c"}: only additions to spec.nodeSelector are allowed',
      ],
    ],
    [
      'gets no further gate',
      { schedulingGates: [...schedulingGates, { name: 'n' }] },
      {},
      [
        "spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'n'",
      ],
    ],
  ])('%s', (_what, next, old, errors) => {
    const found = updated({ schedulingGates, ...next }, { schedulingGates, ...old });
    expect(found).toEqual(errors.map((text) => expect.stringContaining(text)));
  });
});

test('without gates nothing of it may change', () => {
  expect(updated({ affinity: prefers(2) }, { affinity: prefers(1) })).toEqual([
    expect.stringContaining(others),
  ]);
});
