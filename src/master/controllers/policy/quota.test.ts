/** The controller of quotas on the fake API: its loop, not its counting. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { jsonEqual } from '../../../api/equal.js';
import type { KubeObject } from '../../../api/object.js';
import type { ResourceQuota } from '../../../api/types/core.js';
import type { CustomResourceDefinition } from '../../../api/types/policy.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';

const key = { namespace: 'default', name: 'limits' };

describe('the status of a quota', () => {
  let running: RunningControllers;

  afterEach(() => running.stop());

  test('what others write into it does not stay', async () => {
    // test/e2e/apimachinery/resource_quota.go: "Spec was unchanged and /status reset".
    running = await runControllers(['resourcequota-controller']);
    const hard = { cpu: '1', memory: '1Gi' };
    const holds = ({ status }: ResourceQuota): boolean =>
      status?.hard?.['cpu'] === '1' && status.used?.['cpu'] === '0';
    await running.api.create<ResourceQuota>(resources.resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: key,
      spec: { hard },
    });
    const counted = await running.untilObject(resources.resourceQuotas, key, holds);
    const status = { ...counted.status, hard: { cpu: '2', memory: '2Gi' } };
    await running.api.updateStatus<ResourceQuota>(resources.resourceQuotas, { ...counted, status });
    await running.untilObject(resources.resourceQuotas, key, holds);
  });

  test('leases are read once a quota limits how many there are', async () => {
    running = await runControllers(['resourcequota-controller']);
    const { api } = running;
    const watched: string[] = [];
    const watch = api.watch.bind(api);
    api.watch = (resource, ...rest) => {
      watched.push(resource.resource);
      return watch(resource, ...rest);
    };
    const quota = (name: string, hard: Record<string, string>) =>
      api.create<ResourceQuota>(resources.resourceQuotas, {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { ...key, name },
        spec: { hard },
      });
    const counted = (name: string, wanted: Record<string, string>) =>
      running.untilObject<ResourceQuota>(resources.resourceQuotas, { ...key, name }, ({ status }) =>
        jsonEqual(status?.used, wanted),
      );
    const lease = { ...key, name: 'held' };
    await api.create(resources.leases, { metadata: lease });
    await quota('pods', { pods: '1' });
    await counted('pods', { pods: '0' });
    expect(watched).not.toContain('leases');
    const count = 'count/leases.coordination.k8s.io';
    await quota('leases', { [count]: '2' });
    await counted('leases', { [count]: '1' });
    // Not before, with everything else.
    expect(watched).toContain('leases');
    await api.delete(resources.leases, lease);
    await counted('leases', { [count]: '0' });
  });

  test('custom resources are counted once their definition is there', async () => {
    running = await runControllers(['resourcequota-controller']);
    const { api } = running;
    const counted = (wanted: Record<string, string>) =>
      running.untilObject<ResourceQuota>(resources.resourceQuotas, key, ({ status }) =>
        jsonEqual(status?.used, wanted),
      );
    const name = 'count/gadgets.example.com';
    await api.create<ResourceQuota>(resources.resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: key,
      spec: { hard: { [name]: '5', pods: '1' } },
    });
    await counted({ pods: '0' });
    const gadgets = { group: 'example.com', resource: 'gadgets' };
    const gadget = {
      apiVersion: 'example.com/v1',
      kind: 'Gadget',
      metadata: { ...key, name: 'a' },
    };
    await api.create<KubeObject>(gadgets, gadget);
    await api.create<CustomResourceDefinition>(resources.customResourceDefinitions, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gadgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'gadgets', kind: 'Gadget' },
        versions: [{ name: 'v1', served: true, storage: true }],
      },
      status: { conditions: [{ type: 'Established', status: 'True' }] },
    });
    await counted({ [name]: '1', pods: '0' });
    await api.delete(gadgets, { ...key, name: 'a' });
    await counted({ [name]: '0', pods: '0' });
  });
});
