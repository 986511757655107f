import { expect, test } from '@jest/globals';
import type { Pod } from '../../../../api/types/core.js';
import { ManualClock } from '../../../../lib/clock.js';
import { podCheckMs, podsToCheck } from '../../limits.js';
import { podWarnings } from './namespace-pods.js';

const enforce = { level: 'baseline', version: 'latest' } as const;

function pod(name: string, spec: Partial<Pod['spec']> = {}, owner?: string): Pod {
  const reference = { apiVersion: 'v1', kind: 'X', name: 'x', uid: owner ?? '', controller: true };
  return {
    metadata: { name, ...(owner === undefined ? {} : { ownerReferences: [reference] }) },
    spec: { containers: [{ name: 'a' }], ...spec },
  };
}

function warn(pods: readonly Pod[], clock = new ManualClock()): Promise<string[]> {
  return podWarnings({
    namespace: 'ns',
    enforce,
    pods: pods.map((one) => () => one),
    isExempt: ({ spec }) => spec.runtimeClassName === 'exempt',
    clock,
  });
}

test('pods with the same violations are counted together, under the first name', async () => {
  const warnings = await warn([
    pod('z', { hostNetwork: true }),
    pod('fine'),
    pod('b', { hostNetwork: true }),
    pod('c', { hostNetwork: true }),
    pod('d', { hostPID: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
    pod('e', { hostPID: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
    pod('skipped', { hostNetwork: true, runtimeClassName: 'exempt' }),
  ]);
  expect(warnings).toEqual([
    'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
    'b (and 2 other pods): host namespaces',
    'd (and 1 other pod): host namespaces, hostPath volumes',
  ]);
});

test('one pod alone, and none', async () => {
  expect((await warn([pod('a', { hostIPC: true })])).at(-1)).toBe('a: host namespaces');
  expect(await warn([pod('a')])).toEqual([]);
});

test('the number of pods is bounded; pods of other owners come before more of the same', async () => {
  const many = Array.from({ length: podsToCheck + 5 }, (_, index) => pod(`p${index}`, {}, 'one'));
  const last = pod('last', { hostPID: true }, 'two');
  expect(await warn([...many, last])).toEqual([
    `new PodSecurity enforce level only checked against the first ${podsToCheck} of ${podsToCheck + 6} existing pods`,
    'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
    'last: host namespaces',
  ]);
});

test('the time is bounded', async () => {
  const clock = new ManualClock();
  const slow = (): Pod => {
    clock.advance(podCheckMs / 2 + 1);
    return pod('p');
  };
  const warnings = await podWarnings({
    namespace: 'ns',
    enforce,
    pods: Array.from({ length: 10 }, () => slow),
    isExempt: () => false,
    clock,
  });
  expect(warnings).toEqual([
    'new PodSecurity enforce level only checked against the first 1 of 10 existing pods',
  ]);
});
