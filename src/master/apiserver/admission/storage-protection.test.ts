import { expect, test } from '@jest/globals';
import { admit, ApiBench } from '../testkit/api-bench.js';
import { storageProtection } from './storage-protection.js';

test.each([
  ['PersistentVolumeClaim', ['kubernetes.io/pvc-protection']],
  ['PersistentVolume', ['kubernetes.io/pv-protection']],
  ['ConfigMap', undefined],
])('a new %s', async (kind, finalizers) => {
  const bench = await ApiBench.create();
  const namespace = kind === 'PersistentVolume' ? {} : { namespace: 'ns' };
  const draft = { apiVersion: 'v1', kind, metadata: { name: 'c', ...namespace }, spec: {} };
  expect(storageProtection().handles(bench.request(draft))).toBe(finalizers !== undefined);
  const made = await admit(storageProtection(), bench.request(draft));
  expect(made.metadata.finalizers).toEqual(finalizers);
  const again = await admit(storageProtection(), bench.request({ ...draft, ...made }));
  expect(again.metadata.finalizers).toEqual(finalizers);
});
